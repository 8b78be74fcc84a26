//! Whether journald passes on to the log files' daemon what it gets (`ForwardToSyslog=` of journald.conf(5)). The logs
//! themselves show it, by the entries of root's sshd: in the journal nobody else can have written these.
//!
//! Only then has a file a copy of what a user has forged. Else an entry of the file with the same words is genuine.

use jiff::{SignedDuration, Timestamp};

/// How long a copy may take, with the second of a traditional stamp.
const DELAY: SignedDuration = SignedDuration::from_secs(2);

/// What the entries so far have shown.
#[derive(Debug, Default)]
pub(super) struct Forwarding {
    /// The latest entry of root's sshd in the journal, while no file has a copy of it.
    waiting: Option<(u64, Timestamp)>,
    is_off: bool,
}

impl Forwarding {
    /// Such an entry is in the journal.
    pub(super) fn sent(&mut self, key: u64, time: Timestamp) {
        self.is_off |= self.waiting.replace((key, time)).is_some_and(|(_, before)| before + DELAY < time);
    }

    /// A file has an entry with this key, which the journal has as well.
    pub(super) fn arrived(&mut self, key: u64) {
        if self.waiting.is_some_and(|(own, _)| own == key) {
            *self = Self::default();
        }
    }

    /// Whether it does so at this time. Until something shows the contrary, it does.
    pub(super) fn is_on(&self, time: Timestamp) -> bool {
        !self.is_off && self.waiting.is_none_or(|(_, sent)| time <= sent + DELAY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_once_a_copy_is_overdue_and_on_with_the_next() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let mut forwarding = Forwarding::default();
        assert!(forwarding.is_on(at(0)));
        forwarding.sent(1, at(0));
        assert_eq!([2, 3].map(|second| forwarding.is_on(at(second))), [true, false]);
        forwarding.sent(2, at(3));
        assert!(!forwarding.is_on(at(3)));
        forwarding.arrived(1);
        assert!(!forwarding.is_on(at(3)));
        forwarding.arrived(2);
        assert!(forwarding.is_on(at(9)));
    }
}
