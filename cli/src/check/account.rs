//! Checks of the account: whether it has expired, whether its shell lets it log in, and whether each of its names is
//! jailed.

use super::pam::{Pam, Shells};
use crate::desired::reopened;
use crate::desired::{home_access, membership};
use crate::host::accounts::{Accounts, is_complete, runs_shell};
use crate::host::pam::passwords::Passwords;
use crate::host::process_table::Found;
use crate::host::sessions::Unjailed;
use crate::host::shadow::{Lapse, Password, Shadow, today};
use crate::report::error::AS_ROOT;
use crate::report::location::append;
use crate::report::{Consequence, Findings};
use nix::unistd::geteuid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, NotJailed, decide};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::Path;

const SHELLS: &str = "/etc/shells";
const NOLOGIN: &str = "/usr/sbin/nologin";

/// What a further line of /etc/shells comes to.
const OTHER_SERVICES: &str =
    "if every account with this shell may also use the other services that ask pam_shells, such as FTP";

/// Checks the login shell. sshd does not use it for users that it chroots, but pam_shells requires a listed one, and
/// other logins run it. Returns which passwords PAM accepts of the user.
pub(super) fn shell(account: &Account, pam: &Pam, findings: &mut Findings) -> Passwords {
    let user = match User::by_name(&account.name) {
        Ok(Some(user)) => user,
        // Removed since the last look-up; other checks report that.
        Ok(None) => return pam.passwords,
        Err(error) => {
            findings.unknown("shell", &error, error.fix());
            return pam.passwords;
        }
    };
    // passwd(5)
    let shell = if user.shell.as_os_str().is_empty() { Path::new("/bin/sh") } else { &user.shell };
    let shown = escaped(shell);
    if let Some(Shells { location, is_for_passwords }) = &pam.shells {
        let listed = match fs::read(SHELLS) {
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => {
                let evidence = format!("{SHELLS} cannot be read: {error}");
                findings.unknown("shell", evidence, "see that root can read it");
                return pam.passwords;
            }
            Ok(listed) => String::from_utf8_lossy(&listed).into_owned(),
        };
        if !listed.lines().any(|line| Path::new(line.trim()) == shell) {
            let name = escaped(&account.name);
            let whom = if *is_for_passwords { "every password of " } else { "" };
            let evidence =
                format!("{shown} is not in {SHELLS}, so pam_shells ({location}) refuses {whom}{name}");
            let consequence = match is_for_passwords {
                true => Consequence::Hindered(format!(
                    "PAM refuses passwords, since pam_shells does not accept the shell {shown}"
                )),
                false => Consequence::KeptOut(format!("pam_shells does not accept the shell {shown}")),
            };
            let fix = append(Path::new(SHELLS), &[&shell.to_string_lossy()]).explained(OTHER_SERVICES);
            findings.failed("shell", consequence, evidence, fix);
            return if *is_for_passwords { Passwords::None } else { pam.passwords };
        }
    }
    if !runs_shell(shell) {
        findings.passed("shell", format!("{shown}, which runs nothing for the user"));
        return pam.passwords;
    }
    let evidence = format!(
        "{shown} runs outside of the jail if the user logs in by other means: su, a console, or an sshd whose Match \
         block does not match"
    );
    let more = match &pam.shells {
        Some(_) => format!(", and add that to {SHELLS}, since pam_shells requires it"),
        None => String::new(),
    };
    let fix = format!("if that is not intended, give the account the shell {NOLOGIN}{more}");
    findings.warned("shell", evidence, fix);
    pam.passwords
}

/// Whether the user has a login shell that runs what is typed. An error counts as yes.
pub(super) fn has_shell(account: &Account) -> bool {
    let user = User::by_name(&account.name).ok().flatten();
    user.is_none_or(|user| user.shell.as_os_str().is_empty() || runs_shell(&user.shell))
}

/// What follows where the time of the account or of its password is over. SFTP has no way to ask for a new password.
fn consequence(lapse: Lapse) -> Consequence {
    match lapse {
        Lapse::Account(_) => Consequence::Closed("the account has expired".to_owned()),
        Lapse::Inactive { .. } => {
            Consequence::KeptOut("the account is inactive, since its password has expired".into())
        }
        Lapse::MustChange => {
            Consequence::KeptOut("the password must be changed at the next login".to_owned())
        }
        Lapse::Password(_) => Consequence::KeptOut("the password has expired".to_owned()),
    }
}

