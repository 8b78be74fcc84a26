//! By whose rights this thread reaches files: setfsuid(2), setfsgid(2).
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

/// Whose a home is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
}

impl Owner {
    /// Until the value is dropped, this thread reaches files by the owner's rights and not by root's: what
    /// it makes is the owner's from the beginning, counts in the owner's quota, and can be made where a
    /// server trusts no root (NFS: root_squash). Supplementary groups stay root's.
    pub(crate) fn assume(self) -> Result<Assumed, SysError> {
        // credentials(7): changing these makes the kernel forget both (kernel/cred.c: commit_creds).
        let assumed = Assumed {
            dumpable: dumpable_behavior().map_err(SysError::of("prctl", "PR_GET_DUMPABLE"))?,
            signal: parent_process_death_signal().map_err(SysError::of("prctl", "PR_GET_PDEATHSIG"))?,
            gid: setfsgid(self.gid),
            uid: setfsuid(self.uid),
        };
        // Neither call reports an error. One that cannot succeed says what is so.
        let now = Self { uid: setfsuid(Uid::from_raw(u32::MAX)), gid: setfsgid(Gid::from_raw(u32::MAX)) };
        if now == self {
            Ok(assumed)
        } else {
            let arguments = format!("{}, {}", self.uid, self.gid);
            Err(SysError::of("setfsuid", arguments)(std::io::Error::from(Errno::EPERM)))
        }
    }

    /// [`directory::open_below`], by root's rights, or else by the owner's: root may be kept out.
    pub(crate) fn open_below(self, parent: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
        self.or_as_owner(|| directory::open_below(&parent, path, flags))
    }

    /// Tries by root's rights, and then by the owner's, if root is kept out.
    pub(crate) fn or_as_owner<T>(self, act: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
        match act() {
            Err(Errno::EACCES) => match self.assume() {
                Ok(_owner) => act(),
                // Whoever asks is not root.
                Err(_) => Err(Errno::EACCES),
            },
            other => other,
        }
    }
}

/// What this thread was before; set back when dropped.
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
        // Both have been such before. The third behaviour is one that only the kernel sets, as it just did.
        let _ = set_dumpable_behavior(self.dumpable);
        let _ = set_parent_process_death_signal(self.signal);
    }
}
