//! Lets this thread access files with another user's rights: setfsuid(2), setfsgid(2).
#![forbid(unsafe_code)]

use super::{SysError, directory};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid, setfsgid, setfsuid};
use rustix::process::{
    DumpableBehavior, Signal, dumpable_behavior, parent_process_death_signal, set_dumpable_behavior,
    set_parent_process_death_signal,
};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

/// The owner of a home.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

impl Owner {
    /// Until the value is dropped, this thread accesses files with the owner's rights, and not with root's.
    /// A new file belongs to the owner from the beginning and counts in the owner's quota. It can also be made
    /// where a server does not trust root (NFS: root_squash). Supplementary groups stay root's.
    pub(crate) fn assume(self) -> Result<Assumed, SysError> {
        // Changing the ids resets these two settings (kernel/cred.c: commit_creds).
        let assumed = Assumed {
            dumpable: dumpable_behavior().map_err(SysError::of("prctl", "PR_GET_DUMPABLE"))?,
            signal: parent_process_death_signal().map_err(SysError::of("prctl", "PR_GET_PDEATHSIG"))?,
            gid: setfsgid(self.gid),
            uid: setfsuid(self.uid),
        };
        // Neither call reports an error. A call that cannot succeed returns the present id.
        let now = Self { uid: setfsuid(Uid::from_raw(u32::MAX)), gid: setfsgid(Gid::from_raw(u32::MAX)) };
        if now == self {
            Ok(assumed)
        } else {
            let arguments = format!("{}, {}", self.uid, self.gid);
            Err(SysError::of("setfsuid", arguments)(std::io::Error::from(Errno::EPERM)))
        }
    }

    /// [`directory::open_below`] with root's rights, or with the owner's if root is denied access.
    pub(crate) fn open_below(self, parent: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        self.or_as_owner(|| directory::open_below(&parent, path, flags))
    }

    /// Acts with root's rights, and again with the owner's if root is denied access.
    pub(crate) fn or_as_owner<T>(self, act: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match act() {
            Err(Errno::EACCES) => match self.assume() {
                Ok(_owner) => act(),
                // This process is not root.
                Err(_) => Err(Errno::EACCES),
            },
            other => other,
        }
    }
}

/// The former identity of this thread. It is restored when this is dropped.
pub(crate) struct Assumed {
    dumpable: DumpableBehavior,
    signal: Option<Signal>,
    gid: Gid,
    uid: Uid,
}

impl Drop for Assumed {
    fn drop(&mut self) {
        setfsuid(self.uid);
        setfsgid(self.gid);
        // Errors are ignored: both values were valid before. PR_SET_DUMPABLE refuses only a value that the
        // kernel alone may set, and it has just set that.
        let _ = set_dumpable_behavior(self.dumpable);
        let _ = set_parent_process_death_signal(self.signal);
    }
}
