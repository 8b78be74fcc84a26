//! `--summary`: what each user did, in one line: sessions, files and bytes in both directions, deletions, the first and
//! the last time.

use super::operation::Verb;
use super::queue::{Event, Outcome};
use super::who::Who;
use jiff::Timestamp;
use std::collections::BTreeMap;

/// How many users are told apart. A log can name any number of them.
const MAX_USERS: usize = 100_000;

/// The sums of each user; `None` is for sessions whose user is not in the log.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    pub(crate) users: BTreeMap<Option<String>, Sums>,
}

/// What one user did.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sums {
    pub(crate) sessions: u64,
    pub(crate) uploaded_files: u64,
    pub(crate) uploaded_bytes: u64,
    pub(crate) downloaded_files: u64,
    pub(crate) downloaded_bytes: u64,
    /// Files and directories.
    pub(crate) deletions: u64,
    /// Deletions that may have failed. They are not among the others.
    pub(crate) unclear_deletions: u64,
    /// Operations that failed.
    pub(crate) failed: u64,
    /// Operations that may have failed, of any kind.
    pub(crate) unclear: u64,
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
}

impl Summary {
    /// A session began or ended. False: there are too many users.
    pub(crate) fn session(&mut self, who: &Who, time: Timestamp) -> bool {
        self.sums(who, time).is_some()
    }

    /// An operation. False: there are too many users.
    pub(crate) fn operation(&mut self, event: &Event) -> bool {
        let Some(sums) = self.sums(&event.who, event.time) else { return false };
        match &event.outcome {
            Outcome::Failed(_) => {
                sums.failed += 1;
                return true;
            }
            Outcome::Unclear(_) => sums.unclear += 1,
            Outcome::Ok => {}
        }
        match event.operation.verb {
            Verb::Remove | Verb::Rmdir => match event.outcome {
                Outcome::Ok => sums.deletions += 1,
                _ => sums.unclear_deletions += 1,
            },
            Verb::Close => {
                let (read, written) = event.operation.bytes.unwrap_or((0, 0));
                sums.downloaded_bytes = sums.downloaded_bytes.saturating_add(read);
                sums.uploaded_bytes = sums.uploaded_bytes.saturating_add(written);
                // An empty file counts as well. One that was opened for both counts by what was moved.
                let is_written = event.was_written == Some(true) && read == 0;
                let is_read = event.was_written == Some(false);
                sums.uploaded_files += u64::from(written > 0 || is_written);
                sums.downloaded_files += u64::from(read > 0 || is_read);
            }
            _ => {}
        }
        true
    }

    fn sums(&mut self, who: &Who, time: Timestamp) -> Option<&mut Sums> {
        let user = who.client().map(|client| client.user.clone());
        if self.users.len() >= MAX_USERS && !self.users.contains_key(&user) {
            return None;
        }
        let sums = self.users.entry(user).or_insert(Sums {
            sessions: 0,
            uploaded_files: 0,
            uploaded_bytes: 0,
            downloaded_files: 0,
            downloaded_bytes: 0,
            deletions: 0,
            unclear_deletions: 0,
            failed: 0,
            unclear: 0,
            first: time,
            last: time,
        });
        sums.sessions += u64::from(who.is_first_count());
        // Operations leave after their session has ended, and entries may be in the wrong order.
        sums.first = sums.first.min(time);
        sums.last = sums.last.max(time);
        Some(sums)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_has_the_sums_of_all_sessions() {
        let mut summary = Summary::default();
        let mut operation = |verb, bytes, was_written, outcome| {
            let mut event = Event::made(verb);
            (event.operation.bytes, event.was_written, event.outcome) = (bytes, was_written, outcome);
            assert!(summary.operation(&event));
        };
        operation(Verb::Close, Some((0, 7)), Some(true), Outcome::Ok);
        operation(Verb::Close, Some((0, 0)), Some(true), Outcome::Ok);
        operation(Verb::Close, Some((5, 0)), None, Outcome::Ok);
        operation(Verb::Close, Some((5, 0)), Some(true), Outcome::Ok);
        operation(Verb::Close, Some((0, 1)), Some(true), Outcome::Unclear("Failure"));
        operation(Verb::Open, None, None, Outcome::Failed("Permission denied".into()));
        operation(Verb::Remove, None, None, Outcome::Ok);
        operation(Verb::Rmdir, None, None, Outcome::Ok);
        operation(Verb::Remove, None, None, Outcome::Unclear("No such file"));
        let sums = &summary.users[&None];
        assert_eq!((sums.uploaded_files, sums.uploaded_bytes), (3, 8));
        assert_eq!((sums.downloaded_files, sums.downloaded_bytes), (2, 10));
        assert_eq!((sums.deletions, sums.unclear_deletions), (2, 1));
        assert_eq!((sums.failed, sums.unclear), (1, 2));
        // Each event was made with a session of its own.
        assert_eq!(sums.sessions, 9);
    }
}
