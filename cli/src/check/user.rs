//! Checks one user: as a login does, then the settings of sshd, PAM and the account, and last a rehearsal.

use super::authentication::Authentication;
use super::groups::{self, Concern};
use super::keys::Keys;
use super::path_to_home::PathToHome;
use super::sshd::{self, Login};
use super::system::Host;
use super::{
    account, expiry, home, host_programs, in_no_profile, profile, rehearsal, room, selinux, sessions,
};
use crate::desired::membership;
use crate::host::keys::{self, Accepted};
use crate::host::pam::passwords::Passwords;
use crate::host::rehearsal::Rehearsal;
use crate::host::shadow::Password;
use crate::host::sshd::effective::Settings;
use crate::host::unanswered;
use crate::report::conclusion::Standing;
use crate::report::{Findings, Status};
use nix::unistd::geteuid;
use pam_sftpjail::account::{Account, in_etc_group};
use pam_sftpjail::config::{DEFAULT_PATH, HomeAccess, Profile};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Circumstances;
use pam_sftpjail::plan::{Check, CheckResult};
use pam_sftpjail::policy::{Decision, NotJailed, decide};
use pam_sftpjail::session::{Member, Membership, examine as examine_login};
use pam_sftpjail::suggestion::nearest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

/// What was found out about one user.
#[derive(Serialize, Deserialize)]
pub(super) struct Examined {
    pub(super) findings: Findings,
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) standing: Standing,
}

/// Checks `user`, as typed. `about_host`: the findings about the host, which are reported among those of a member.
pub(super) fn examine(host: &mut Host<'_>, user: &str, about_host: Findings) -> Examined {
    let mut findings = Findings::default();
    let is_root = geteuid().is_root();
    let makes_homes = host.pam.makes_homes.clone();
    let account = Account::lookup(user, host.config);
    let membership =
        examine_login(host.config, user, &Circumstances::of_no_login(), &mut |check, result| match (
            &result,
            &makes_homes,
        ) {
            (CheckResult::Failed(refusal), Some(location)) if refusal.is_missing_home() => {
                let evidence = format!(
                    "missing: the first login makes it ({location}), and then check can rehearse the jail"
                );
                findings.passed(check, evidence);
            }
            (CheckResult::Failed(refusal @ Refusal::NoSuchUser { name }), _) => {
                let fix = match nearest(name, host.accounts.names()) {
                    Some(other) => format!("did you mean {}?", escaped(other)).into(),
                    None => refusal.fix(),
                };
                findings.unknown(check, refusal, fix);
            }
            // Nothing is granted to the trial member, who has to show the rest.
            (CheckResult::Failed(refusal), _) if host.is_trial && refusal.is_without_grant() => {
                findings.passed(check, "none, as for every new user of the profile");
            }
            // `groups` reports a missing group, with a better fix.
            (CheckResult::Warned(..), _) if check == Check::Profile => {}
            (CheckResult::Passed(_), _) if check == Check::Profile => {
                match account.as_ref().map(|account| (account, decide(host.config, account))) {
                    Ok((account, Decision::Jail { used, unused })) => {
                        profile::examine(&account.name, &used, &unused, host.path, &mut findings);
                    }
                    _ => findings.add_result(check, result, is_root),
                }
            }
            _ => findings.add_result(check, result, is_root),
        });
    let member = match membership {
        Ok(Membership::NotJailed { why, name }) => {
            findings.passed_with("profile", why, membership::into_a_profile(why, &name, host.config));
            let is_outside = why == NotJailed::NoProfile;
            let whom = if is_outside { Concern::NotJailed } else { Concern::Nothing };
            groups::examine(host.config, whom, &mut findings);
            in_no_profile::examine(host, user, &mut findings);
            return Examined { findings, rehearsal: None, standing: Standing::InNoProfile };
        }
        Ok(Membership::Member(member)) => {
            room::examine(&member.plan, &mut findings);
            expiry::examine(&member.account, host.config, &mut findings);
            sessions::examine(host, user, &member, &mut findings);
            let Member { account, profile, plan } = *member;
            Some((account, profile, plan.volumes().to_vec()))
        }
        // The findings have the error.
        Err(_) => None,
    };
    // An error of the look-up is reported already, unless it is new.
    let mut standing = Standing::Undecided;
    match account {
        Ok(account) => {
            if let Decision::Jail { used, .. } = decide(host.config, &account) {
                let (account, profile) = (&account, used.profile);
                standing = Standing::Member;
                // The problems so far are those for which the account hook refuses.
                let is_refused = findings.status() == Status::Problems;
                findings.append(about_host);
                let subject = Subject { user, account, profile, may_touch: true };
                let settings = examine_member(host, &subject, &mut findings);
                if let Some((.., volumes)) = &member {
                    home::examine_volumes(account, &host.accounts, volumes, &mut findings);
                    selinux::examine_user(&host.running(), account, profile, volumes, &mut findings);
                }
                if let Some(settings) = settings.filter(|_| is_refused) {
                    sshd::examine_penalties(&settings, &mut findings);
                }
            }
        }
        Err(refusal) if member.is_some() => findings.unknown("account", &refusal, refusal.fix()),
        Err(_) => {}
    }
    let rehearsal = member.and_then(|(account, profile, volumes)| {
        let subject = rehearsal::Subject { user, account: &account, profile: &profile, volumes: &volumes };
        rehearsal::run(host, &subject, &mut findings)
    });
    Examined { findings, rehearsal, standing }
}

