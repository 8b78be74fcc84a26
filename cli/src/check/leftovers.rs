//! What an earlier setup left: entries that would mount something below the jail root.

use crate::report::Findings;
use crate::report::Location;
use crate::report::error::AS_ROOT;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::host_mounts::{self, MountEntries, MountEntry};
use pam_sftpjail::name::UserName;
use std::path::{Path, PathBuf};

/// Looks for them. `user`: those of other users are only warned of.
pub(super) fn examine(config: &Config, user: Option<&UserName>, findings: &mut Findings) {
    let root = config.jail_root.absolute();
    let is_others =
        |target: &Path| user.is_some_and(|user| target != root && !target.starts_with(root.join(user)));
    let fstab = host_mounts::fstab();
    let mut sound = are_read("fstab", &fstab, findings);
    for (place, target) in placed(fstab).filter(|(_, target)| target.starts_with(&root) && *target != root) {
        sound = false;
        let evidence = format!(
            "{place} mounts something at {}, which sshd would serve whenever no jail is built",
            escaped(&target)
        );
        let fix = place.comment_out();
        if is_others(&target) {
            findings.warned("fstab", evidence, fix);
        } else {
            findings.failed("fstab", evidence, fix);
        }
    }
    if sound {
        findings.passed("fstab", format!("nothing below {}", escaped(&root)));
    }

    let autofs = host_mounts::autofs();
    sound = are_read("autofs", &autofs, findings);
    for (place, target) in placed(autofs).filter(|(_, target)| target.starts_with(&root)) {
        sound = false;
        let evidence = format!(
            "{place} lets autofs mount at {}, which sshd would serve whenever no jail is built",
            escaped(&target)
        );
        let fix = format!("reload autofs after this: {}", place.comment_out());
        if is_others(&target) {
            findings.warned("autofs", evidence, fix);
        } else {
            findings.failed("autofs", evidence, fix);
        }
    }
    if sound {
        findings.passed("autofs", format!("nothing at {}", escaped(&root)));
    }
}

/// Whether all files could be read; those that could not are told.
fn are_read(check: &str, said: &MountEntries, findings: &mut Findings) -> bool {
    for (file, error) in &said.unread {
        findings.unknown(check, format!("{} cannot be read: {error}", escaped(file)), AS_ROOT);
    }
    said.unread.is_empty()
}

/// Where an entry stands, and what it mounts on.
fn placed(said: MountEntries) -> impl Iterator<Item = (Location, PathBuf)> {
    said.entries.into_iter().map(|MountEntry { file, line, at }| (Location::single(file, line), at))
}
