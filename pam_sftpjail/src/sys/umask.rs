//! umask(2).
#![forbid(unsafe_code)]

use nix::sys::stat::{Mode, umask};

/// Sets the umask of the process, and sets it back when dropped.
pub(crate) struct Umask(Mode);

impl Umask {
    /// Until then it is `mask`.
    pub(crate) fn set(mask: u32) -> Self {
        Self(umask(Mode::from_bits_truncate(mask)))
    }

    /// With `0`, directories and files get exactly the mode that they are made with: another
    /// module (pam_umask) may have set anything.
    pub(crate) fn none() -> Self {
        Self::set(0)
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        umask(self.0);
    }
}
