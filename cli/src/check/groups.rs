//! Checks that the groups of the profiles exist, and suggests another name for a misspelt one.

use crate::host::groups::suggested;
use crate::report::{Consequence, Findings};
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::Group;

/// What a missing group may mean to those who are checked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Concern {
    /// That they are not jailed: everybody, or a user in no profile, who may have been a member of the group.
    NotJailed,
    /// Nothing: a member of another profile, or a user who is never jailed.
    Nothing,
}

/// Reports each group that does not exist. A profile that has no other group jails nobody.
pub(super) fn examine(config: &Config, concern: Concern, findings: &mut Findings) {
    for profile in &config.profiles {
        let mut missing = Vec::new();
        for name in &profile.groups {
            match Group::by_name(name) {
                Ok(Some(_)) => {}
                Ok(None) => missing.push(name),
                Err(error) => findings.unknown("profile", &error, error.fix()),
            }
        }
        let is_for_nobody = missing.len() == profile.groups.len();
        for name in missing {
            let (missing, fix) = (MissingGroup(name), missing_group_fix(name));
            if is_for_nobody && concern == Concern::NotJailed {
                let evidence = format!(
                    "{missing}, and none that exists: the profile {} jails nobody, so its users are not jailed",
                    escaped(&profile.name)
                );
                findings.failed("profile", Consequence::None, evidence, fix);
            } else {
                findings.warned("profile", missing, fix);
            }
        }
    }
}

/// The fix where `sftpjail setup` would help. It adds missing groups, so a misspelt one must be corrected first.
pub(super) fn setup_fix(config: &Config) -> Fix {
    let is_missing = |name: &&str| matches!(Group::by_name(name), Ok(None));
    match config.groups().find(is_missing) {
        Some(name) => missing_group_fix(name),
        None => Command::new("sftpjail setup").into(),
    }
}

fn missing_group_fix(name: &str) -> Fix {
    match suggested(name) {
        Some(meant) => {
            format!("did you mean {}? Then correct `groups` in the configuration", escaped(&meant)).into()
        }
        None => MissingGroup(name).fix(),
    }
}
