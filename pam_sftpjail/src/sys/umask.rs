//! Sets the umask of the process, and restores it: umask(2).
#![forbid(unsafe_code)]

use nix::sys::stat::{Mode, umask};

/// Sets the umask of the process, and gives the former one.
pub(crate) fn set(mask: u32) -> u32 {
    umask(Mode::from_bits_truncate(mask)).bits()
}

/// Restores the former umask when it is dropped.
pub(crate) struct Umask(Mode);

impl Umask {
    /// Sets the umask 0, so that directories and files get exactly the mode that they are made with. Another
    /// module (pam_umask) may have set any umask.
    pub(crate) fn none() -> Self {
        Self(umask(Mode::empty()))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.0);
    }
}
