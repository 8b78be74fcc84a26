//! Waits for more of a log, until somebody wants an end: ctrl-C, SIGTERM, or the reader of standard output has gone.

use nix::errno::Errno;
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use pam_sftpjail::signals::block;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// How long a reader waits before it gives its caller a turn.
const PERIOD: Duration = Duration::from_millis(250);

/// The same where only the writer of a pipe ends it: no longer than a decompressor needs for the next block.
const PAUSE: Duration = Duration::from_millis(100);

/// What ends a reader that would wait for ever.
pub(crate) struct Stop(SignalFd);

/// Why a wait is over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    Readable,
    Stopped,
    Elapsed,
}

impl Stop {
    /// From now on, SIGINT and SIGTERM do not end this process, but what waits with this.
    pub(crate) fn new() -> io::Result<Self> {
        let signals: SigSet = [Signal::SIGINT, Signal::SIGTERM].into_iter().collect();
        block(&signals)?;
        Ok(Self(SignalFd::with_flags(&signals, SfdFlags::SFD_CLOEXEC)?))
    }

    /// Whether an end is wanted.
    pub(crate) fn is_wanted(&self) -> bool {
        self.wait(None, Duration::ZERO) == Woken::Stopped
    }

    /// Waits until `input` can be read, for a while at most.
    #[expect(clippy::disallowed_methods, reason = "it writes nothing")]
    pub(super) fn wait(&self, input: Option<BorrowedFd<'_>>, most: Duration) -> Woken {
        let out = io::stdout();
        let mut polled = vec![PollFd::new(&self.0, PollFlags::IN), PollFd::new(&out, PollFlags::empty())];
        polled.extend(input.as_ref().map(|input| PollFd::new(input, PollFlags::IN)));
        is_ready(&mut polled, most);
        let is_woken = |at: usize| polled.get(at).is_some_and(|polled| !polled.revents().is_empty());
        match (is_woken(0) || is_woken(1), is_woken(2)) {
            (true, _) => Woken::Stopped,
            (false, true) => Woken::Readable,
            (false, false) => Woken::Elapsed,
        }
    }

    /// Waits a while for what cannot be asked whether it can be read: a file that grows.
    pub(super) fn wait_a_turn(&self) -> Woken {
        self.wait(None, PERIOD)
    }
}

fn is_ready(polled: &mut [PollFd<'_>], most: Duration) -> bool {
    let most = Timespec {
        tv_sec: most.as_secs().try_into().unwrap_or(i64::MAX),
        tv_nsec: most.subsec_nanos().into(),
    };
    loop {
        match poll(polled, Some(&most)) {
            Err(error) if error.raw_os_error() == Errno::EINTR as i32 => {}
            ready => return ready.is_ok_and(|ready| ready > 0),
        }
    }
}

/// A pipe. Where nothing can be read for a moment, it gives [`io::ErrorKind::WouldBlock`] first, so that the caller can
/// write what it has, and waits only when it is read again.
pub(crate) struct Patient<'s, R> {
    pub(crate) pipe: R,
    /// Ends it. `None`: only the pipe's writer does.
    pub(crate) stop: Option<&'s Stop>,
    /// Whether the caller has had its turn.
    pub(crate) is_told: bool,
}

impl<R: Read + AsFd> Read for Patient<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.pipe.as_fd();
        let woken = match (self.stop, self.is_told) {
            (Some(stop), false) => stop.wait(Some(input), Duration::ZERO),
            (Some(stop), true) => stop.wait(Some(input), PERIOD),
            (None, false) if !is_ready(&mut [PollFd::new(&input, PollFlags::IN)], PAUSE) => Woken::Elapsed,
            (None, _) => Woken::Readable,
        };
        self.is_told = woken == Woken::Elapsed;
        match woken {
            Woken::Readable => self.pipe.read(buffer),
            Woken::Stopped => Ok(0),
            Woken::Elapsed => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

/// A pipe that is read without waiting: where nothing can be read now, it gives [`io::ErrorKind::WouldBlock`], and its
/// end when `stop` wants it. Without `stop` it waits.
pub(crate) struct Ready<'s, R> {
    pub(crate) pipe: R,
    pub(crate) stop: Option<&'s Stop>,
}

impl<R: Read + AsFd> Read for Ready<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let input = self.pipe.as_fd();
        match self.stop.map_or(Woken::Readable, |stop| stop.wait(Some(input), Duration::ZERO)) {
            Woken::Readable => self.pipe.read(buffer),
            Woken::Stopped => Ok(0),
            Woken::Elapsed => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}
