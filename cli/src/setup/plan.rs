//! All changes that are needed, in the order in which each can rely on those before it: PAM's lines
//! come when the module is there, and last, since they count from the next login on.

use super::Options;
use super::change::{Change, FileChange};
use super::desired_state::DesiredState;
use super::sshd::Sshd;
use super::target::{Target, roots_alone_above};
use super::{module, pam, sshd, syslog, user_manager};
use crate::report::Error;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::{escaped, word};
use pam_sftpjail::nss::Group;
use pam_sftpjail::plan::unmounted::{self, Unmounted};
use std::os::unix::fs::MetadataExt;
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
    changes.extend(directory(&desired.jail_root, 0o700)?);
    for shelf in &desired.shelves {
        changes.extend(directory(shelf, 0o755)?);
    }
    if let Some(text) = &desired.text {
        let path = Path::new(DEFAULT_PATH);
        if let Some(above) = path.parent() {
            changes.extend(directory(above, 0o755)?);
        }
        changes.push(Change::File(FileChange::whole(Target::ours(path)?, None, text.as_str())));
    }
    changes.extend(user_manager::changes(desired)?);
    changes.extend(syslog::changes()?);
    changes.extend(sshd::changes(desired, sshd)?);
    changes.extend(pam::change(sshd.usual.pam_service())?);
    Ok(changes)
}

/// Makes a missing directory, and refuses one that is not root's alone.
pub(super) fn directory(path: &Path, mode: u32) -> Result<Option<Change>, Error> {
    let shown = escaped(path);
    match path.symlink_metadata() {
        Err(_) if path.parent().is_some_and(Path::is_dir) => {
            roots_alone_above(path)?;
            Ok(Some(Change::Directory { path: path.to_owned(), mode }))
        }
        Err(_) => {
            let above = path.parent().unwrap_or(path);
            if let Some(Unmounted { why, fix }) = unmounted::above(path, above) {
                return Err(Error::new(format!("{shown} cannot be made: {} {why}", escaped(above)), fix));
            }
            Err(Error::new(
                format!("{shown} cannot be made, for {} is no directory", escaped(above)),
                format!("make it: install -d -m 0755 {}", word(above)),
            ))
        }
        Ok(stat) if !stat.is_dir() => Err(Error::new(
            format!("{shown} is not a directory"),
            format!("move it away: mv {0} {0}.old", word(path)),
        )),
        Ok(stat) if stat.uid() != 0 || stat.mode() & 0o022 != 0 => Err(Error::new(
            format!("{shown} can be written by others than root"),
            format!("see what is in it, then: chown root {0} && chmod go-w {0}", word(path)),
        )),
        Ok(_) => Ok(None),
    }
}
