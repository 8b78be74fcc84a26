//! Compares sshd's settings for a login with the desired state. Pure: it takes settings, returns deviations, and asks
//! nobody.

use super::Member;
use crate::desired::sshd::fix::Wrong;
use crate::desired::sshd::{KEEPALIVE, REQUIRED, SUBSYSTEM, is_internal_sftp, is_low, log_level, subsystem};
use crate::host::sshd::effective::{Settings, expanded};
use crate::report::text::listed_first;
use crate::report::{Consequence, SshdCheck};
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Namespace;
use pam_sftpjail::escape::escaped;

/// Every check, in the order of the report.
pub(super) const CHECKS: [SshdCheck; 9] = [
    SshdCheck::Access,
    SshdCheck::Chroot,
    SshdCheck::Command,
    SshdCheck::Pam,
    SshdCheck::Forwards,
    SshdCheck::Terminal,
    SshdCheck::UserRc,
    SshdCheck::Log,
    SshdCheck::Keepalive,
];

/// The keywords of a check.
pub(super) fn keywords(check: SshdCheck) -> Vec<&'static str> {
    match check {
        SshdCheck::Chroot => vec!["ChrootDirectory"],
        SshdCheck::Command => vec!["ForceCommand"],
        SshdCheck::Keepalive => KEEPALIVE.map(|(keyword, _)| keyword).into(),
        _ => REQUIRED.into_iter().filter(|must| must.0 == check).map(|must| must.1).collect(),
    }
}

/// A setting that is not as desired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Deviation {
    pub(super) check: SshdCheck,
    pub(super) keyword: &'static str,
    pub(super) value: String,
    /// The sentence of the finding.
    pub(super) evidence: String,
    /// What follows; `None`: it is worth a warning only.
    pub(super) consequence: Option<Consequence>,
}

impl Deviation {
    /// What its fix changes.
    pub(super) fn wrong(&self) -> Wrong<'_> {
        Wrong { keyword: self.keyword, value: &self.value, is_log_level: self.check == SshdCheck::Log }
    }
}

