//! One user: the checks that a login itself makes, what surrounds it, and a rehearsal.

use super::keys::Keys;
use super::path_to_home::PathToHome;
use super::sshd::{self, Login, Member};
use super::system::Host;
use super::{account, groups, home, outside};
use crate::host::keys;
use crate::host::rehearsal::{self, Rehearsal};
use crate::host::sshd::effective::Settings;
use crate::report::Findings;
use crate::report::Status;
use crate::report::error::AS_ROOT;
use crate::report::suggestion::nearest;
use crate::report::text::listed;
use nix::unistd::geteuid;
use pam_sftpjail::account::{Account, in_etc_group};
use pam_sftpjail::config::{Config, HomeAccess, Profile};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::plan::CheckResult;
use pam_sftpjail::policy::{Decision, decide};
use pam_sftpjail::session::{Membership, examine as examine_login};
use std::collections::BTreeSet;
use std::path::Path;
use std::rc::Rc;

/// What there is to say about one user.
pub(super) struct Examined {
    pub(super) findings: Findings,
    pub(super) rehearsal: Option<Rehearsal>,
    pub(super) not_jailed: bool,
}

/// Looks at `user`, as typed. `around`: what was found about the host; it is told of members, at
/// its place among the others.
pub(super) fn examine(host: &mut Host<'_>, user: &str, around: Findings) -> Examined {
    let mut findings = Findings::default();
    let is_root = geteuid().is_root();
    let makes_homes = host.pam.makes_homes.clone();
    let standing = examine_login(host.config, user, &mut |check, seen| match (&seen, &makes_homes) {
        (CheckResult::Failed(refusal @ Refusal::HomePath { why, .. }), Some(place))
            if why == "does not exist" =>
        {
            findings.warned(check, refusal, format!("nothing: the first login makes it ({place})"));
        }
        (CheckResult::Failed(refusal @ Refusal::NoSuchUser { name }), _) => {
            let fix = match nearest(name, host.accounts.names()) {
                Some(other) => format!("did you mean {}?", escaped(other)),
                None => refusal.fix(),
            };
            findings.unknown(check, refusal, fix);
        }
        _ => findings.seen(check, seen, is_root),
    });
    let is_member = match standing {
        Ok(Membership::NotJailed { why, .. }) => {
            findings.passed("profile", why);
            groups::examine(host.config, &mut findings);
            stranger(host, user, &mut findings);
            return Examined { findings, rehearsal: None, not_jailed: true };
        }
        Ok(Membership::Member(member)) => {
            // Its finding says it.
            let _ = member.check_sessions(&mut |check, seen| findings.seen(check, seen, is_root));
            true
        }
        // Its finding is in the list already.
        Err(_) => false,
    };
    // Where it is not answered, that is in the list already, or only now so.
    match Account::lookup(user, host.config) {
        Ok(account) => {
            if let Decision::Jail(profile) = decide(host.config, &account) {
                // What is wrong so far is what the account hook would say.
                let is_refused = findings.status() == Status::Problems;
                let settings = surroundings(host, user, &account, profile, around, &mut findings);
                if let Some(settings) = settings.filter(|_| is_refused) {
                    sshd::examine_penalties(&settings, &mut findings);
                }
            }
        }
        Err(refusal) if is_member => findings.unknown("account", &refusal, refusal.fix()),
        Err(_) => {}
    }
    let rehearsal = if is_member { rehearsed(host.path, user, &mut findings) } else { None };
    Examined { findings, rehearsal, not_jailed: false }
}

/// Whether sshd leaves a user alone who is not jailed.
pub(super) fn stranger(host: &mut Host<'_>, user: &str, findings: &mut Findings) {
    let account = match Account::lookup(user, host.config) {
        Ok(account) => account,
        Err(refusal) => return findings.unknown("account", &refusal, refusal.fix()),
    };
    if let Some(exempt_by) = &account.exempt_by {
        exempt(host.config, &account, exempt_by, findings);
    }
    if let Some(sshd) = &mut host.sshd {
        sshd::examine_stranger(sshd, host.config, &account, findings);
    }
}

