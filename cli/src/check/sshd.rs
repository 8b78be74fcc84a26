//! What sshd must do for a member, and whether it does: chroot into the jail, run internal-sftp
//! and nothing else, forward nothing. For every name that leads to the account, and for every kind
//! of connection that its configuration tells apart.

mod ask;
mod config;
mod connection;
mod cure;

use super::finding::Findings;
pub(super) use ask::{Settings, Silent, Sshd};
use cure::cure;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{Config, Profile};
use pam_sftpjail::escape::{escaped, word};
use std::path::PathBuf;
use std::rc::Rc;

/// Settings that must have one value: the check, the keyword, and the value.
///
/// `DisableForwarding yes` alone is not enough: it leaves tunnels and, before OpenSSH 10.0, X11 and
/// agents (CVE-2025-32728).
const MUSTS: [(&str, &str, &str); 9] = [
    ("sshd pam", "UsePAM", "yes"),
    ("sshd forwards", "AllowTcpForwarding", "no"),
    ("sshd forwards", "AllowStreamLocalForwarding", "no"),
    ("sshd forwards", "AllowAgentForwarding", "no"),
    ("sshd forwards", "X11Forwarding", "no"),
    ("sshd forwards", "PermitTunnel", "no"),
    ("sshd forwards", "GatewayPorts", "no"),
    ("sshd terminal", "PermitTTY", "no"),
    ("sshd rc", "PermitUserRC", "no"),
];

/// Under which name somebody may come, and what NSS makes of it.
pub(super) struct Login<'a> {
    /// As typed.
    pub(super) name: &'a str,
    pub(super) account: &'a Account,
}

/// One way in which something is not as it must be.
struct Wrong {
    check: &'static str,
    keyword: &'static str,
    /// The sentence that tells it.
    what: String,
    value: String,
    /// The logins and connections for which it is so.
    when: Vec<String>,
}

/// Checks what sshd does for the member; `logins` are all names of the account that are jailed.
/// Gives the settings of the first, if sshd tells.
pub(super) fn examine(
    sshd: &mut Sshd,
    config: &Config,
    profile: &Profile,
    logins: &[Login<'_>],
    findings: &mut Findings,
) -> Option<Rc<Settings>> {
    let mut wrongs: Vec<Wrong> = Vec::new();
    let mut usual = None;
    let mut asked = 0;
    let connections = sshd.connections.clone();
    for login in logins {
        for connection in &connections {
            let settings = match sshd.settings(login.name, connection) {
                Ok(settings) => settings,
                Err(silent) => {
                    silent.tell(findings);
                    return usual;
                }
            };
            asked += 1;
            let typed = format!("for the name {}", escaped(login.name));
            let when = match (logins.len() > 1, connections.len() > 1) {
                (true, true) => format!("{typed} {connection}"),
                (true, false) => typed,
                (false, _) => connection.to_string(),
            };
            judge(&settings, config, login.account, &when, &mut wrongs);
            usual.get_or_insert(settings);
        }
    }
    if let (Some(settings), Some(login)) = (&usual, logins.first()) {
        let member = Member { config, profile, account: login.account };
        tell(sshd, &member, settings, &wrongs, asked, findings);
    }
    usual
}

fn judge(settings: &Settings, config: &Config, account: &Account, when: &str, wrongs: &mut Vec<Wrong>) {
    let value = |keyword| settings.get(keyword).unwrap_or("not known to this sshd").to_owned();
    let mut wrong = |check, keyword: &'static str, why: &str| {
        let value = value(keyword);
        match wrongs.iter_mut().find(|w| w.keyword == keyword && w.value == value) {
            Some(known) => known.when.push(when.to_owned()),
            None => wrongs.push(Wrong {
                check,
                keyword,
                what: format!("{keyword} is {}{why}", escaped(&value)),
                value,
                when: vec![when.to_owned()],
            }),
        }
    };
    let jail = config.jail_root.absolute().join(&account.name);
    let chroot = value("ChrootDirectory");
    if expanded(&chroot, account) != jail {
        let why = match chroot.as_str() {
            "none" => ", so all of the system is seen".to_owned(),
            _ => format!(", and not {}/%u", escaped(&config.jail_root.absolute())),
        };
        wrong("sshd chroot", "ChrootDirectory", &why);
    }
    if !is_internal_sftp(&value("ForceCommand")) {
        wrong("sshd command", "ForceCommand", ", and not internal-sftp");
    }
    for (check, keyword, wanted) in MUSTS {
        if value(keyword) != wanted {
            wrong(check, keyword, &format!(", and not {wanted}"));
        }
    }
}

/// The member as the findings and cures need it.
struct Member<'a> {
    config: &'a Config,
    profile: &'a Profile,
    account: &'a Account,
}

