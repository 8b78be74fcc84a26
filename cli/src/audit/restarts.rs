//! When rsyslogd did not run. A jail that has rsyslog's own socket logs nothing then, and no log says what was lost.

use jiff::Timestamp;
use std::collections::VecDeque;

/// How many times are remembered, the latest of them.
const MAX: usize = 1000;

/// All of them, as far as rsyslogd's own entries say it.
#[derive(Debug, Default)]
pub(crate) struct Restarts(VecDeque<Restart>);

/// A time in which rsyslogd was started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Restart {
    host: u64,
    /// The time of the last entry before.
    pub(crate) from: Timestamp,
    pub(crate) to: Timestamp,
}

/// Whether rsyslogd says here that it was started (rsyslogd.c).
pub(crate) fn is_start(message: &[u8]) -> bool {
    message.starts_with(b"[origin software=\"rsyslogd\"") && message.ends_with(b"] start")
}

impl Restarts {
    /// rsyslogd was started. `before`: the time of the last entry before, if there is one.
    pub(crate) fn add(&mut self, host: u64, before: Option<Timestamp>, time: Timestamp) {
        if self.0.len() >= MAX {
            self.0.pop_front();
        }
        self.0.push_back(Restart { host, from: before.unwrap_or(time).min(time), to: time });
    }

    /// The first that a session of this host lived through that had entries from `first` to `last`.
    pub(crate) fn within(&self, host: u64, first: Timestamp, last: Timestamp) -> Option<Restart> {
        // Stamps may have whole seconds only, and most restarts take less.
        let is_within = |restart: &&Restart| restart.host == host && first < restart.to && restart.to < last;
        self.0.iter().find(is_within).copied()
    }
}
