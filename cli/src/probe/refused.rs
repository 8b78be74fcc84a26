//! Why nobody was let in.

use crate::report::Finding;
use pam_sftpjail::error::Refusal;

/// What sshd says when it lets nobody in, and what to do about it.
const REASONS: [(&str, &str); 6] = [
    ("not allowed because", LISTS),
    ("by PAM account configuration", "see the account lines of /etc/pam.d/sshd, and what they logged"),
    (
        "bad ownership or modes for chroot",
        "let every directory of sshd's ChrootDirectory be root's, and writable by nobody else",
    ),
    ("safely_chroot", MODULE),
    ("no hostkeys available", "ssh-keygen -A"),
    ("pam_open_session", "see the session lines of /etc/pam.d/sshd, and what they logged"),
];

const LISTS: &str = "if the user is to be let in: see AllowUsers, DenyUsers, AllowGroups and DenyGroups in \
     sshd_config, where the probe's address is none of those listed; and that the account's shell exists";

const MODULE: &str = "see that /etc/pam.d/sshd has the module's session line, that sshd_config says UsePAM yes, \
     and that ChrootDirectory is the jail root's %u; then, what the module logged";

/// What to do where the module has no part in a session.
pub(super) fn module_fix() -> String {
    MODULE.into()
}

/// The finding of a login that was refused: by the module, as `refusal` says it would be, or by others.
pub(super) fn finding(said: &str, heard: &[String], refusal: Option<&Refusal>) -> Finding {
    if let Some(refusal) = refusal {
        return Finding::judged("login", Err(format!("refused: {refusal}")), refusal.fix());
    }
    let reason = REASONS.iter().find_map(|(words, fix)| {
        let line = heard.iter().find(|line| line.contains(words))?;
        Some((line.as_str(), *fix))
    });
    let (line, fix) = reason.unwrap_or((said, "see sshd's log"));
    Finding::judged("login", Err(format!("refused: {line}")), fix)
}

/// The finding of a login that the module should have refused.
pub(super) fn not_refused(refusal: Option<&Refusal>) -> Finding {
    let why = refusal.map(ToString::to_string).unwrap_or_default();
    Finding::judged("login", Err(format!("let in, though the module should refuse: {why}")), MODULE)
}