fn tell(
    sshd: &Sshd,
    member: &Member<'_>,
    settings: &Settings,
    wrongs: &[Wrong],
    asked: usize,
    findings: &mut Findings,
) {
    let checks = ["sshd chroot", "sshd command"].into_iter().chain(MUSTS.map(|(check, ..)| check));
    let mut told = Vec::new();
    for check in checks {
        if told.contains(&check) {
            continue;
        }
        told.push(check);
        let mut sound = true;
        for wrong in wrongs.iter().filter(|wrong| wrong.check == check) {
            sound = false;
            let mut evidence = wrong.what.clone();
            if let Some(place) = sshd.config.place_of(wrong.keyword, &wrong.value) {
                evidence += &format!(" ({place})");
            }
            if wrong.when.len() < asked {
                let shown: Vec<_> = wrong.when.iter().take(3).map(String::as_str).collect();
                let more = if wrong.when.len() > 3 { ", and more" } else { "" };
                evidence += &format!("; {}{more}", shown.join("; "));
            }
            findings.failed(check, evidence, cure(sshd, member, wrong.keyword));
        }
        if sound {
            let keywords: Vec<_> = match check {
                "sshd chroot" => vec!["ChrootDirectory"],
                "sshd command" => vec!["ForceCommand"],
                _ => MUSTS.iter().filter(|must| must.0 == check).map(|must| must.1).collect(),
            };
            let value = |keyword| settings.get(keyword).unwrap_or_default();
            let evidence =
                keywords.iter().map(|k| format!("{k} {}", value(*k))).collect::<Vec<_>>().join(", ");
            findings.passed(check, evidence);
        }
    }
    let command = settings.get("ForceCommand").unwrap_or_default();
    if is_internal_sftp(command) && member.profile.log {
        let level = log_level(command);
        if ["QUIET", "FATAL", "ERROR"].iter().any(|low| level.eq_ignore_ascii_case(low)) {
            let evidence = format!(
                "internal-sftp logs at {} only, so what is done with files is not logged",
                escaped(level)
            );
            findings.warned("sshd log", evidence, cure(sshd, member, "ForceCommand"));
        } else {
            findings.passed("sshd log", format!("internal-sftp logs at {level}"));
        }
    }
}

/// Whether sshd sends a user who is not jailed into the jail root, where nothing is built for them.
pub(super) fn examine_stranger(sshd: &mut Sshd, config: &Config, account: &Account, findings: &mut Findings) {
    let name = escaped(&account.name);
    for connection in sshd.connections.clone() {
        let settings = match sshd.settings(&account.name, &connection) {
            Ok(settings) => settings,
            Err(silent) => return silent.tell(findings),
        };
        let chroot = settings.get("ChrootDirectory").unwrap_or("none");
        if expanded(chroot, account).starts_with(config.jail_root.absolute()) {
            let place = sshd.config.place_of("ChrootDirectory", chroot);
            let place = place.map(|place| format!(" ({place})")).unwrap_or_default();
            let evidence = format!(
                "ChrootDirectory is {} for {name}{place}, but no profile is for {name}, so no jail is built \
                 and sshd lets nobody in",
                escaped(chroot)
            );
            let out = format!("take {name} out of that Match block");
            let cure = match config.groups().next().filter(|_| !account.uid.is_root()) {
                Some(group) => {
                    format!("{out} or, to jail {name}: usermod -aG {} {}", word(group), word(&account.name))
                }
                None => out,
            };
            return findings.failed("sshd chroot", evidence, cure);
        }
    }
}

impl Silent {
    pub(super) fn tell(&self, findings: &mut Findings) {
        match self {
            Self::Broken { evidence, cure } => findings.failed("sshd", evidence, cure),
            Self::Unseen { evidence, cure } => findings.unseen("sshd", evidence, cure),
        }
    }
}

/// `%%`, `%h`, `%U` and `%u`, as sshd_config(5) has them for ChrootDirectory and AuthorizedKeysFile.
pub(super) fn expanded(value: &str, account: &Account) -> PathBuf {
    let mut path = std::ffi::OsString::new();
    let mut rest = value;
    while let Some((before, after)) = rest.split_once('%') {
        path.push(before);
        let mut after = after.chars();
        match after.next() {
            Some('u') => path.push(&account.name),
            Some('U') => path.push(account.uid.to_string()),
            Some('h') => path.push(&account.home),
            Some(other) => path.push(other.to_string()),
            None => path.push("%"),
        }
        rest = after.as_str();
    }
    path.push(rest);
    path.into()
}

/// As session.c of OpenSSH knows it.
fn is_internal_sftp(command: &str) -> bool {
    command.strip_prefix("internal-sftp").is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// The argument of `-l`, or sftp-server's default.
fn log_level(command: &str) -> &str {
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