/// Checks whether the account or its password has expired or is locked. `uses_pam`: whether sshd has `UsePAM yes`.
/// Returns what the shadow entry has for the password, if that can be known.
pub(super) fn shadow(account: &Account, uses_pam: bool, findings: &mut Findings) -> Option<Password> {
    let check = "shadow";
    if !geteuid().is_root() {
        findings.unknown(check, "only root can see when an account expires", AS_ROOT);
        return None;
    }
    let entry = match Shadow::of(&account.name) {
        Ok(entry) => entry,
        Err(error) => {
            findings.unknown(check, error, "see that NSS answers");
            return None;
        }
    };
    let Some(shadow) = entry else {
        // NSS gives the same answer if a service that does not answer has the entry.
        match is_complete() {
            Ok(()) => findings.passed(check, "no entry in shadow, so nothing expires"),
            Err(error) => findings.unknown(check, &error, error.fix()),
        }
        return None;
    };
    let password = shadow.password();
    if let Some(lapse) = shadow.lapse(today()) {
        findings.failed(check, consequence(lapse), lapse, reopened::fix(lapse, account));
    } else if shadow.is_marked() && !uses_pam {
        let evidence = "the password is locked, and without UsePAM sshd refuses such accounts";
        // Members need UsePAM anyway, and the password may be locked on purpose.
        let fix = "let sshd_config say UsePAM yes, as members need it: then the password may stay locked, and a key can \
                   log in";
        let consequence = Consequence::Closed("the password is locked".to_owned());
        findings.failed(check, consequence, evidence, fix);
    } else {
        let evidence = match password {
            Password::Hash => "not expired",
            Password::Empty => "not expired; the password is empty",
            Password::NoHash => {
                "not expired; what shadow has as the password is not a hash, so no password matches it"
            }
            Password::None => "not expired; no password, so only a key can log in",
            Password::Locked { .. } => "not expired; the password is locked, so only a key can log in",
        };
        findings.passed(check, evidence);
    }
    Some(password)
}

/// Warns about sessions in no jail, such as those that began when the user was no member yet: they go on. `others`:
/// further names of the account, such as that of a main account, whose sessions are its own. `all`: those of every uid.
pub(super) fn sessions(
    account: &Account,
    others: &BTreeSet<String>,
    all: &Found<BTreeMap<u32, Vec<Unjailed>>>,
    findings: &mut Findings,
) {
    let (check, name) = ("sessions", escaped(&account.name));
    if let Some(why) = &all.unseen {
        let evidence =
            format!("whether {name} has a session of sshd's in no jail is not known: {}", why.what);
        findings.unknown(check, evidence, why.fix.clone());
    }
    let own = all.found.get(&account.uid.as_raw()).into_iter().flatten();
    let is_of_other = |session: &&Unjailed| session.user.as_ref().is_some_and(|user| others.contains(user));
    for Unjailed { pid, doubt, .. } in own.filter(|session| !is_of_other(session)) {
        if let Some(why) = doubt {
            let evidence = format!(
                "whether the session of {name} with the process {pid} is in a jail is not known: {}",
                why.what
            );
            findings.unknown(check, evidence, why.fix.clone());
            continue;
        }
        let evidence = format!(
            "{name} has a session of sshd's in no jail (pid {pid}), which goes on: when it began, {name} was no member or \
             sshd did not jail {name}"
        );
        let end = Command::new("kill").arg(pid.unsigned_abs());
        findings.warned(check, evidence, Fix::after("see what runs there, because that ends", &end));
    }
}

