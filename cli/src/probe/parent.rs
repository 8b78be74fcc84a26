//! Watches whether the parent process, which waits for the result, still lives.
//!
//! The probe runs in a child process, which a terminal's ctrl-C does not reach and which nobody has a reason
//! to kill. When the parent ends, for whatever reason, a pipe ends, and the child cleans up.

use crate::report::streams;
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// The process that waits for the result.
pub(super) struct Parent {
    has_ended: Arc<AtomicBool>,
}

impl Parent {
    /// Watches standard input: the parent has the other end of that pipe.
    pub(super) fn watch() -> Self {
        let has_ended = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&has_ended);
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            flag.store(true, Ordering::Relaxed);
        });
        Self { has_ended }
    }

    /// Lets the parent know that this process goes on. The error of an interrupted probe, if the parent has ended.
    pub(super) fn check(&self) -> io::Result<()> {
        let mut out = streams::stdout();
        // Blank space before the report, which is JSON. A parent that has ended reads nothing any more.
        let _ = out.write_all(b"\n").and_then(|()| out.flush());
        if self.has_ended.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        Ok(())
    }
}
