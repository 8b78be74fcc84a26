//! Keeps the module's own writes from failing for the user's limits, and from ending sshd by a signal.
//!
//! pam_limits, above us in the stack, sets RLIMIT_FSIZE for the user. A write(2) beyond that limit raises
//! SIGXFSZ. A write to a socket without a reader raises SIGPIPE. By default, either ends the process
//! (signal(7)).

use super::signal_mask;
use nix::libc;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, rlim_t, setrlimit};
use nix::sys::signal::{SigSet, Signal};
use std::mem::MaybeUninit;

/// The signals that a write may raise, in the thread that writes.
const RAISED: [Signal; 2] = [Signal::SIGXFSZ, Signal::SIGPIPE];

/// While it lives, files may have any size that root may allow, and [`RAISED`] signals stay pending. When
/// it is dropped, the limit, the mask and the pending signals are as before. It must be dropped last.
pub(crate) struct SafeWrites {
    /// The former soft and hard limit, if they were changed.
    limit: Option<(rlim_t, rlim_t)>,
    /// The former signal mask; `None` if it could not be changed.
    mask: Option<SigSet>,
    /// Signals that were pending before. They are not ours to remove. Only one that was blocked already can be pending.
    before: SigSet,
}

impl SafeWrites {
    pub(crate) fn begin() -> Self {
        let raised: SigSet = RAISED.into_iter().collect();
        let mask = signal_mask::block(&raised).ok();
        let was_blocked = |mask: SigSet| RAISED.into_iter().any(|signal| mask.contains(signal));
        let before = if mask.is_some_and(was_blocked) { pending() } else { SigSet::empty() };
        Self { limit: raise_limit(), mask, before }
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
        let ours = |signal: &Signal| pending.contains(*signal) && !self.before.contains(*signal);
        RAISED.into_iter().filter(ours).for_each(discard);
        let _ = signal_mask::restore(&mask);
    }
}

/// Raises the limit if there is one, and gives the former soft and hard limit. Going beyond the hard limit
/// needs CAP_SYS_RESOURCE; without that, the soft one is raised to the hard one.
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

/// The signals that are pending for this thread or for the process: sigpending(2).
fn pending() -> SigSet {
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: the call writes a whole set to its argument, and nothing else.
    if unsafe { libc::sigpending(set.as_mut_ptr()) } != 0 {
        return SigSet::empty();
    }
    // SAFETY: the call above has succeeded, and so has written the set.
    unsafe { SigSet::from_sigset_t_unchecked(set.assume_init()) }
}

/// Removes a pending signal without acting on it: sigtimedwait(2) with a timeout of 0.
fn discard(signal: Signal) {
    let set = SigSet::from(signal);
    let now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both arguments outlive the call, which reads them; the null asks for no description.
    unsafe { libc::sigtimedwait(set.as_ref(), std::ptr::null_mut(), &raw const now) };
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::errno::Errno;
    use nix::sys::signal::{SigHandler, raise, signal};
    use rustix::fs::{MemfdFlags, memfd_create};
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// The limit holds for the whole process, so it leaves room for what other tests print into a file.
    const LIMIT: rlim_t = 1 << 30;

    // One test, because a process has one limit.
    #[test]
    fn a_write_beyond_the_limit_is_an_error_and_no_signal() {
        let limit = getrlimit(Resource::RLIMIT_FSIZE).unwrap();
        setrlimit(Resource::RLIMIT_FSIZE, LIMIT, limit.1).unwrap();
        let mask = SigSet::thread_get_mask().unwrap();
        // A program that started this one may have had it ignored.
        // SAFETY: no handler runs.
        unsafe { signal(Signal::SIGXFSZ, SigHandler::SigDfl) }.unwrap();
        let written = {
            let mut safe_writes = SafeWrites::begin();
            // As where the limit cannot be raised.
            let former = safe_writes.limit.take().unwrap();
            setrlimit(Resource::RLIMIT_FSIZE, former.0, former.1).unwrap();
            let file = File::from(memfd_create("sftpjail", MemfdFlags::CLOEXEC).unwrap());
            let written = file.write_all_at(b"x", LIMIT);
            assert!(pending().contains(Signal::SIGXFSZ));
            written
        };
        setrlimit(Resource::RLIMIT_FSIZE, limit.0, limit.1).unwrap();
        assert_eq!(written.unwrap_err().raw_os_error(), Some(Errno::EFBIG as i32));
        assert!(!pending().contains(Signal::SIGXFSZ));
        assert_eq!(SigSet::thread_get_mask().unwrap(), mask);
    }

    #[test]
    fn a_signal_of_the_application_stays_pending() {
        let pipe = SigSet::from(Signal::SIGPIPE);
        let mask = signal_mask::block(&pipe).unwrap();
        for is_pending in [false, true] {
            drop(SafeWrites::begin());
            assert_eq!(pending().contains(Signal::SIGPIPE), is_pending);
            raise(Signal::SIGPIPE).unwrap();
        }
        discard(Signal::SIGPIPE);
        signal_mask::restore(&mask).unwrap();
    }
}
