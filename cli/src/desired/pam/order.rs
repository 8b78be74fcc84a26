//! The order of session lines: sftpjail's module is the first and the last of them.
//!
//! libpam calls session lines from the top to the bottom, at close as well. The module's first line ends the session
//! before another module closes anything. Its last line builds the jail from what the others have made or mounted.

use crate::host::pam::stack::{Line, Stack};
use crate::report::Location;
use pam_sftpjail::escape::escaped;
use std::fmt::{self, Display};

/// Modules that undo at close what they have done at open, or what a program of theirs has done: mounts, mostly.
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

/// The location of the session line above which the module's first line belongs: the topmost one, except for
/// `pam_selinux.so close`, which must be the first (pam_selinux(8)). That does no harm: it resets the context in which
/// the process executes its next program, and closes nothing that is in a jail.
pub(crate) fn location_of_first(stack: &Stack) -> Option<&Location> {
    let is_selinux = |line: &&Line| {
        line.is("pam_selinux.so")
            && line.module.as_ref().is_some_and(|m| m.arguments.iter().any(|a| a == "close"))
    };
    stack.lines.iter().find(|line| !is_selinux(line)).map(|line| &line.top)
}

/// A line that is in the wrong order with one of the module's, and why. Shown as a sentence: the module, its location,
/// and what it does there.
pub(crate) struct Misplaced<'a> {
    line: &'a Line,
    why: &'static str,
}

impl Display for Misplaced<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.line.module.as_ref().map(|module| module.path.as_str()).unwrap_or_default();
        write!(f, "{} at {} {}", escaped(path), self.line.location, self.why)
    }
}

/// The first line above the one at position `end` that needs the module's first line above it.
pub(crate) fn needs_first(stack: &Stack, end: usize) -> Option<Misplaced<'_>> {
    stack.lines.iter().take(end).find_map(|line| {
        let why = if closes(line) {
            "closes at logout what it opened, but still inside of the session's mount namespace, so the host may keep it"
        } else if reads_users_environment(line) {
            "reads the user's ~/.pam_environment, which can replace what sshd says about the key"
        } else {
            return None;
        };
        Some(Misplaced { line, why })
    })
}

/// The first line below the one at position `last` that should be above it.
pub(crate) fn below_last(stack: &Stack, last: usize) -> Option<Misplaced<'_>> {
    let line = stack.lines.iter().skip(last + 1).find(|line| closes(line))?;
    Some(Misplaced {
        line,
        why: "stands below it: what that module mounts is missing in the jail, and may be missing on the host",
    })
}

fn closes(line: &Line) -> bool {
    CLOSERS.iter().any(|name| line.is(name))
}

/// Whether it is a line of pam_env that reads ~/.pam_environment: only with `user_readenv=1`, as in Debian's line for
/// sshd (pam_env(8)).
fn reads_users_environment(line: &Line) -> bool {
    let says = |argument: &String| argument.strip_prefix("user_readenv=").is_some_and(|value| value != "0");
    line.is("pam_env.so") && line.module.as_ref().is_some_and(|module| module.arguments.iter().any(says))
}
