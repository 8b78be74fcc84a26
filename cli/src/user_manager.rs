//! Whether systemd may run a user manager for a uid: never for a member's, as it would run outside of the
//! jail what the member's own files say. The drop-in of user@.service asks this.

pub(crate) mod drop_in;

use crate::Verdict;
use crate::check::{People, is_complete};
use nix::unistd::Uid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::{Phase, Refusal};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::log::Log;
use pam_sftpjail::nss::User;
use pam_sftpjail::policy::{Decision, NotJailed, decide};
use std::collections::BTreeSet;
use std::fmt::Display;
use std::path::Path;

/// As the service by which PAM knows a user manager.
const SERVICE: &str = "systemd-user";

/// Exit status: 0 it may, 1 it may not. `whom`: the instance of user@.service, a uid or a name. `groups`:
/// those of members when this was set up, for when the configuration cannot be read.
pub(crate) fn run(config: Option<&Path>, whom: &str, groups: &[String]) -> Verdict {
    let log = Log::new(SERVICE, Phase::Session, false);
    match is_member(config, whom, groups, &log) {
        Ok(false) => Verdict::Sound,
        Ok(true) => Verdict::Problems,
        Err(why) => {
            log.notice(format_args!(
                "no user manager for user {}, who may be a member: {why}",
                escaped(whom)
            ));
            Verdict::Problems
        }
    }
}

/// Whether any name of the uid is a member's. An error is no answer.
fn is_member(config: Option<&Path>, whom: &str, groups: &[String], log: &Log) -> Result<bool, String> {
    let known = match whom.parse() {
        Ok(uid) => User::by_uid(Uid::from_raw(uid)),
        Err(_) => User::by_name(whom),
    };
    let user = known.map_err(|error| told(&error, &error.cure()))?.ok_or("NSS knows no such user")?;
    if user.uid.is_root() {
        return Ok(false);
    }
    let people = People::list().map_err(|error| told(&error, "see that NSS answers (getent passwd)"))?;
    let mut names: BTreeSet<&str> = people.names_of(user.uid.as_raw()).collect();
    names.insert(&user.name);
    let config = config_or(config, groups, log);
    let mut all_are_exempt = true;
    for name in names {
        match Account::lookup(name, &config) {
            Ok(account) => match decide(&config, &account) {
                Decision::NotJailed(why) => all_are_exempt &= why == NotJailed::Exempt,
                Decision::Jail(_) => return Ok(true),
                Decision::Refuse(refusal) => return Err(told(&refusal, &refusal.cure())),
            },
            // Removed since it was listed.
            Err(Refusal::NoSuchUser { .. }) => {}
            Err(refusal) => return Err(told(&refusal, &refusal.cure())),
        }
    }
    // A service that does not answer may know another name of the uid. An admin is not to wait for it.
    if !all_are_exempt {
        is_complete().map_err(|error| told(&error, &error.cure()))?;
    }
    Ok(false)
}

fn told(why: &dyn Display, cure: &str) -> String {
    format!("{why}; cure: {cure}")
}

/// The configuration. A broken one takes no manager from an admin, and gives none to whoever is in one of
/// `groups`.
fn config_or(path: Option<&Path>, groups: &[String], log: &Log) -> Config {
    Config::load(path).unwrap_or_else(|error| {
        log.critical(format_args!(
            "members are those of the groups that user@.service names, until this is mended: {error}"
        ));
        let mut config = Config::default();
        for profile in config.profiles.iter_mut().filter(|_| !groups.is_empty()) {
            profile.groups = groups.to_vec();
        }
        config
    })
}
