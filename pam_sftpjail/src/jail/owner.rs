//! Shows what belongs to another account on disk as the member's, and says why that cannot be done.

use super::Tree;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::{Plan, Step};
use crate::sys::SysError;
use crate::sys::idmap::{Swap, UserNamespaces};
use crate::sys::mount;
use nix::errno::Errno;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// Whether it can be done for every part of the jail with another owner. Nothing is mounted.
pub(crate) fn try_all(plan: &Plan) -> Result<(), Refusal> {
    let mut namespaces = UserNamespaces::default();
    for step in &plan.steps {
        if matches!(step, Step::Mount { ids: Some(_), .. }) {
            Tree::of(step, &mut namespaces)?;
        }
    }
    Ok(())
}

/// Maps the ids of a detached tree, which appears at `at`.
pub(super) fn map(
    tree: &OwnedFd,
    ids: Swap,
    namespaces: &mut UserNamespaces,
    at: &Path,
) -> Result<(), Refusal> {
    let namespace = namespaces.with(ids).map_err(|error| refusal(at, &error))?;
    mount::map_ids(tree.as_fd(), namespace, at).map_err(|error| refusal(at, &error))
}

fn refusal(at: &Path, error: &SysError) -> Refusal {
    let (why, fix) = match (error.call(), error.errno) {
        ("mount_setattr", Errno::EINVAL) => (
            "its filesystem, or one that is mounted in it, cannot show the files of one account as another's",
            "remove the owner, or move the files to a filesystem with idmapped mounts: ext4, XFS, Btrfs since Linux 5.15, or tmpfs since Linux 6.3",
        ),
        ("mount_setattr", Errno::EPERM) => (
            "its filesystem, or one that is mounted in it, is not this host's to map, or is idmapped already",
            "remove the owner; in a container, the files must be on a filesystem that was mounted in it",
        ),
        ("clone", Errno::ENOSPC | Errno::EUSERS) => (
            "no further user namespace may be made, which an idmapped mount needs",
            "raise sysctl user.max_user_namespaces",
        ),
        ("clone", Errno::EPERM) => (
            "this process may not make a user namespace, which an idmapped mount needs",
            "let the service make one: see RestrictNamespaces= and SystemCallFilter= in its unit (systemctl cat)",
        ),
        _ => ("the user namespace could not be made, which an idmapped mount needs", error.fix()),
    };
    Refusal::Owner {
        target: escaped(&Path::new("/").join(at)).to_string(),
        why: format!("another account: {why} ({error})"),
        fix: fix.into(),
    }
}
