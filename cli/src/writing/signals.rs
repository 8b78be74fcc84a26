//! Lets a change go on to its end, or be undone, though somebody types ctrl-C or the connection breaks.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};

fn held() -> SigSet {
    SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM])
}

/// From now on none of these signals ends this process. The programs that it runs may be ended.
pub(crate) fn hold() {
    let _ = held().thread_block();
}

/// Whether one has come since. Each is counted once.
pub(crate) fn has_come() -> bool {
    let come = SignalFd::with_flags(&held(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
    come.is_ok_and(|come| matches!(come.read_signal(), Ok(Some(_))))
}