/// Checks whether each other name of the account is jailed, and returns the jailed ones, with the account that sshd
/// will find for them.
pub(super) fn names(
    account: &Account,
    others: &BTreeSet<String>,
    accounts: &Accounts,
    config: &Config,
    findings: &mut Findings,
) -> Vec<(String, Account)> {
    let mut jailed = Vec::new();
    let mut mains = Vec::new();
    let mut is_ok = true;
    for name in others {
        let shown = escaped(name);
        match Account::lookup(name, config) {
            Ok(other) => match decide(config, &other) {
                Decision::Jail { .. } => jailed.push((name.clone(), other)),
                // The module refuses it, whatever sshd does.
                Decision::Refuse(_) => {}
                Decision::NotJailed(why) if is_main_account(&other, account, accounts) => {
                    mains.push(format!(
                        "{shown}, whose home {} holds this one, has the same uid ({}) and is not jailed: {why}",
                        escaped(&other.home),
                        account.uid
                    ));
                }
                // A name with an account of its own, as panels have them: sub-accounts with the uid of the main one.
                Decision::NotJailed(why) if other.name.to_lowercase() != account.name.to_lowercase() => {
                    is_ok = false;
                    let (uid, member) = (account.uid, escaped(&account.name));
                    let evidence = match other.home == account.home {
                        true => format!(
                            "{shown} has the same uid ({uid}) and the same home, but is not jailed: {why}; a key that \
                             {member} puts there is one for {shown}, too"
                        ),
                        false => format!(
                            "{shown} has the same uid ({uid}), but is not jailed: {why}; who logs in as {shown} may \
                             change all files of {member}"
                        ),
                    };
                    findings.warned("names", evidence, fix_for_twin(account, name, why));
                }
                Decision::NotJailed(why) => {
                    is_ok = false;
                    let evidence = format!(
                        "{shown} is the same account (uid {}), but is not jailed: {why}",
                        account.uid
                    );
                    let consequence = Consequence::NotJailed(format!("the other name {shown} is not"));
                    findings.failed("names", consequence, evidence, fix_for_name(account, name, why));
                }
            },
            Err(Refusal::NoSuchUser { .. }) => {}
            Err(refusal) => {
                is_ok = false;
                findings.unknown("names", &refusal, refusal.fix());
            }
        }
    }
    if is_ok {
        let shown: Vec<_> = jailed.iter().map(|(name, _)| escaped(name).to_string()).collect();
        let known = (!shown.is_empty()).then(|| format!("also known as {}", shown.join(", ")));
        let parts: Vec<_> = known.into_iter().chain(mains).collect();
        let evidence = match parts.as_slice() {
            [] => "no other name leads to this account".to_owned(),
            parts => parts.join("; "),
        };
        findings.passed("names", evidence);
    }
    jailed
}

/// Whether another account with the uid of `account` is its main account, as panels make them: by its name or by those
/// of its sub-accounts, the home that holds this one is that account's own, and does not only stand above it as `/home`
/// does. In the same home, the sub-account could write what the main account's logins obey.
fn is_main_account(other: &Account, account: &Account, accounts: &Accounts) -> bool {
    let below = accounts.with_home_below(&other.home, account.uid.as_raw());
    let is_below = account.home != other.home && account.home.starts_with(&other.home);
    is_below && home_access::is_of_main_account(other, &other.home, &below)
}

/// The fix for another account with the same uid that is not jailed. A command would jail the main account of a panel.
fn fix_for_twin(account: &Account, name: &str, why: NotJailed) -> Fix {
    let shown = escaped(name);
    let group = account.member_of.first().map(String::as_str).unwrap_or_default();
    let jail = match why {
        NotJailed::NoProfile => format!("put {shown} into the group {}", escaped(group)),
        NotJailed::Exempt => format!("remove {shown} from the groups in exempt_groups"),
        NotJailed::Root => return format!("give {shown} a uid of its own").into(),
    };
    format!("if that is not intended, {jail}, or give {shown} a uid of its own").into()
}

/// The fix for another name of the account that is not jailed.
fn fix_for_name(account: &Account, name: &str, why: NotJailed) -> Fix {
    let shown = escaped(name);
    match why {
        NotJailed::NoProfile => {
            let group = account.member_of.first().map(String::as_str).unwrap_or_default();
            membership::added(name, group)
        }
        // One more group would jail nobody.
        NotJailed::Exempt => {
            format!("remove {shown} from the groups in exempt_groups, or give {shown} a uid of its own")
                .into()
        }
        NotJailed::Root => format!("give {shown} a uid of its own").into(),
    }
}
