//! Watches how many files sshd's monitor may have open. pam_limits(8) sets that between the login and the session, and
//! a monitor that may have too few ends at once, often without a log entry.

use crate::host::limits;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How often to look. Opening a session takes longer.
const INTERVAL: Duration = Duration::from_millis(2);

/// A thread that looks again and again.
pub(super) struct LimitWatch {
    is_over: Arc<AtomicBool>,
    least: JoinHandle<Option<u64>>,
}

impl LimitWatch {
    /// Begins with the process whose pid the file at `pid` will hold.
    pub(super) fn begin(pid: PathBuf) -> Self {
        let is_over = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&is_over);
        let least = thread::spawn(move || {
            let mut least = None;
            while !flag.load(Ordering::Relaxed) {
                let pid = fs::read_to_string(&pid).ok().and_then(|text| text.trim().parse().ok());
                let now = pid.and_then(limits::descriptors);
                least = [least, now].into_iter().flatten().min();
                thread::sleep(INTERVAL);
            }
            least
        });
        Self { is_over, least }
    }

    /// The least that was seen.
    pub(super) fn end(self) -> Option<u64> {
        self.is_over.store(true, Ordering::Relaxed);
        self.least.join().ok().flatten()
    }
}
