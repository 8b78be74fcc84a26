//! Finds the rules for SELinux and AppArmor that are in setup's files and that the kernel does not have, as after
//! somebody has unloaded them. They are loaded though no file needs a change.

use super::apparmor::Profiles;
use super::choices::Choices;
use super::sshd::Sshd;
use super::{apparmor, selinux};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

/// What has to be loaded again.
pub(super) struct Unloaded {
    /// Whether SELinux does not have the policy module.
    pub(super) has_policy: bool,
    /// The profiles of AppArmor that were loaded without the rules.
    pub(super) profiles: Vec<PathBuf>,
    /// Sentences about what could not be found out.
    pub(super) notes: Vec<String>,
}

impl Unloaded {
    pub(super) fn find(choices: &Choices, sshd: &Sshd) -> Result<Self, Error> {
        let has_policy = selinux::is_unloaded()?;
        let mut known = Profiles::find(choices, sshd)?;
        let profiles = known.unloaded();
        Ok(Self { has_policy, profiles, notes: known.notes })
    }

    pub(super) fn is_empty(&self) -> bool {
        !self.has_policy && self.profiles.is_empty()
    }

    /// A sentence for each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let policy = self.has_policy.then(|| {
            "SELinux does not have the policy module for jails, so that it may keep members out: it has to be loaded."
                .to_owned()
        });
        let profiles = self.profiles.iter().map(|profile| {
            format!(
                "AppArmor has {} without the rules for jails, so that it may keep members out: it has to be loaded again.",
                escaped(profile)
            )
        });
        policy.into_iter().chain(profiles).collect()
    }
}

/// Loads these, and those that the changes of these files are for. Gives a sentence for each.
pub(super) fn load<'p>(
    unloaded: &'p Unloaded,
    changed: impl Iterator<Item = &'p Path> + Clone,
    choices: &Choices,
) -> Result<Vec<String>, Error> {
    let labelled: Vec<_> = [&choices.jail_root].into_iter().chain(&choices.volume_parents).cloned().collect();
    let is_policy_due = unloaded.has_policy || changed.clone().any(selinux::is_policy);
    let policy = selinux::load(is_policy_due, &labelled)?;
    let profiles = unloaded.profiles.iter().map(PathBuf::as_path);
    let confined = changed.filter(|file| apparmor::is_read_by_apparmor(file)).chain(profiles);
    Ok(policy.into_iter().chain(apparmor::load(confined)?).collect())
}
