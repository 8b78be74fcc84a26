//! Checks that the groups of the profiles exist, and suggests another name for a misspelt one.

use crate::desired::setup::missing_group;
use crate::report::{Consequence, Findings};
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
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
            let (missing, fix) = (MissingGroup(name), missing_group(name));
            if is_for_nobody && concern == Concern::NotJailed {
                let evidence = format!(
                    "{missing}, and no group that exists, so the profile {} jails nobody",
                    escaped(&profile.name)
                );
                findings.failed("profile", Consequence::None, evidence, fix);
            } else {
                findings.warned("profile", missing, fix);
            }
        }
    }
}
