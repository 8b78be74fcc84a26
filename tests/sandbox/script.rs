//! The shell scripts that tests run, so that each command of one that fails is seen.

/// What a script begins with. `not COMMAND` fails if the command succeeds.
const PRELUDE: &str = "not() { ! \"$@\"; }\n";

/// A script for `sh -ec`. Panics if a command before the last one is negated with `!`: `-e` does not end the script
/// where such a command fails (POSIX, `set`), so nothing would be asserted.
#[must_use]
#[track_caller]
pub fn script(text: &str) -> String {
    let mut commands = text.split([';', '\n']).map(str::trim).filter(|command| !command.is_empty());
    commands.next_back();
    let ignored = commands.find(|command| command.starts_with("! "));
    assert!(ignored.is_none(), "sh -e ignores that this fails, write `not` instead of `!`: {ignored:?}");
    format!("{PRELUDE}{text}")
}
