//! What to type after a setup.

use super::Planned;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::plan::root_path;

/// The next command.
pub(super) fn next(planned: &Planned) -> String {
    if planned.members.has_some() {
        return check(planned, "--all");
    }
    let group = planned.choices.groups.first().map(String::as_str).unwrap_or_default();
    let add = Command::new("usermod -aG").arg(Name(group)).arg("USER");
    format!("{add}, then {}", check(planned, "USER"))
}

/// The command that checks.
pub(super) fn check(planned: &Planned, user: &'static str) -> String {
    let with_file = |command: Command| match planned.sshd.daemon.file() {
        None => Some(command),
        Some(file) => root_path(file).map(|file| command.arg("--sshd-config").arg(&file)),
    };
    let command = with_file(Command::new("sftpjail check").arg(user));
    command.map_or("sftpjail check with --sshd-config".to_owned(), |command| command.to_string())
}
