//! Where our session lines stand among those of other modules.
//!
//! libpam calls session lines from the top to the bottom, at close as well. The first of ours ends the
//! session before anybody else closes anything; the last builds the jail of what the others have made.

use crate::host::pam::stack::{Line, Stack};
use crate::report::Location;
use pam_sftpjail::escape::escaped;

/// They undo at close what they, or what they run, did at open: mostly mounts.
const CLOSERS: [&str; 9] = [
    "pam_mount.so",
    "pam_fscrypt.so",
    "pam_exec.so",
    "pam_script.so",
    "pam_zfs_key.so",
    "pam_ecryptfs.so",
    "pam_encfs.so",
    "pam_systemd_home.so",
    "pam_namespace.so",
];

/// Before which line of the session stack the first of ours belongs: before all others, but for
/// `pam_selinux.so close`, which asks to be the first (pam_selinux(8)). It may be: it sets back what the
/// process executes its next program as, and closes nothing that is in a jail.
pub(crate) fn location_of_first(stack: &Stack) -> Option<&Location> {
    let is_selinux = |line: &&Line| {
        line.is("pam_selinux.so")
            && line.module.as_ref().is_some_and(|m| m.arguments.iter().any(|a| a == "close"))
    };
    stack.lines.iter().find(|line| !is_selinux(line)).map(|line| &line.top)
}

/// A line that should not stand where it does, and why.
pub(crate) struct Misplaced<'a> {
    pub(crate) line: &'a Line,
    why: &'static str,
}

impl Misplaced<'_> {
    /// The module, its place, and what it does there.
    pub(crate) fn told(&self) -> String {
        let path = self.line.module.as_ref().map(|module| module.path.as_str()).unwrap_or_default();
        format!("{} at {} {}", escaped(path), self.line.location, self.why)
    }
}

/// The first line above the one at `end` for which a first line of ours above it is needed.
pub(crate) fn needs_first(stack: &Stack, end: usize) -> Option<Misplaced<'_>> {
    stack.lines.iter().take(end).find_map(|line| {
        let why = if closes(line) {
            "then closes what it opened inside of the session's mount namespace, so that the host may keep it"
        } else if reads_users_environment(line) {
            "reads the user's ~/.pam_environment, which can replace what sshd says of the key"
        } else {
            return None;
        };
        Some(Misplaced { line, why })
    })
}

/// The first line below the one at `last` which should be above it.
pub(crate) fn below_last(stack: &Stack, last: usize) -> Option<Misplaced<'_>> {
    let line = stack.lines.iter().skip(last + 1).find(|line| closes(line))?;
    Some(Misplaced {
        line,
        why: "stands below it: what that mounts is missing in the jail, and may be missing on the host",
    })
}

fn closes(line: &Line) -> bool {
    CLOSERS.iter().any(|name| line.is(name))
}

/// pam_env(8): not unless it is said, as in Debian's line for sshd.
fn reads_users_environment(line: &Line) -> bool {
    let says = |argument: &String| argument.strip_prefix("user_readenv=").is_some_and(|value| value != "0");
    line.is("pam_env.so") && line.module.as_ref().is_some_and(|module| module.arguments.iter().any(says))
}
