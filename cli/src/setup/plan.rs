//! All changes that are needed, in the order in which each can rely on those before it: PAM's lines
//! come when the module is there, and last, since they count from the next login on.

use super::Options;
use super::change::{Change, FileChange};
use super::desired_state::DesiredState;
use super::sshd::Sshd;
use super::target::Target;
use super::{directory, module, pam, sshd, syslog, user_manager};
use crate::report::Error;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::nss::Group;
use std::path::Path;

/// Looks at everything, and changes nothing.
pub(super) fn changes(desired: &DesiredState, sshd: &Sshd, options: &Options) -> Result<Vec<Change>, Error> {
    let mut changes = Vec::new();
    changes.extend(module::change(options.module.as_deref())?);
    for name in &desired.groups {
        if Group::by_name(name)?.is_none() {
            changes.push(Change::Group { name: name.clone() });
        }
    }
    changes.extend(directory::change(&desired.jail_root, 0o700)?);
    for shelf in &desired.shelves {
        changes.extend(directory::change(shelf, 0o755)?);
    }
    if let Some(text) = &desired.text {
        let path = Path::new(DEFAULT_PATH);
        if let Some(above) = path.parent() {
            changes.extend(directory::change(above, 0o755)?);
        }
        changes.push(Change::File(FileChange::whole(Target::ours(path)?, None, text.as_str())));
    }
    changes.extend(user_manager::changes(desired)?);
    changes.extend(syslog::changes()?);
    changes.extend(sshd::changes(desired, sshd)?);
    changes.extend(pam::change(sshd.usual.pam_service())?);
    Ok(changes)
}
