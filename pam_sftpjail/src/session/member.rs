//! Finds out for a hook whether the user of a login is a member, and logs what an admin should know.
//!
//! If the configuration cannot be used, no login is jailed. Members are refused all the same, by sshd or here, and
//! everybody else can log in.

use super::examine::{Member, Membership, examine};
use super::login::Login;
use crate::config::{Config, ConfigError};
use crate::error::{Phase, Refusal};
use crate::escape::escaped;
use crate::fix::{Command, Name};
use crate::log::Log;
use crate::name::UserName;
use crate::nss::User;
use crate::plan::{Check, CheckResult};
use crate::policy::NotJailed;
use crate::reap::{self, Leftover};
use crate::registry::Registry;
use nix::unistd::geteuid;
use std::path::Path;

/// The member, or `None` where the module does not jail this login.
pub(super) fn find(login: &Login<'_>, phase: Phase) -> Result<Option<Member>, Refusal> {
    let log = &login.log;
    let config = match load(login.arguments.config.as_deref()) {
        Ok(config) => config,
        Err(Unusable::Exhausted(refusal)) => return Err(refusal),
        Err(Unusable::Invalid(error)) => {
            log.critical(format_args!(
                "until this is fixed, no jails are built, and sshd refuses every user that it chroots: {error}; \
                 fix: {}",
                error.fix()
            ));
            return if has_host_session(login)? { Err(Refusal::Unconfigured) } else { Ok(None) };
        }
    };
    if !config.services.iter().any(|service| service == login.service) {
        return Ok(None);
    }
    if let Some(argument) = &login.arguments.unknown {
        let refusal = Refusal::Argument { argument: argument.clone() };
        log.error(format_args!("{refusal}; fix: {}", refusal.fix()));
    }
    let name = login.user.to_str().ok_or(Refusal::LoginName { why: "not UTF-8" })?;
    match examine(&config, name, &login.circumstances(phase), &mut |check, result| {
        log_check(log, check, result)
    })? {
        Membership::NotJailed { why, name: account } => {
            log.debug(format_args!("user {} is not jailed: {why}", escaped(name)));
            remove_old_jail(&config, &account, why, log);
            Ok(None)
        }
        Membership::Member(member) => match &login.arguments.unknown {
            None => Ok(Some(*member)),
            Some(argument) => Err(Refusal::Argument { argument: argument.clone() }),
        },
    }
}

fn log_check(log: &Log, check: Check, result: CheckResult<'_>) {
    match result {
        CheckResult::Passed(evidence) => log.debug(format_args!("{check}: {evidence}")),
        // Without the group, its members are not jailed. Without the volume or the grant, a member misses files.
        CheckResult::Warned(evidence, fix)
            if matches!(check, Check::Profile | Check::Volume | Check::Grant) =>
        {
            log.error(format_args!("{evidence}; fix: {}", fix()));
        }
        CheckResult::Warned(evidence, fix) if log.has_debug() => {
            log.debug(format_args!("{check}: {evidence}; fix: {}", fix()));
        }
        CheckResult::Warned(..) => {}
        CheckResult::Failed(refusal) => log.debug(format_args!("{check}: failed: {refusal}")),
    }
}

/// Removes a jail from when the user was a member: sshd may still chroot the user into it.
fn remove_old_jail(config: &Config, account: &str, why: NotJailed, log: &Log) {
    let Ok(user) = UserName::parse(account) else { return };
    match Registry::has_host_record(&user) {
        Ok(true) => {}
        Ok(false) => return,
        Err(errno) => {
            let refusal = Refusal::Sessions { errno };
            let fix = refusal.fix();
            log.error(format_args!(
                "whether user {user} has a jail from before is unknown: {refusal}; fix: {fix}"
            ));
            return;
        }
    }
    match reap::take_down(&config.jail_root.absolute(), &user) {
        Ok(Leftover::None | Leftover::Removed) => {}
        Ok(Leftover::InUse) => log.error(format_args!(
            "user {user} is no longer jailed ({why}), but older sessions still have a jail: if sshd chroots \
             this login, it lands in that jail, without a record; fix: {}",
            Command::new("sftpjail kick").arg(Name(user.as_str()))
        )),
        Err(refusal) => log.error(format_args!("{refusal}; fix: {}", refusal.fix())),
    }
}

/// Whether a jail in the host's namespace may be mounted for the user. sshd would serve a login from it
/// even where the module ignores the login. The error: that is unknown, so the login is refused.
///
/// Nothing is asked for root, who never has a jail: whatever is wrong with the registry, an admin can log in as root.
/// And nothing by a service that is not root, such as a screen locker: it cannot read the registry, and sends nobody
/// into a jail.
fn has_host_session(login: &Login<'_>) -> Result<bool, Refusal> {
    if !geteuid().is_root() {
        return Ok(false);
    }
    let user = login.user.to_str().map_or(Ok(None), User::by_name)?;
    // A name that cannot name a jail has none.
    match user.filter(|user| !user.uid.is_root()).map(|user| UserName::parse(&user.name)) {
        Some(Ok(user)) => Registry::has_host_record(&user).map_err(|errno| Refusal::Sessions { errno }),
        Some(Err(_)) | None => Ok(false),
    }
}

pub(super) enum Unusable {
    /// The process ran out of something. That says nothing about the file, so nobody is let through.
    Exhausted(Refusal),
    Invalid(ConfigError),
}

pub(super) fn load(path: Option<&Path>) -> Result<Config, Unusable> {
    Config::load(path).map_err(|error| match error.exhaustion() {
        Some(errno) => Unusable::Exhausted(Refusal::Exhausted { errno }),
        None => Unusable::Invalid(error),
    })
}
