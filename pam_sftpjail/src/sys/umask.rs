//! umask(2).
#![forbid(unsafe_code)]

use nix::sys::stat::{Mode, umask};

/// Sets the umask of the process; gives the one before.
pub(crate) fn set(mask: u32) -> u32 {
    umask(Mode::from_bits_truncate(mask)).bits()
}

/// Sets the umask of the process, and sets it back when dropped.
pub(crate) struct Umask(Mode);

impl Umask {
    /// With `0`, directories and files get exactly the mode that they are made with: another
    /// module (pam_umask) may have set anything.
    pub(crate) fn none() -> Self {
        Self(umask(Mode::empty()))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.0);
    }
}
