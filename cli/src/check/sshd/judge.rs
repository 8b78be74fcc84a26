//! What must hold for a member, and what of it does not. Pure: settings in, findings-to-be out.

use super::Member;
use crate::desired::sshd::{ALIVE, MUSTS};
use crate::host::groups::group_names;
use crate::host::sshd::effective::{Settings, expanded};
use crate::host::sshd::patterns::is_match;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Namespace;
use pam_sftpjail::escape::escaped;

/// Every check, in the order in which it is told.
pub(super) const CHECKS: [&str; 9] = [
    "sshd access",
    "sshd chroot",
    "sshd command",
    "sshd pam",
    "sshd forwards",
    "sshd terminal",
    "sshd rc",
    "sshd log",
    "sshd alive",
];

/// What a check is about.
pub(super) fn keywords(check: &str) -> Vec<&'static str> {
    match check {
        "sshd chroot" => vec!["ChrootDirectory"],
        "sshd command" => vec!["ForceCommand"],
        "sshd alive" => ALIVE.map(|(keyword, _)| keyword).into(),
        _ => MUSTS.into_iter().filter(|must| must.0 == check).map(|must| must.1).collect(),
    }
}

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wrong {
    pub(super) check: &'static str,
    pub(super) keyword: &'static str,
    pub(super) value: String,
    /// The sentence that tells it.
    pub(super) what: String,
    /// The user is jailed nevertheless.
    pub(super) is_harmless: bool,
}

/// All that is wrong for a login to this account. `service`: PAM's name for it, as far as it is looked at.
pub(super) fn judge(
    settings: &Settings,
    member: &Member<'_>,
    account: &Account,
    service: &str,
) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    let value = |keyword| settings.get(keyword).unwrap_or("not known to this sshd");
    let mut wrong = |check, keyword: &'static str, why: String| {
        let value = value(keyword);
        let what = format!("{keyword} is {}{why}", escaped(value));
        wrongs.push(Wrong { check, keyword, value: value.to_owned(), what, is_harmless: false });
    };
    if let Some(keyword) = barred(settings, account) {
        wrong("sshd access", keyword, ", which keeps the user out".into());
    }
    let root = member.config.jail_root.absolute();
    let chroot = value("ChrootDirectory");
    if expanded(chroot, account) != root.join(&account.name) {
        let why = match chroot {
            "none" => ", so all of the system is seen".to_owned(),
            _ => format!(", and not {}/%u", escaped(&root)),
        };
        wrong("sshd chroot", "ChrootDirectory", why);
    }
    let command = value("ForceCommand");
    if !is_internal_sftp(command) {
        wrong("sshd command", "ForceCommand", ", and not internal-sftp".into());
    }
    for (check, keyword, wanted) in MUSTS {
        if value(keyword) != wanted {
            wrong(check, keyword, format!(", and not {wanted}"));
        }
    }
    // A `Match` block may have its own.
    if settings.get("PAMServiceName").is_some_and(|own| own != service) {
        wrong("sshd pam", "PAMServiceName", format!(", and not {}, as elsewhere", escaped(service)));
    }
    // Each of them turns it off.
    let never = ALIVE.into_iter().find(|(keyword, _)| value(keyword) == "0");
    if let Some((keyword, _)) = never.filter(|_| keeps_places(member)) {
        let what = format!(
            "{keyword} is 0, so a client that has vanished may be counted as connected for hours, and the \
             user refused for it"
        );
        wrongs.push(Wrong { check: "sshd alive", keyword, value: "0".into(), what, is_harmless: true });
    }
    let level = log_level(command);
    if is_internal_sftp(command)
        && member.profile.log
        && ["QUIET", "FATAL", "ERROR"].iter().any(|low| level.eq_ignore_ascii_case(low))
    {
        let level = escaped(level);
        let what = format!("internal-sftp logs at {level} only, so what is done with files is not logged");
        let (check, keyword) = ("sshd log", "ForceCommand");
        wrongs.push(Wrong { check, keyword, value: command.to_owned(), what, is_harmless: true });
    }
    wrongs
}

/// Whether a login may be refused for the sake of sessions that are live.
pub(super) fn keeps_places(member: &Member<'_>) -> bool {
    member.profile.max_sessions.is_some() || member.config.namespace == Namespace::Host
}

/// Which keyword keeps the user out, as `allowed_user` of OpenSSH's auth.c goes by them. Patterns with a
/// host may let the user in from somewhere.
fn barred(settings: &Settings, account: &Account) -> Option<&'static str> {
    let is_user = |pattern: &str, named: &str| is_match(pattern, named);
    let users = |keyword| settings.all(keyword).map(|pattern| (pattern, pattern.rsplit_once('@')));
    let name = account.name.as_str();
    if users("DenyUsers").any(|(pattern, host)| host.is_none() && is_user(pattern, name)) {
        return Some("DenyUsers");
    }
    let mut allowed =
        users("AllowUsers").map(|(pattern, host)| host.map_or(pattern, |(user, _)| user)).peekable();
    if allowed.peek().is_some() && !allowed.any(|pattern| is_user(pattern, name)) {
        return Some("AllowUsers");
    }
    // That they are not known is told elsewhere.
    let groups = group_names(name).ok()?;
    let is_of = |pattern: &str| groups.iter().any(|group| is_user(pattern, group));
    if settings.all("DenyGroups").any(is_of) {
        return Some("DenyGroups");
    }
    let mut allowed = settings.all("AllowGroups").peekable();
    (allowed.peek().is_some() && !allowed.any(is_of)).then_some("AllowGroups")
}

/// As session.c of OpenSSH knows it.
fn is_internal_sftp(command: &str) -> bool {
    command.strip_prefix("internal-sftp").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The argument of `-l`, or sftp-server's default.
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
    fn internal_sftp_may_have_options_but_nothing_else_is_it() {
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
