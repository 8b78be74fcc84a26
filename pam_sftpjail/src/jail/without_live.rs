//! The host's mounts without the live jails, for a program that rehearses many logins. A session has no use for it.
//!
//! A rehearsal copies the mount namespace. In the host's, each live jail has some mounts of its own, so the rehearsals
//! of thousands of members beside thousands of live jails would copy millions of them. So a process copies the
//! namespace once, detaches the jails in the copy, and keeps it; rehearsals begin there.

use crate::escape::escaped;
use crate::sys::namespace::{Namespace, leave};
use crate::sys::process::Process;
use crate::sys::{SysError, directory, mount};
use nix::unistd::Pid;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// A mount namespace in which no jail is mounted.
pub struct WithoutLive(pub(super) Namespace);

impl WithoutLive {
    /// Opens that of a process that has called [`leave_jails`]. The error is ESRCH if that process is not there any
    /// more.
    pub fn of(process: &Process) -> Result<Self, SysError> {
        let namespace = Namespace::of(Pid::from_raw(process.pid()))?;
        process.must_exist().map(|()| Self(namespace))
    }
}

/// Moves this process into a copy of its mount namespace, for good, and detaches the jails there. The host keeps them.
/// The process must have one thread. Gives whether there is a mount for jails at all.
pub fn leave_jails(jail_root: &Path) -> Result<bool, SysError> {
    let open = || -> Result<OwnedFd, SysError> {
        let failed = SysError::of("openat2", escaped(jail_root));
        directory::open_without_symlinks(jail_root).map_err(failed)
    };
    leave()?;
    let root = open()?;
    if !directory::is_mount_root(&root).map_err(SysError::of("statx", escaped(jail_root)))? {
        return Ok(false);
    }
    // The mount goes with all jails on it, at once, and comes back without them: it may be the admin's own.
    let alone = mount::clone_mount(root.as_fd(), jail_root)?;
    drop(root);
    mount::detach(jail_root)?;
    mount::attach(alone.as_fd(), open()?.as_fd(), jail_root)?;
    Ok(true)
}
