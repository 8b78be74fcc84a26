//! The entries of one log that the other log may have as well. It keeps so many, each as a number, and no text.

use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// How far the two times of one entry may be apart: rsyslog may have waited to say how often it was repeated.
pub(super) const MAX_APART: SignedDuration = SignedDuration::from_secs(60);

/// How many different entries are remembered at least; twice as many at most. Copies come within a second, so that
/// there are no more, unless a log is flooded.
const MAX: usize = 20_000;

/// Entries by their key: the latest, and those before.
#[derive(Debug, Default)]
pub(super) struct Seen {
    young: HashMap<u64, Times>,
    old: HashMap<u64, Times>,
}

/// Entries with one key.
#[derive(Debug)]
struct Times {
    count: u32,
    last: Timestamp,
}

impl Seen {
    /// Remembers an entry.
    pub(super) fn add(&mut self, key: u64, time: Timestamp) {
        if self.young.len() >= MAX {
            self.old = std::mem::take(&mut self.young);
        }
        let times = self.young.entry(key).or_insert(Times { count: 0, last: time });
        if are_apart(times.last, time) {
            times.count = 0;
        }
        times.count = times.count.saturating_add(1);
        times.last = time;
    }

    /// Whether there is one with this key of about this time. It is forgotten: an entry has one copy.
    pub(super) fn take(&mut self, key: u64, time: Timestamp) -> bool {
        [&mut self.old, &mut self.young].into_iter().any(|generation| {
            let Some(times) = generation.get_mut(&key) else { return false };
            let is_it = !are_apart(times.last, time);
            times.count -= u32::from(is_it);
            if times.count == 0 {
                generation.remove(&key);
            }
            is_it
        })
    }
}

fn are_apart(one: Timestamp, other: Timestamp) -> bool {
    one.duration_since(other).abs() > MAX_APART
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn each_entry_has_one_copy_of_about_its_time() {
        let mut seen = Seen::default();
        assert!(!seen.take(1, at(0)));
        for second in [0, 1, 2] {
            seen.add(1, at(second));
        }
        assert_eq!([1, 1, 1, 1].map(|key| seen.take(key, at(3))), [true, true, true, false]);
        seen.add(1, at(0));
        assert!(!seen.take(1, at(61)), "it is another one");
        assert!(seen.take(1, at(60)), "it waits for its own copy");
        seen.add(1, at(0));
        seen.add(1, at(100));
        assert_eq!([seen.take(1, at(100)), seen.take(1, at(100))], [true, false]);
    }

    #[test]
    fn only_so_many_are_remembered() {
        let mut seen = Seen::default();
        let many = 10 * MAX as u64;
        for key in 0..many {
            seen.add(key, at(0));
        }
        assert!(seen.young.len() + seen.old.len() <= 2 * MAX);
        assert!(!seen.take(0, at(0)) && seen.take(many - 1, at(0)) && seen.take(many - MAX as u64, at(0)));
    }
}
