//! Lets a change go on to its end, or be undone, though somebody types ctrl-C or the connection breaks.

use crate::report::Error;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use pam_sftpjail::signals::block;

fn held() -> SigSet {
    SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM])
}

/// From now on none of these signals ends this process. The programs that it runs may be ended. The error: each of them
/// could end it in the middle of a change.
pub(crate) fn hold() -> Result<(), Error> {
    block(&held()).map(drop).map_err(|errno| {
        let what =
            format!("nothing was changed, since ctrl-C could not be held off meanwhile: {}", errno.desc());
        Error::new(what, "run this where no seccomp filter forbids rt_sigprocmask(2)")
    })
}

/// Whether one has come since. Each is counted once.
pub(crate) fn has_come() -> bool {
    let come = SignalFd::with_flags(&held(), SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC);
    come.is_ok_and(|come| matches!(come.read_signal(), Ok(Some(_))))
}
