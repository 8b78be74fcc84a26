//! Verifies in the finished jail that every guarded name is a mount point, so that no session can change it, and so is
//! every directory above it and above a volume in the home.
//!
//! Between the check and the mount, a process outside of the jail may have replaced a name. Then the login is
//! refused. What a process outside does later cannot be prevented here.

use super::Tree;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::{Plan, Role, guard_point};
use crate::sys::idmap::UserNamespaces;
use crate::sys::{SysError, directory, mount};
use nix::errno::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

impl Tree {
    /// Refuses if this tree is to be mounted over itself, and is not.
    pub(super) fn verify(&self, jail: &OwnedFd) -> Result<(), Refusal> {
        if self.role.over_itself().is_some() && !self.guards(jail)? { Err(self.replaced()) } else { Ok(()) }
    }

    /// Whether its source is at its place, is a mount point there, and is read-only if it must be.
    fn guards(&self, jail: &OwnedFd) -> Result<bool, SysError> {
        let guards = || {
            let place = self.place(jail)?;
            Ok(self.is_at(&place)?
                && directory::is_mount_root(&place)?
                && (!self.read_only || mount::is_read_only(&place)?))
        };
        match guards() {
            // Nothing is there.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(false),
            guards => guards.map_err(SysError::of("statx", escaped(&self.at))),
        }
    }

    pub(super) fn replaced(&self) -> Refusal {
        let at = Path::new("/").join(&self.at);
        match self.role {
            Role::VolumeInHome => Refusal::Volume {
                target: escaped(&at).to_string(),
                why: "cannot be mounted: its directory in the home was replaced during the login".into(),
                fix: "log in again".into(),
            },
            _ => guard_point::replaced(&at),
        }
    }
}

/// Guards names again that were replaced on the host since a shared jail was built. What is above a volume stays as it
/// is: a mount there would hide the volume.
pub(super) fn restore(plan: &Plan, jail: &OwnedFd) -> Result<(), Refusal> {
    let mut namespaces = UserNamespaces::default();
    for step in plan.guard() {
        let Some(tree) = Tree::of(step, &mut namespaces)? else { continue };
        if !tree.guards(jail)? {
            tree.attach(jail)?;
        }
        tree.verify(jail)?;
    }
    Ok(())
}
