//! Keeps a copy of a mount namespace without the live jails, in a child that does nothing else. See
//! [`pam_sftpjail::jail::without_live`].

use nix::unistd::pause;
use pam_sftpjail::forked::{Forked, Group, fork};
use pam_sftpjail::jail::without_live::{WithoutLive, leave_jails};
use std::io::{Read, Write};
use std::path::Path;

/// The child, until this is dropped.
pub(super) struct Keeper(Forked);

impl Keeper {
    /// Copies the mount namespace that the child is in after `enter`, which says whether it has worked. `None`: no jail
    /// is mounted there, or the kernel does not let us; then rehearsals take longer, and find the same.
    pub(super) fn start(enter: impl FnOnce() -> bool, jail_root: &Path) -> Option<Self> {
        let child = fork(Group::Parents, |mut pipe| {
            let has_left = enter() && leave_jails(jail_root).is_ok_and(|is_other| is_other);
            if has_left && pipe.write_all(b"\n").is_ok() {
                // It is killed with its parent at the latest.
                loop {
                    pause();
                }
            }
        });
        let mut keeper = Self(child.ok()?);
        keeper.0.output.read_exact(&mut [0]).ok().map(|()| keeper)
    }

    /// Opens the copy. `None`: the child has ended.
    pub(super) fn open(&self) -> Option<WithoutLive> {
        WithoutLive::of(&self.0.process().ok()?).ok()
    }
}
