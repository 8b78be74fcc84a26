//! What stands at `<jail_root>/<user>`, where a jail of the host's namespace is mounted.
//!
//! Such a jail carries its [terms](super::Plan::terms) in an extended attribute of its root, which
//! only root can set and which goes with it: no record can disagree with what is mounted.

use crate::name::UserName;
use crate::sys::{attribute, directory, mount};
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::os::fd::{AsFd, OwnedFd};

#[derive(Debug)]
pub(crate) enum MountPoint {
    /// Nothing.
    Free,
    /// A directory that nobody but root can enter: made for a jail that was not mounted, or is no more.
    Bare,
    /// A jail of the host's namespace; its root and its terms.
    Jail { root: OwnedFd, terms: String },
    /// Something that is not ours.
    Foreign,
}

impl MountPoint {
    /// Looks at what stands at `user` below the jail root.
    pub(crate) fn look(jail_root: impl AsFd, user: &UserName) -> Result<Self, Errno> {
        // Not as a directory: that would make an automounter of an earlier setup mount there.
        let entry = match directory::open_entry(jail_root, user.as_ref()) {
            Err(Errno::ENOENT) => return Ok(Self::Free),
            entry => entry?,
        };
        let stat = directory::stat(&entry)?;
        if directory::kind(&stat) != SFlag::S_IFDIR || stat.st_uid != 0 {
            return Ok(Self::Foreign);
        }
        let is_mount = directory::is_mount_root(&entry)?;
        if !is_mount && directory::is_closed(&entry)? {
            return Ok(Self::Bare);
        }
        if !is_mount || !mount::is_tmpfs(&entry)? {
            return Ok(Self::Foreign);
        }
        let root = directory::open_to_read(entry, ".".as_ref())?;
        match attribute::get(&root)? {
            Some(terms) => Ok(Self::Jail { root, terms }),
            None => Ok(Self::Foreign),
        }
    }
}
