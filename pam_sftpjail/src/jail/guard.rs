//! Whether what is guarded is a mount point of the jail, so that nobody in it can change it.
//!
//! Between the check and the mount somebody outside of the jail may have put something else in the place:
//! then nobody is let in. What somebody outside does later is not prevented.

use super::Tree;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::{Plan, guard_point};
use crate::sys::{SysError, directory, mount};
use nix::errno::Errno;
use std::os::fd::OwnedFd;
use std::path::Path;

impl Tree {
    /// Refuses if it is a guard of something that is not in its place, and guarded.
    pub(super) fn verify_guard(&self, jail: &OwnedFd) -> Result<(), Refusal> {
        if self.role.is_guard() && !self.guards(jail)? { Err(self.replaced()) } else { Ok(()) }
    }

    /// Whether what it is of is at its place, is a mount point there, and is read-only if it should be.
    fn guards(&self, jail: &OwnedFd) -> Result<bool, SysError> {
        let guards = || {
            let place = self.place(jail)?;
            Ok(self.is_at(&place)?
                && directory::is_mount_root(&place)?
                && (!self.read_only || mount::is_read_only(&place)?))
        };
        match guards() {
            // Not even the name is there.
            Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => Ok(false),
            guards => guards.map_err(SysError::of("statx", escaped(&self.at).to_string())),
        }
    }

    pub(super) fn replaced(&self) -> Refusal {
        guard_point::replaced(&Path::new("/").join(&self.at))
    }
}

/// Guards anew, in a jail that is shared, what somebody has replaced on the host since it was made.
pub(super) fn restore(plan: &Plan, jail: &OwnedFd) -> Result<(), Refusal> {
    for step in plan.guard() {
        let Some(tree) = Tree::of(step)? else { continue };
        if !tree.guards(jail)? {
            tree.attach(jail)?;
        }
        tree.verify_guard(jail)?;
    }
    Ok(())
}