/// Whether somebody who is exempt is a member as well, for whom sshd wants a jail that is not built.
fn exempt(config: &Config, account: &Account, exempt_by: &str, findings: &mut Findings) {
    let name = escaped(&account.name);
    match account.groups_if_not_exempt(config) {
        Ok(groups) if groups.is_empty() => {}
        Ok(groups) => {
            let groups = listed(&groups);
            let exempt_by = escaped(exempt_by);
            let evidence = format!(
                "{name} is in {exempt_by}, of exempt_groups, and in {groups}, of a profile: no jail is built for \
                 {name}, and where sshd wants one, it refuses {name}"
            );
            findings.warned(
                "profile",
                evidence,
                format!("take {name} out of {exempt_by} or out of {groups}"),
            );
        }
        Err(refusal) => findings.unknown("profile", &refusal, refusal.fix()),
    }
}

/// Whether a directory that comes back between sshd's look-up and the module's leaves the member without
/// a jail: sshd asks by itself, when the connection begins. `allowed`: whether AllowGroups then bars
/// whoever it finds in no group.
fn between_two_looks(account: &Account, profile: &Profile, allowed: bool, findings: &mut Findings) {
    match in_etc_group(&profile.groups, &account.name, account.gid) {
        Ok(None) if !allowed => findings.warned(
            "groups",
            "the membership is a directory's: if that does not answer sshd when a connection begins, and does \
             answer the module later, the session is not jailed",
            "let AllowGroups name every group that may log in, so that sshd refuses whose groups it is not told; \
             or put the group, with its members, into /etc/group",
        ),
        Ok(_) => {}
        Err(error) => findings.unknown("groups", &error, error.fix()),
    }
}

fn surroundings(
    host: &mut Host<'_>,
    user: &str,
    account: &Account,
    profile: &Profile,
    around: Findings,
    findings: &mut Findings,
) -> Option<Rc<Settings>> {
    findings.append(around);
    let others = host.accounts.other_names(account, user).unwrap_or_else(|error| {
        findings.unknown("names", &error, error.fix());
        BTreeSet::new()
    });
    let mut of_account = Findings::default();
    let jailed = account::names(account, &others, host.config, &mut of_account);
    let mut logins = vec![Login { name: &account.name, account }];
    logins.extend(jailed.iter().map(|(name, account)| Login { name, account }));

    let member = Member { config: host.config, profile, account };
    let settings = host.sshd.as_mut().and_then(|sshd| sshd::examine(sshd, &member, &logins, findings));
    if let Some(settings) = &settings {
        between_two_looks(account, profile, settings.all("AllowGroups").next().is_some(), findings);
    }
    findings.append(of_account);
    let pam = settings.as_ref().is_none_or(|settings| settings.get("UsePAM") == Some("yes"));
    account::shadow(account, pam, findings);
    account::shell(account, host.pam.asks_for_shells.as_ref(), findings);
    outside::examine(account, profile, findings);
    host.systemd.examine(account, &others, findings);
    let sshd = host.sshd.as_ref().zip(settings.as_deref());
    let files = sshd.map(|(_, settings)| keys::files(settings, account)).unwrap_or_default();
    let path_to_home = PathToHome::walk(account, &files, findings);
    if profile.home != HomeAccess::None {
        home::examine(account, &path_to_home, !files.is_empty(), findings);
    }
    if let Some((sshd, settings)) = sshd {
        Keys { account, accounts: &host.accounts, sshd, settings, path_to_home: &path_to_home }
            .examine(&files, findings);
    }
    settings
}

fn rehearsed(config: Option<&Path>, user: &str, findings: &mut Findings) -> Option<Rehearsal> {
    let check = "rehearsal";
    if !geteuid().is_root() {
        findings.unknown(check, "only root can build a jail", AS_ROOT);
        return None;
    }
    match rehearsal::run(config, user) {
        Ok(Ok(seen)) => {
            let evidence =
                format!("built in {} µs; {} enters it at {}", seen.microseconds, escaped(user), seen.home);
            findings.passed(check, evidence);
            for place in &seen.procfs {
                let evidence = format!(
                    "a procfs is mounted at {place} in the jail; through it a process of the user's \
                     that is not jailed leads out"
                );
                findings.warned(check, evidence, "unmount it on the host");
            }
            Some(seen)
        }
        Ok(Err(failure)) => {
            findings.failed(check, failure.problem, failure.fix);
            None
        }
        Err(error) => {
            findings.unknown(check, error, "run this again");
            None
        }
    }
}
