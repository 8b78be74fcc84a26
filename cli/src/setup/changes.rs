//! Collects the changes that are needed, in the order in which they are made, and what is to be said about them. It
//! changes nothing itself.
//!
//! PAM's lines come last, after the module's file: they take effect with the next login.

use super::Options;
use super::apparmor::Profiles;
use super::change::{Change, FileChange};
use super::choices::Choices;
use super::sshd::{self, Sshd};
use super::target::Target;
use super::{directory, expiry, module, pam, selinux, syslog, user_manager, verify};
use crate::desired::pam::service;
use crate::report::Error;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;
use std::path::Path;

/// All changes, or the first reason why setup cannot be done.
pub(super) struct Needed {
    pub(super) changes: Vec<Change>,
    /// Sentences for the admin.
    pub(super) notes: Vec<String>,
    /// The groups whose members sshd will no longer jail.
    pub(super) dropped_groups: Vec<String>,
    /// As in [`sshd::Needed`].
    pub(super) stray_groups: Vec<String>,
}

impl Needed {
    pub(super) fn find(choices: &Choices, sshd: &Sshd, options: &Options) -> Result<Self, Error> {
        let service = sshd.daemon.pam_service(Some(&sshd.global));
        let path = Path::new(DEFAULT_PATH);
        if let Some((what, fix)) = service::unlisted(&choices.config, path, &service) {
            return Err(Error::new(format!("{}: {what}, and sshd refuses members", escaped(path)), fix));
        }
        let mut changes = Vec::new();
        changes.extend(module::change(options.module.as_deref())?);
        for name in &choices.groups {
            if Group::by_name(name)?.is_none() {
                changes.push(Change::Group { name: name.clone() });
            }
        }
        changes.extend(directory::jail_root(&choices.jail_root)?);
        for parent in &choices.volume_parents {
            changes.extend(directory::change(parent, 0o755)?);
        }
        if let Some(text) = &choices.new_config {
            if let Some(above) = path.parent() {
                changes.extend(directory::change(above, 0o755)?);
            }
            let target = Target::ours(path)?;
            let before = target.read()?;
            changes.push(Change::File(FileChange::whole(target, before, text.as_str())));
        }
        changes.extend(choices.managed_keys.changes()?);
        changes.extend(user_manager::changes(choices)?);
        let expiry::Needed { changes: of_expiry, notes: about_expiry } = expiry::Needed::find()?;
        changes.extend(of_expiry);
        let syslog::Needed { changes: of_syslog, note } = syslog::Needed::find()?;
        changes.extend(of_syslog);
        changes.extend(selinux::changes(choices)?);
        let mut profiles = Profiles::find(choices, sshd)?;
        changes.extend(profiles.changes()?);
        let sshd::Needed { changes: of_sshd, mut notes, dropped_groups, stray_groups, doubt } =
            sshd::needed(choices, sshd)?;
        notes.extend(about_expiry.into_iter().chain(note).chain(profiles.notes));
        if let Some(error) = doubt {
            if !verify::are_members_jailed(choices, sshd) {
                return Err(error);
            }
        }
        changes.extend(of_sshd);
        changes.extend(pam::change(&service)?);
        Ok(Self { changes, notes, dropped_groups, stray_groups })
    }
}