/// All deviations for a login to this account. `barred`: the keyword that keeps the user out; `unusable`: why sshd
/// cannot chroot to its ChrootDirectory; `service`: the PAM service that the checks read.
pub(super) fn judge(
    settings: &Settings,
    barred: Option<&'static str>,
    unusable: Option<String>,
    member: &Member<'_>,
    account: &Account,
    service: &str,
) -> Vec<Deviation> {
    let mut deviations = Vec::new();
    if let Some(keyword) = barred {
        let by = format!("{keyword} of sshd");
        let consequence = match settings.all("DenyUsers").any(|pattern| pattern == account.name) {
            true => Consequence::Closed(by),
            false => Consequence::KeptOut(by),
        };
        // sshd prints a line for each pattern.
        let patterns: Vec<_> = settings.all(keyword).collect();
        let evidence =
            format!("{keyword} is {}, which keeps the user out", listed_first(patterns.iter().copied()));
        let (value, consequence) = (patterns.join(" "), Some(consequence));
        let check = SshdCheck::Access;
        deviations.push(Deviation { check, keyword, value, evidence, consequence });
    }
    let value = |keyword| settings.get(keyword).unwrap_or("not known to this sshd");
    let mut deviates = |check, keyword: &'static str, why: String, consequence| {
        let value = value(keyword);
        let evidence = format!("{keyword} is {}{why}", escaped(value));
        let (value, consequence) = (value.to_owned(), Some(consequence));
        deviations.push(Deviation { check, keyword, value, evidence, consequence });
    };
    let root = member.config.jail_root.absolute();
    let (chroot, command) = (value("ChrootDirectory"), value("ForceCommand"));
    let is_chrooted = expanded(chroot, account) == root.join(&account.name);
    let runs_sftp = is_internal_sftp(command);
    if !is_chrooted {
        let gets_shell = chroot == "none" && command == "none" && member.has_shell;
        let words = format!("ChrootDirectory of sshd is {}", escaped(chroot));
        let instead = format!(" instead of {}/%u", escaped(&root));
        let (why, consequence) = match unusable {
            _ if gets_shell => (", so the user sees the whole system".to_owned(), Consequence::Shell(words)),
            _ if chroot == "none" => {
                (", so the user sees the whole system".to_owned(), Consequence::NotJailed(words))
            }
            None => (instead, Consequence::NotJailed(words)),
            Some(why) => (
                format!("{instead}, and sshd refuses users whom it cannot chroot: {why}"),
                Consequence::KeptOut(format!("sshd cannot chroot to its ChrootDirectory: {why}")),
            ),
        };
        deviates(SshdCheck::Chroot, "ChrootDirectory", why, consequence);
    }
    if !runs_sftp {
        // Another finding says what follows without the chroot.
        let consequence = if is_chrooted { of_another_command(settings, command) } else { Consequence::None };
        deviates(SshdCheck::Command, "ForceCommand", " instead of internal-sftp".into(), consequence);
    }
    for (check, keyword, required) in REQUIRED {
        if value(keyword) != required {
            let consequence = match check {
                SshdCheck::Pam => Consequence::NoJail("sshd does not use PAM".to_owned()),
                SshdCheck::Forwards if is_in_force(settings, keyword) => {
                    Consequence::NotJailed(format!("sshd forwards for the user ({keyword})"))
                }
                // What the jail holds is not enough for a shell.
                _ => Consequence::None,
            };
            deviates(check, keyword, format!(" instead of {required}"), consequence);
        }
    }
    // A `Match` block may have its own.
    if settings.get("PAMServiceName").is_some_and(|own| own != service) {
        let why = format!(" instead of {}, as for other users", escaped(service));
        let consequence =
            Consequence::Unknown("sshd uses another PAM service for the user, which was not checked".into());
        deviates(SshdCheck::Pam, "PAMServiceName", why, consequence);
    }
    // Whatever it names, ForceCommand wins; but without it sshd refuses what SFTP clients ask for.
    if runs_sftp && subsystem(settings).is_none() {
        let evidence = "sshd has no `Subsystem sftp`, so it refuses every SFTP client".to_owned();
        let consequence = Some(Consequence::KeptOut("sshd has no Subsystem sftp".to_owned()));
        let (check, keyword, value) = (SshdCheck::Command, SUBSYSTEM, String::new());
        deviations.push(Deviation { check, keyword, value, evidence, consequence });
    }
    // With either of them at 0, sshd never notices a vanished client.
    let never = KEEPALIVE.into_iter().find(|(keyword, _)| value(keyword) == "0");
    if let Some((keyword, _)) = never.filter(|_| limits_sessions(member)) {
        let evidence = format!(
            "{keyword} is 0, so a vanished client may count as a session for hours, for which new logins of the user are \
             refused"
        );
        let (check, value) = (SshdCheck::Keepalive, "0".to_owned());
        deviations.push(Deviation { check, keyword, value, evidence, consequence: None });
    }
    let level = log_level(command);
    if runs_sftp && member.profile.log && is_low(level) {
        let level = escaped(level);
        let evidence = format!(
            "internal-sftp logs at {level} only, so there are no log entries for operations on files"
        );
        let (check, keyword, value) = (SshdCheck::Log, "ForceCommand", command.to_owned());
        deviations.push(Deviation { check, keyword, value, evidence, consequence: None });
    }
    deviations
}

/// Whether what this keyword allows is forwarded. GatewayPorts has no effect without another forwarding.
/// DisableForwarding stops TCP and sockets in every OpenSSH (serverloop.c, channels.c), and the rest only in some.
fn is_in_force(settings: &Settings, keyword: &str) -> bool {
    let is_disabled = settings.get("DisableForwarding") == Some("yes");
    match keyword {
        "GatewayPorts" => false,
        "AllowTcpForwarding" | "AllowStreamLocalForwarding" => !is_disabled,
        _ => true,
    }
}

/// What follows where sshd is not told to run its own SFTP server. A jail holds no other program, so nothing runs there
/// but that server, if clients get it as a subsystem.
fn of_another_command(settings: &Settings, command: &str) -> Consequence {
    match command == "none" && subsystem(settings).is_some_and(is_internal_sftp) {
        true => Consequence::None,
        false => Consequence::KeptOut("sshd does not run its SFTP server for the user".to_owned()),
    }
}

/// Whether a login may be refused because of live sessions.
pub(super) fn limits_sessions(member: &Member<'_>) -> bool {
    member.profile.max_sessions.is_some() || member.config.namespace == Namespace::Host
}
