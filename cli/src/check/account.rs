//! The account itself: whether it has expired, whether PAM wants another shell of it, and whether
//! each of its names is jailed.

use super::outside;
use crate::host::accounts::is_complete;
use crate::host::shadow::Shadow;
use crate::report::Findings;
use crate::report::Location;
use crate::report::error::AS_ROOT;
use crate::report::location::append;
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, NotJailed, decide};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

const SHELLS: &str = "/etc/shells";
const NOLOGIN: &str = "/usr/sbin/nologin";

/// sshd asks for no shell of whom it chroots, but pam_shells does.
pub(super) fn shell(account: &Account, asked_at: Option<&Location>, findings: &mut Findings) {
    let user = match User::by_name(&account.name) {
        Ok(Some(user)) => user,
        // That the user is gone meanwhile, the next look says.
        Ok(None) => return,
        Err(error) => return findings.unknown("shell", &error, error.fix()),
    };
    // passwd(5)
    let shell = if user.shell.as_os_str().is_empty() { Path::new("/bin/sh") } else { &user.shell };
    let shown = escaped(shell);
    if let Some(place) = asked_at {
        let listed = match fs::read(SHELLS) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                let evidence = format!("{SHELLS} cannot be read: {error}");
                return findings.unknown("shell", evidence, "see that root can read it");
            }
            Ok(listed) => String::from_utf8_lossy(&listed).into_owned(),
        };
        if !listed.lines().any(|line| Path::new(line.trim()) == shell) {
            let name = escaped(&account.name);
            let evidence = format!("{shown} is not in {SHELLS}, so pam_shells ({place}) refuses {name}");
            return findings.failed(
                "shell",
                evidence,
                append(Path::new(SHELLS), &[&shell.to_string_lossy()]),
            );
        }
    }
    if !outside::is_shell(shell) {
        return findings.passed("shell", format!("{shown}, which lets nobody in"));
    }
    let evidence = format!(
        "{shown}: whatever else logs the account in, such as su, a console, or sshd where its Match block is \
         missed, runs it, outside of the jail"
    );
    let more = match asked_at {
        Some(_) => format!(", and add that to {SHELLS}, as pam_shells asks"),
        None => String::new(),
    };
    let fix = format!("nothing if that is meant; else give the account the shell {NOLOGIN}{more}");
    findings.warned("shell", evidence, fix);
}

/// What keeps the user out, and the options of chage(1) that fix it; as check_shadow_expiry of
/// pam_unix and allowed_user of sshd see it. With SFTP nobody can be asked for a new password.
fn problem(shadow: &Shadow, today: i64) -> Option<(String, &'static str)> {
    let ago = |day: i64| match today - day {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    };
    if let Some(day) = shadow.expire.filter(|day| today >= *day) {
        return Some((format!("the account expired {}", ago(day)), "-E -1"));
    }
    let renewed = "-d \"$(date +%F)\"";
    let changed = shadow.last_change?;
    if changed == 0 {
        return Some((
            "the password must be changed at the next login, which SFTP cannot do".into(),
            renewed,
        ));
    }
    let maximum = shadow.maximum?;
    if today - changed <= maximum {
        return None;
    }
    let since = ago(changed + maximum + 1);
    let evidence = match shadow.inactive.filter(|days| today - changed > maximum + days) {
        Some(_) => format!("the password expired {since}, and the account with it, being inactive"),
        None => format!("the password expired {since}, and SFTP cannot change it"),
    };
    Some((evidence, renewed))
}

