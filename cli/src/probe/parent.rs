//! Whether anybody still waits for the result.
//!
//! The probe runs in a process of its own, which a terminal's ctrl-C does not reach and which nobody has a
//! reason to kill. When the process that started it ends, however that comes, a pipe ends, and the probe
//! takes down what it began.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

pub(super) struct Parent {
    has_left: Arc<AtomicBool>,
}

impl Parent {
    /// Watches standard input, the pipe's other end.
    pub(super) fn watch() -> Self {
        let has_left = Arc::new(AtomicBool::new(false));
        let theirs = Arc::clone(&has_left);
        thread::spawn(move || {
            let _ = io::copy(&mut io::stdin(), &mut io::sink());
            theirs.store(true, Ordering::Relaxed);
        });
        Self { has_left }
    }

    /// The error of an interrupted probe, if it is.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.has_left.load(Ordering::Relaxed) {
            return Err(io::Error::other("interrupted"));
        }
        Ok(())
    }
}
