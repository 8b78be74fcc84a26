//! A progress bar on stderr, while a long log is read. It writes only to a terminal.

use std::cell::Cell;
use std::io::{self, IsTerminal, Read, Stderr, Write};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often it is drawn.
const PERIOD: Duration = Duration::from_millis(200);

/// How long a log may take before the bar appears.
const PATIENCE: Duration = Duration::from_millis(500);

const WIDTH: u64 = 30;

/// Bytes of log files read so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Count(Rc<Cell<u64>>);

/// A reader that counts its bytes, before they are decompressed.
pub(crate) struct Counted<R>(pub(crate) R, pub(crate) Count);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1.0.set(self.1.0.get() + read as u64);
        Ok(read)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "only numbers are written, and a terminal is to obey what surrounds them"
)]
fn terminal() -> Stderr {
    io::stderr()
}

/// The progress bar.
pub(crate) struct Progress {
    done: Count,
    total: u64,
    next: Option<Instant>,
    is_shown: bool,
}

impl Progress {
    /// For `total` bytes. There is no bar without a terminal, or where `total` is 0: unknown.
    pub(crate) fn new(done: Count, total: u64) -> Self {
        let next = (total > 0 && terminal().is_terminal()).then(|| Instant::now() + PATIENCE);
        Self { done, total, next, is_shown: false }
    }

    /// Draws it, if the last time is long enough ago.
    pub(crate) fn draw(&mut self) {
        let Some(next) = self.next else { return };
        let now = Instant::now();
        if now < next {
            return;
        }
        self.next = Some(now + PERIOD);
        let done = self.done.0.get().min(self.total);
        let filled = (WIDTH * done / self.total) as usize;
        let bar = format!("{:<width$}", "#".repeat(filled), width = WIDTH as usize);
        let percent = 100 * done / self.total;
        let _ = write!(terminal(), "\r[{bar}] {percent:>3} % of {} MB", self.total / 1_000_000);
        self.is_shown = true;
    }

    /// Erases it, before something else is written.
    pub(crate) fn erase(&mut self) {
        if std::mem::take(&mut self.is_shown) {
            let _ = write!(terminal(), "\r\x1b[K");
        }
    }
}
