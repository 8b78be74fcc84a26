//! When rsyslogd did not run. A jail that has rsyslog's own socket logs nothing then, and no log says what was lost.

use jiff::{SignedDuration, Timestamp};
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
        let is_within = |restart: &&Restart| {
            restart.host == host && latest(first) < restart.to && latest(restart.to) < last
        };
        self.0.iter().find(is_within).copied()
    }
}

/// The latest moment that a stamp can mean: one of whole seconds does not say when in its second.
fn latest(stamp: Timestamp) -> Timestamp {
    if stamp.subsec_nanosecond() != 0 {
        return stamp;
    }
    stamp.checked_add(SignedDuration::from_nanos(999_999_999)).unwrap_or(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(milliseconds: i64) -> Timestamp {
        Timestamp::from_millisecond(milliseconds).unwrap()
    }

    #[test]
    fn a_session_lived_through_a_restart_only_if_the_stamps_leave_no_other_order() {
        for (first, restart, last, expected) in [
            (100, 500, 900, true),
            (600, 700, 900, true),
            (600, 500, 900, false),
            (100, 500, 400, false),
            // Whole seconds: in the session's log, in rsyslogd's own, and in both.
            (1_000, 1_500, 3_000, false),
            (1_000, 2_500, 4_000, true),
            (1_100, 2_000, 2_800, false),
            (1_100, 2_000, 3_100, true),
            (1_000, 1_000, 2_000, false),
            (1_000, 2_000, 3_000, true),
            (1_000, 2_000, 2_000, false),
        ] {
            let mut restarts = Restarts::default();
            restarts.add(7, None, at(restart));
            let found = restarts.within(7, at(first), at(last)).is_some();
            assert_eq!(found, expected, "{first} {restart} {last}");
        }
    }
}
