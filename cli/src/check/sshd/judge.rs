//! Compares sshd's settings for a login with the desired state. Pure: it takes settings, returns deviations, and asks
//! nobody.

use super::Member;
use crate::desired::sshd::{KEEPALIVE, REQUIRED, is_internal_sftp};
use crate::host::sshd::access::barred;
use crate::host::sshd::effective::{Settings, expanded};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Namespace;
use pam_sftpjail::escape::escaped;

/// Every check, in the order of the report.
pub(super) const CHECKS: [&str; 9] = [
    "sshd access",
    "sshd chroot",
    "sshd command",
    "sshd pam",
    "sshd forwards",
    "sshd terminal",
    "sshd user rc",
    "sshd log",
    "sshd keepalive",
];

/// The keywords of a check.
pub(super) fn keywords(check: &str) -> Vec<&'static str> {
    match check {
        "sshd chroot" => vec!["ChrootDirectory"],
        "sshd command" => vec!["ForceCommand"],
        "sshd keepalive" => KEEPALIVE.map(|(keyword, _)| keyword).into(),
        _ => REQUIRED.into_iter().filter(|must| must.0 == check).map(|must| must.1).collect(),
    }
}

/// A setting that is not as desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deviation {
    pub(super) check: &'static str,
    pub(super) keyword: &'static str,
    pub(super) value: String,
    /// The sentence of the finding.
    pub(super) evidence: String,
    /// Whether the user is jailed nevertheless.
    pub(super) is_harmless: bool,
}

/// All deviations for a login to this account. `service`: the PAM service that the checks read.
pub(super) fn judge(
    settings: &Settings,
    member: &Member<'_>,
    account: &Account,
    service: &str,
) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    let value = |keyword| settings.get(keyword).unwrap_or("not known to this sshd");
    let mut deviates = |check, keyword: &'static str, why: String| {
        let value = value(keyword);
        let evidence = format!("{keyword} is {}{why}", escaped(value));
        deviations.push(Deviation { check, keyword, value: value.to_owned(), evidence, is_harmless: false });
    };
    if let Some(keyword) = barred(settings, account) {
        deviates("sshd access", keyword, ", which keeps the user out".into());
    }
    let root = member.config.jail_root.absolute();
    let chroot = value("ChrootDirectory");
    if expanded(chroot, account) != root.join(&account.name) {
        let why = match chroot {
            "none" => ", so the user sees the whole system".to_owned(),
            _ => format!(" instead of {}/%u", escaped(&root)),
        };
        deviates("sshd chroot", "ChrootDirectory", why);
    }
    let command = value("ForceCommand");
    if !is_internal_sftp(command) {
        deviates("sshd command", "ForceCommand", " instead of internal-sftp".into());
    }
    for (check, keyword, required) in REQUIRED {
        if value(keyword) != required {
            deviates(check, keyword, format!(" instead of {required}"));
        }
    }
    // A `Match` block may have its own.
    if settings.get("PAMServiceName").is_some_and(|own| own != service) {
        deviates(
            "sshd pam",
            "PAMServiceName",
            format!(" instead of {}, as for other users", escaped(service)),
        );
    }
    // With either of them at 0, sshd never notices a vanished client.
    let never = KEEPALIVE.into_iter().find(|(keyword, _)| value(keyword) == "0");
    if let Some((keyword, _)) = never.filter(|_| limits_sessions(member)) {
        let evidence = format!(
            "{keyword} is 0, so a vanished client may count as a session for hours, for which new logins of the user are \
             refused"
        );
        deviations.push(Deviation {
            check: "sshd keepalive",
            keyword,
            value: "0".into(),
            evidence,
            is_harmless: true,
        });
    }
    let level = log_level(command);
    if is_internal_sftp(command)
        && member.profile.log
        && ["QUIET", "FATAL", "ERROR"].iter().any(|low| level.eq_ignore_ascii_case(low))
    {
        let level = escaped(level);
        let evidence = format!(
            "internal-sftp logs at {level} only, so there are no log entries for operations on files"
        );
        let (check, keyword) = ("sshd log", "ForceCommand");
        deviations.push(Deviation { check, keyword, value: command.to_owned(), evidence, is_harmless: true });
    }
    deviations
}

/// Whether a login may be refused because of live sessions.
pub(super) fn limits_sessions(member: &Member<'_>) -> bool {
    member.profile.max_sessions.is_some() || member.config.namespace == Namespace::Host
}

/// The log level of internal-sftp: the argument of `-l`, or the default.
pub(super) fn log_level(command: &str) -> &str {
    let mut level = "ERROR";
    let mut words = command.split_whitespace().skip(1);
    while let Some(word) = words.next() {
        // sftp-server.c: getopt "d:f:l:P:p:Q:u:cehR".
        let Some(at) = word.strip_prefix('-').and_then(|w| w.find(['d', 'f', 'l', 'P', 'p', 'Q', 'u']))
        else {
            continue;
        };
        let (option, joined) = word.get(1 + at..).and_then(|w| w.split_at_checked(1)).unwrap_or_default();
        let argument = if joined.is_empty() { words.next().unwrap_or_default() } else { joined };
        if option == "l" {
            level = argument;
        }
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internal_sftp_may_have_options() {
        for (command, expected) in [
            ("internal-sftp", true),
            ("internal-sftp -l INFO", true),
            ("internal-sftp\t-R", true),
            ("internal-sftpd", false),
            ("/usr/lib/openssh/sftp-server", false),
            ("none", false),
        ] {
            assert_eq!(is_internal_sftp(command), expected, "{command}");
        }
    }

    #[test]
    fn the_log_level_is_read_as_getopt_reads_it() {
        for (command, expected) in [
            ("internal-sftp", "ERROR"),
            ("internal-sftp -l INFO", "INFO"),
            ("internal-sftp -R -lVERBOSE", "VERBOSE"),
            ("internal-sftp -Rl INFO", "INFO"),
            ("internal-sftp -f -l -l DEBUG3", "DEBUG3"),
            ("internal-sftp -f LOCAL5 -d /l", "ERROR"),
        ] {
            assert_eq!(log_level(command), expected, "{command}");
        }
    }
}
