//! Our own writes must neither fail for a limit that is meant for the user, nor end the service by a signal.
//!
//! pam_limits, above us in the stack, sets RLIMIT_FSIZE for the user. Over that limit write(2) raises
//! SIGXFSZ, and a socket without a reader SIGPIPE; either ends the process by default: signal(7).

use nix::libc;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use std::mem::MaybeUninit;

/// The signals that a write may raise, in the thread that writes.
const RAISED: [Signal; 2] = [Signal::SIGXFSZ, Signal::SIGPIPE];

/// While it lives, files may have any size as far as root may say so, and [`RAISED`] signals wait. Dropped,
/// limit, mask and waiting signals are as before. To be dropped last.
pub(crate) struct SafeWrites {
    /// Soft and hard, where they were changed.
    limit: Option<(rlim_t, rlim_t)>,
    /// What was blocked before; `None` if it could not be changed.
    mask: Option<SigSet>,
    /// What waited already: it is not ours to take away.
    waiting: SigSet,
}

impl SafeWrites {
    pub(crate) fn begin() -> Self {
        let raised: SigSet = RAISED.into_iter().collect();
        let waiting = pending();
        let mask = raised.thread_swap_mask(SigmaskHow::SIG_BLOCK).ok();
        Self { limit: raise_limit(), mask, waiting }
    }
}

impl Drop for SafeWrites {
    fn drop(&mut self) {
        if let Some((soft, hard)) = self.limit {
            // Lowering a limit needs no privilege.
            let _ = setrlimit(Resource::RLIMIT_FSIZE, soft, hard);
        }
        let Some(mask) = self.mask else { return };
        let pending = pending();
        let ours = |signal: &Signal| pending.contains(*signal) && !self.waiting.contains(*signal);
        RAISED.into_iter().filter(ours).for_each(take);
        let _ = mask.thread_set_mask();
    }
}

/// Lifts the limit if there is one, and gives it. Beyond the hard one CAP_SYS_RESOURCE is needed: without
/// that, up to it.
fn raise_limit() -> Option<(rlim_t, rlim_t)> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).ok()?;
    if soft == RLIM_INFINITY {
        return None;
    }
    setrlimit(Resource::RLIMIT_FSIZE, RLIM_INFINITY, RLIM_INFINITY)
        .or_else(|_| setrlimit(Resource::RLIMIT_FSIZE, hard, hard))
        .is_ok()
        .then_some((soft, hard))
}

/// The signals that wait for this thread, or for the process: sigpending(2).
fn pending() -> SigSet {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call writes a whole set to where it is told, and nothing else.
    if unsafe { libc::sigpending(set.as_mut_ptr()) } != 0 {
        return SigSet::empty();
    }
    // SAFETY: the call above has succeeded, and so has written the set.
    unsafe { SigSet::from_sigset_t_unchecked(set.assume_init()) }
}

/// Takes a waiting signal away without acting on it: sigtimedwait(2), which waits for nothing.
fn take(signal: Signal) {
    let set = SigSet::from(signal);
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both arguments outlive the call, which reads them; the null asks for no description.
    unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), &raw const now) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::fs::File;
    use std::io::Write;

    // One test, because a limit is the process's.
    #[test]
    fn a_write_beyond_the_limit_is_an_error_and_no_signal() {
        let limit = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
        setrlimit(Resource::RLIMIT_FSIZE, 0, limit.1).unwrap();
        let mask = SigSet::thread_get_mask().unwrap();
        let written = {
            let mut safe_writes = SafeWrites::begin();
            // As where the limit cannot be lifted.
            let lifted = safe_writes.limit.take().unwrap();
            setrlimit(Resource::RLIMIT_FSIZE, lifted.0, lifted.1).unwrap();
            let file = memfd_create("sftpjail", MemfdFlags::CLOEXEC).unwrap();
            let written = File::from(file).write_all(b"x");
            assert!(pending().contains(Signal::SIGXFSZ));
            written
        };
        setrlimit(Resource::RLIMIT_FSIZE, limit.0, limit.1).unwrap();
        assert_eq!(written.unwrap_err().raw_os_error(), Some(Errno::EFBIG as i32));
        assert!(!pending().contains(Signal::SIGXFSZ));
        assert_eq!(SigSet::thread_get_mask().unwrap(), mask);
    }
}