/// Whether the account or its password has expired or is locked. `pam`: whether sshd goes by PAM.
pub(super) fn shadow(account: &Account, pam: bool, findings: &mut Findings) {
    let check = "shadow";
    let name = word(&account.name);
    if !geteuid().is_root() {
        return findings.unknown(check, "only root can see when an account expires", AS_ROOT);
    }
    let entry = match Shadow::of(&account.name) {
        Ok(entry) => entry,
        Err(error) => return findings.unknown(check, error, "see that NSS answers"),
    };
    let Some(shadow) = entry else {
        // getent(1) says the same of an entry that a service did not tell.
        return match is_complete() {
            Ok(()) => findings.passed(check, "no entry in shadow, so nothing expires"),
            Err(error) => findings.unknown(check, &error, error.fix()),
        };
    };
    let today = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |t| t.as_secs() / 86_400);
    if let Some((evidence, options)) = problem(&shadow, i64::try_from(today).unwrap_or(i64::MAX)) {
        return findings.failed(check, evidence, format!("chage {options} {name}"));
    }
    match shadow.password.strip_prefix('!') {
        // LOCKED_PASSWD_PREFIX of OpenSSH; with PAM it does not look.
        Some(locked) if !pam => {
            let evidence = "the password is locked, and without UsePAM sshd lets nobody in who has such";
            let fix = match locked.trim_start_matches('!') {
                "" => format!("usermod -p '*' {name}"),
                _ => format!("usermod -U {name}"),
            };
            findings.failed(check, evidence, fix);
        }
        _ if shadow.password.starts_with(['!', '*']) => {
            findings.passed(check, "not expired; no password, so by key only");
        }
        _ => findings.passed(check, "not expired"),
    }
}

/// Looks each other name of the account up; gives those that are jailed, as sshd will see them.
pub(super) fn names(
    account: &Account,
    others: &BTreeSet<String>,
    config: &Config,
    findings: &mut Findings,
) -> Vec<(String, Account)> {
    let mut jailed = Vec::new();
    let mut sound = true;
    for name in others {
        let shown = escaped(name);
        match Account::lookup(name, config) {
            Ok(other) => match decide(config, &other) {
                Decision::Jail(_) => jailed.push((name.clone(), other)),
                // Refused, whatever sshd does.
                Decision::Refuse(_) => {}
                Decision::NotJailed(why) => {
                    sound = false;
                    let evidence =
                        format!("{shown} is the same account (uid {}) and not jailed: {why}", account.uid);
                    findings.failed("names", evidence, freed(account, name, why));
                }
            },
            Err(Refusal::NoSuchUser { .. }) => {}
            Err(refusal) => {
                sound = false;
                findings.unknown("names", &refusal, refusal.fix());
            }
        }
    }
    if sound {
        let evidence = match jailed.as_slice() {
            [] => "no other name leads to this account".to_owned(),
            names => {
                let shown: Vec<_> = names.iter().map(|(name, _)| escaped(name).to_string()).collect();
                format!("also as {}", shown.join(", "))
            }
        };
        findings.passed("names", evidence);
    }
    jailed
}

/// What lets another name of the account's be jailed, too.
fn freed(account: &Account, name: &str, why: NotJailed) -> String {
    let shown = escaped(name);
    match why {
        NotJailed::NoProfile => {
            let group = account.member_of.first().map(String::as_str).unwrap_or_default();
            format!("usermod -aG {} {}", word(group), word(name))
        }
        // One more group would jail nobody.
        NotJailed::Exempt => {
            format!("take {shown} out of the groups of exempt_groups, or give {shown} a uid of its own")
        }
        NotJailed::Root => format!("give {shown} a uid of its own"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_keeps_a_user_out_is_what_pam_unix_says() {
        let problem = |line| {
            let shadow = Shadow::parse(line).unwrap();
            problem(&shadow, 20_000).map(|(_, options)| options)
        };
        let renewed = Some("-d \"$(date +%F)\"");
        assert_eq!(problem("u:!:19000:0:99999:7:::"), None);
        assert_eq!(problem("u:!:::::::"), None);
        assert_eq!(problem("u:x:19000:0:99999:7::20001:"), None);
        assert_eq!(problem("u:x:19000:0:99999:7::20000:"), Some("-E -1"));
        assert_eq!(problem("u:x:0:0:99999:7:::"), renewed);
        assert_eq!(problem("u:x:19000:0:1000:7:::"), None);
        assert_eq!(problem("u:x:19000:0:999:7:::"), renewed);
        assert_eq!(problem("u:x:19000:0:999:7:0::"), renewed);
    }
}
