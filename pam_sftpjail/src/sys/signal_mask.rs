//! Blocks signals in this thread, and restores its mask: pthread_sigmask(3).
//!
//! That gives its errors as a positive number, which nix takes for success: a seccomp filter that answers for the kernel
//! would have a mask restored that was never read.

use nix::errno::Errno;
use nix::libc;
use nix::sys::signal::SigSet;
use std::mem::MaybeUninit;
use std::ptr::null_mut;

/// Blocks these signals as well, and gives the former mask.
pub fn block(signals: &SigSet) -> Result<SigSet, Errno> {
    let mut former = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call reads the one set and writes the other; both outlive it.
    match unsafe { libc::pthread_sigmask(libc::SIG_BLOCK, signals.as_ref(), former.as_mut_ptr()) } {
        // SAFETY: the call has succeeded, and so has written the set.
        0 => Ok(unsafe { SigSet::from_sigset_t_unchecked(former.assume_init()) }),
        errno => Err(Errno::from_raw(errno)),
    }
}

/// Restores a mask.
pub(crate) fn restore(former: &SigSet) -> Result<(), Errno> {
    // SAFETY: the call reads the set, which outlives it, and writes nothing to null.
    match unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, former.as_ref(), null_mut()) } {
        0 => Ok(()),
        errno => Err(Errno::from_raw(errno)),
    }
}
