//! Checks for what was left below the jail root: jails that no session is in, and entries of an earlier setup that
//! would mount something there.

use crate::report::Location;
use crate::report::error::unreadable_fix;
use crate::report::text::listed_first;
use crate::report::{Consequence, Findings};
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::host_mounts::{self, MountEntries, MountEntry};
use pam_sftpjail::name::UserName;
use pam_sftpjail::plan::root_path;
use pam_sftpjail::reap::left;
use std::path::{Path, PathBuf};

/// An earlier setup may still serve somebody by that mount.
const NOT_NEEDED: &str = "if nobody needs that mount";

/// Checks the jail root, fstab and the maps of autofs. `path`: that of the configuration, if it is not the usual one.
/// `user`: the one who is checked; entries for other users are only warned of, and their jails are left out.
pub(super) fn examine(
    config: &Config,
    path: Option<&Path>,
    user: Option<&UserName>,
    findings: &mut Findings,
) {
    let root = config.jail_root.absolute();
    jails(&root, path, user, findings);
    let is_for_others =
        |target: &Path| user.is_some_and(|user| target != root && !target.starts_with(root.join(user)));
    let fstab = host_mounts::fstab();
    let mut is_ok = are_read("fstab", &fstab, findings);
    for (location, target) in located(fstab).filter(|(_, at)| at.starts_with(&root) && *at != root) {
        is_ok = false;
        let what = format!("{location} mounts something at {}", escaped(&target));
        report(
            "fstab",
            is_for_others(&target),
            &what,
            location.comment_out().explained(NOT_NEEDED),
            findings,
        );
    }
    if is_ok {
        findings.passed("fstab", format!("nothing below {}", escaped(&root)));
    }

    let autofs = host_mounts::autofs();
    is_ok = are_read("autofs", &autofs, findings);
    for (location, target) in located(autofs).filter(|(_, at)| at.starts_with(&root)) {
        is_ok = false;
        let what = format!("{location} lets autofs mount at {}", escaped(&target));
        let fix = location.comment_out().explained(format!("{NOT_NEEDED}, and reload autofs after this"));
        report("autofs", is_for_others(&target), &what, fix, findings);
    }
    if is_ok {
        findings.passed("autofs", format!("nothing at {}", escaped(&root)));
    }
}

/// Warns of jails in the host's namespace, and of their directories, that a killed sshd or a power cut has left. Other
/// checks report a jail root or a registry that cannot be read.
fn jails(root: &Path, path: Option<&Path>, user: Option<&UserName>, findings: &mut Findings) {
    let left = left(root, user).unwrap_or_default();
    let what = match left.len() {
        0 => return,
        1 => "is left of a jail that no session is in",
        _ => "are left of jails that no session is in",
    };
    let evidence = format!("{} {what}", listed_first(left.iter()));
    let command = match path.map(root_path) {
        None => Some(Command::new("sftpjail reap")),
        Some(path) => path.map(|path| Command::new("sftpjail reap --config").arg(&path)),
    };
    findings.warned("jail root", evidence, Fix::or(command, "run sftpjail reap with that configuration"));
}

/// Reports an entry. `what`: what it does.
fn report(check: &str, is_for_others: bool, what: &str, fix: Fix, findings: &mut Findings) {
    let evidence = format!("{what}, which sshd would serve whenever no jail is built");
    match is_for_others {
        true => findings.warned(check, evidence, fix),
        false => findings.failed(check, Consequence::None, evidence, fix),
    }
}

/// Whether all files could be read. Reports those that could not.
fn are_read(check: &str, entries: &MountEntries, findings: &mut Findings) -> bool {
    for (file, error) in &entries.unread {
        findings.unknown(check, format!("{} cannot be read: {error}", escaped(file)), unreadable_fix(error));
    }
    entries.unread.is_empty()
}

/// The location of each entry, and the mount point.
fn located(entries: MountEntries) -> impl Iterator<Item = (Location, PathBuf)> {
    entries.entries.into_iter().map(|MountEntry { file, line, at }| (Location::single(file, line), at))
}
