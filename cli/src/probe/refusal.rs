//! The finding of a login that was refused, with the reason that sshd gives.

use super::cause::{Cause, Facts};
use super::sshd_fix::SshdFixes;
use crate::report::{Consequence, Finding};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::fix::Fix;

/// Words of sshd's messages when it refuses a login, and the fix.
const REASONS: [(&str, &str); 7] = [
    ("not allowed because shell", "give the account a shell that exists; /usr/sbin/nologin will do"),
    ("not allowed because", LISTS),
    ("by PAM account configuration", "read the log entries of the account lines of /etc/pam.d/sshd"),
    (
        "bad ownership or modes for chroot",
        "let every directory of sshd's ChrootDirectory be owned by root and writable by nobody else",
    ),
    ("safely_chroot", MODULE),
    ("no hostkeys available", "ssh-keygen -A"),
    ("pam_open_session", "read the log entries of the session lines of /etc/pam.d/sshd"),
];

const LISTS: &str = "if the user should be able to log in: see AllowUsers, DenyUsers, AllowGroups and DenyGroups in \
     sshd_config (the probe has no address that they could list)";

const MODULE: &str = "check that /etc/pam.d/sshd has the module's session lines, and that config= of these lines is the \
     configuration that the probe reads (--config); then read the module's log entries";

/// The fix where the module has not built a jail for a session.
pub(super) fn module_fix(fixes: Option<&SshdFixes<'_>>) -> Fix {
    fixes.and_then(|fixes| fixes.of(&["UsePAM"])).unwrap_or_else(|| MODULE.into())
}

/// The finding of a login that was refused: by the module with `refusal`, or else by sshd or another module.
/// `message`: the client's.
pub(super) fn finding(message: &str, facts: &Facts<'_>, refusal: Option<&Refusal>) -> Finding {
    if let Some(refusal) = refusal {
        return Finding::judged("login", Err(format!("refused: {refusal}")), refusal.into(), refusal.fix());
    }
    if let Some(Cause { evidence, fix }) = facts.cause() {
        let consequence = Consequence::KeptOut(evidence.clone());
        return Finding::judged("login", Err(format!("refused: {evidence}")), consequence, fix);
    }
    let log = &facts.repetition().sshd;
    let reason = REASONS.iter().find_map(|(words, fix)| {
        let line = log.iter().find(|line| line.contains(words))?;
        Some((line.as_str(), *fix))
    });
    let (line, fix) = reason.unwrap_or((message, "see sshd's log"));
    let consequence = Consequence::KeptOut("sshd refuses the login".to_owned());
    Finding::judged("login", Err(format!("refused: {line}")), consequence, fix)
}

/// The finding of a login that the module should have refused.
pub(super) fn not_refused(refusal: Option<&Refusal>) -> Finding {
    let why = refusal.map(ToString::to_string).unwrap_or_default();
    let consequence = Consequence::NotJailed("the login was not refused, as it should be".to_owned());
    let evidence = format!("not refused, though the module should refuse: {why}");
    Finding::judged("login", Err(evidence), consequence, MODULE)
}