/// Checks whether a directory service that comes back between two look-ups leaves a member unjailed: sshd looks the
/// groups up when a connection begins, and the module later. `has_allow_groups`: whether sshd has AllowGroups, so that
/// it refuses users whose groups it does not get.
fn look_ups(account: &Account, profile: &Profile, has_allow_groups: bool, findings: &mut Findings) {
    match in_etc_group(&profile.groups, &account.name, account.gid) {
        Ok(None) if !has_allow_groups => findings.warned(
            "groups",
            "a directory service says that the user is a member: if it does not answer sshd when a connection begins, \
             but answers the module later, the session is not jailed",
            "let AllowGroups name every group that may log in, so that sshd refuses users whose groups it does not get; \
             or put the group, with its members, into /etc/group",
        ),
        Ok(_) => {}
        Err(error) => findings.unknown("groups", &error, error.fix()),
    }
}

/// A member who is checked.
struct Subject<'a> {
    /// The name as typed.
    user: &'a str,
    account: &'a Account,
    profile: &'a Profile,
    /// Whether the user's files may be looked at.
    may_touch: bool,
}

/// What the setup of the host says of a member.
struct Known {
    /// What sshd says.
    settings: Option<Rc<Settings>>,
    /// Further names of the account.
    others: BTreeSet<String>,
    /// `None`: it is unknown.
    password: Option<Password>,
    passwords: Passwords,
}

/// Checks what a login does not check itself. Returns what sshd says for this member.
fn examine_member(
    host: &mut Host<'_>,
    subject: &Subject<'_>,
    findings: &mut Findings,
) -> Option<Rc<Settings>> {
    let Subject { account, profile, .. } = *subject;
    let Known { settings, others, password, passwords } = examine_setup(host, subject, findings);
    host_programs::examine(account, profile, findings);
    host.systemd.examine(account, &others, findings);
    account::sessions(account, &others, &host.unjailed, findings);
    let answers = host.sshd.as_mut().and_then(|sshd| sshd.settings_for_all(&account.name).ok());
    let all = settings.iter().chain(answers.iter().flatten());
    let files = BTreeSet::from_iter(all.flat_map(|settings| keys::files(settings, account)));
    let files = Vec::from_iter(files);
    let accepted = Accepted::by(answers.iter().flatten().map(AsRef::as_ref));
    let path_to_home = PathToHome::walk(account, &files, &accepted, findings);
    let has_home = profile.home != HomeAccess::None;
    if has_home {
        home::examine(account, &host.accounts, &path_to_home, !files.is_empty(), findings);
    }
    if let Some((sshd, settings)) = host.sshd.as_ref().zip(settings.as_deref()) {
        let authentication = Authentication {
            keys: Keys {
                account,
                accounts: &host.accounts,
                sshd,
                path_to_home: &path_to_home,
                files: &files,
            },
            answers: answers.as_deref(),
            password,
            passwords,
            has_home,
        };
        let is_closed = host.is_trial || findings.say_closed();
        authentication.examine(settings, is_closed, findings);
    }
    settings
}

/// Checks what says nothing of the user's own files. It touches none, unless the subject says that it may.
fn examine_setup(host: &mut Host<'_>, subject: &Subject<'_>, findings: &mut Findings) -> Known {
    let Subject { user, account, profile, may_touch } = *subject;
    let others = host.accounts.other_names(account, user).unwrap_or_else(|error| {
        findings.unknown("names", &error, error.fix());
        BTreeSet::new()
    });
    let mut about_names = Findings::default();
    let jailed = account::names(account, &others, &host.accounts, host.config, &mut about_names);
    let mut logins = vec![Login { name: &account.name, account }];
    logins.extend(jailed.iter().map(|(name, account)| Login { name, account }));

    let has_own_config = host.path.is_some_and(|path| path != Path::new(DEFAULT_PATH));
    let has_shell = account::has_shell(account);
    let member = sshd::Member { config: host.config, profile, account, has_own_config, has_shell, may_touch };
    let settings = host.sshd.as_mut().and_then(|sshd| sshd::examine(sshd, &member, &logins, findings));
    if let Some(settings) = &settings {
        look_ups(account, profile, settings.all("AllowGroups").next().is_some(), findings);
    }
    findings.append(about_names);
    let uses_pam = settings.as_ref().is_none_or(|settings| settings.get("UsePAM") == Some("yes"));
    let password = account::shadow(account, uses_pam, findings);
    let passwords = account::shell(account, &host.pam, findings);
    Known { settings, others, password, passwords }
}

/// Checks a user whose files do not answer: nothing of the user's is touched. `why`: a clause, for people.
pub(super) fn examine_without_files(
    host: &mut Host<'_>,
    user: &str,
    about_host: Findings,
    why: &str,
) -> Examined {
    let mut findings = Findings::default();
    let mut standing = Standing::Undecided;
    let unknown = |findings: &mut Findings| {
        findings.unknown("home", why, unanswered::FIX);
    };
    match Account::lookup(user, host.config) {
        Ok(account) => match decide(host.config, &account) {
            Decision::NotJailed(_) => {
                unknown(&mut findings);
                in_no_profile::examine(host, user, &mut findings);
                return Examined { findings, rehearsal: None, standing: Standing::InNoProfile };
            }
            Decision::Refuse(refusal) => findings.failed("name", (&refusal).into(), &refusal, refusal.fix()),
            Decision::Jail { used, unused } => {
                let profile = used.profile;
                standing = Standing::Member;
                profile::examine(&account.name, &used, &unused, host.path, &mut findings);
                unknown(&mut findings);
                findings.append(about_host);
                let subject = Subject { user, account: &account, profile, may_touch: false };
                let known = examine_setup(host, &subject, &mut findings);
                host.systemd.examine(&account, &known.others, &mut findings);
                account::sessions(&account, &known.others, &host.unjailed, &mut findings);
            }
        },
        Err(refusal) => {
            unknown(&mut findings);
            findings.unknown("account", &refusal, refusal.fix());
        }
    }
    Examined { findings, rehearsal: None, standing }
}
