//! Keeps the memory of the join bounded.

use super::{Join, Kind};

/// How many sessions are followed at a time.
pub(super) const MAX_SESSIONS: usize = 10_000;

impl Join {
    /// Keeps memory bounded: drops the tenth of the sessions that has been silent longest.
    pub(super) fn make_room(&mut self) {
        if self.sessions.len() < MAX_SESSIONS {
            return;
        }
        let mut ages: Vec<_> = self.sessions.iter().map(|(key, session)| (session.last, *key)).collect();
        let (oldest, _, _) = ages.select_nth_unstable(MAX_SESSIONS / 10);
        for (last, key) in oldest {
            if let Some(session) = self.sessions.remove(key) {
                self.gaps.during((*last, *last), Kind::TooManySessions, |clock| {
                    format!("pid {}, {}", key.1, clock.shown(*last))
                });
                self.abandon(session, None);
            }
        }
    }
}
