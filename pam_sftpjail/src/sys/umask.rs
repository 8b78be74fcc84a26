//! Sets the umask of the process, and restores it: umask(2).

use nix::libc;

/// The bits of a umask.
const BITS: libc::mode_t = 0o777;

/// Sets the umask of the process, and gives the former one.
pub(crate) fn set(mask: u32) -> u32 {
    // nix's umask panics where a seccomp filter answers for the kernel.
    // SAFETY: it has no pointer, and every mask is valid.
    unsafe { libc::umask(mask & BITS) & BITS }
}

/// Restores the former umask when it is dropped.
pub(crate) struct Umask(u32);

impl Umask {
    /// Sets the umask 0, so that directories and files get exactly the mode that they are made with. Another
    /// module (pam_umask) may have set any umask.
    pub(crate) fn none() -> Self {
        Self(set(0))
    }
}

impl Drop for Umask {
    fn drop(&mut self) {
        set(self.0);
    }
}
