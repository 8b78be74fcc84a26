//! Reads what is at `<jail_root>/<user>`, where a jail in the host's namespace is mounted.
//!
//! Such a jail has its [terms](super::Plan::terms) in an extended attribute of its root. Only root can set
//! that, and it vanishes with the jail. So no record can disagree with what is mounted.

use crate::name::UserName;
use crate::sys::{attribute, directory, mount};
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use std::os::fd::{AsFd, OwnedFd};

#[derive(Debug)]
pub(crate) enum MountPoint {
    /// Nothing.
    Free,
    /// A directory with mode 0: made for a jail that was never mounted, or was unmounted since.
    Leftover,
    /// A jail in the host's namespace: its root and its terms.
    Jail { root: OwnedFd, terms: String },
    /// Something that sftpjail has not made.
    Other,
}

impl MountPoint {
    /// Reads what is at `user` below the jail root.
    pub(crate) fn inspect(jail_root: impl AsFd, user: &UserName) -> Result<Self, Errno> {
        // O_DIRECTORY would make an automounter of an earlier setup mount there.
        let entry = match directory::open_entry(jail_root, user.as_ref()) {
            Err(Errno::ENOENT) => return Ok(Self::Free),
            entry => entry?,
        };
        let stat = directory::stat(&entry)?;
        if directory::kind(&stat) != SFlag::S_IFDIR || stat.st_uid != 0 {
            return Ok(Self::Other);
        }
        let is_mount = directory::is_mount_root(&entry)?;
        if !is_mount && directory::is_closed(&entry)? {
            return Ok(Self::Leftover);
        }
        if !is_mount || !mount::is_tmpfs(&entry)? {
            return Ok(Self::Other);
        }
        let root = directory::open_to_read(entry, ".".as_ref())?;
        match attribute::get(&root)? {
            Some(terms) => Ok(Self::Jail { root, terms }),
            None => Ok(Self::Other),
        }
    }
}
