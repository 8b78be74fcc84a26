//! The views that the sessions of one user had, one after the other and at the same time.
//!
//! internal-sftp's entries name the user and not the session of sshd. So where sessions that are live at once have
//! different jails, such as by grants for different keys, nothing says in which of them a path is.

use super::View;
use jiff::{SignedDuration, Timestamp};
use std::rc::Rc;

/// How many changes, times of doubt and live sessions of a user are remembered: the latest.
const MAX: usize = 100;

/// internal-sftp begins after the jail is built; their entries may come in the wrong order.
const SLACK: SignedDuration = SignedDuration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct Views {
    changes: Vec<Change>,
    /// Those of which no end is in the log so far.
    live: Vec<Session>,
    /// When live sessions had different views: from, to. `None`: still.
    doubts: Vec<(Timestamp, Option<Timestamp>)>,
}

/// From this time on, the user's sessions had this view.
#[derive(Debug)]
struct Change {
    since: Timestamp,
    view: Saying,
}

#[derive(Debug)]
struct Session {
    /// sshd's.
    pid: u32,
    since: Timestamp,
    view: Saying,
}

/// `None`: the entry does not say it.
type Saying = Option<Rc<View>>;

impl Views {
    /// A session was opened, or more is known of the one that was opened then.
    pub(super) fn opened(&mut self, pid: u32, since: Timestamp, view: Saying) {
        self.live.retain(|session| session.pid != pid);
        bounded(&mut self.live);
        self.live.push(Session { pid, since, view });
        self.compare(since);
    }

    pub(super) fn closed(&mut self, pid: u32, time: Timestamp) {
        self.live.retain(|session| session.pid != pid);
        self.compare(time);
    }

    /// What a session has that began then. `None`: no entry says it.
    pub(super) fn at(&self, began: Timestamp) -> Saying {
        let is_in_doubt = |(from, to): &(Timestamp, Option<Timestamp>)| {
            from.duration_since(began) <= SLACK && to.is_none_or(|to| began.duration_since(to) <= SLACK)
        };
        if self.doubts.iter().any(is_in_doubt) {
            return Some(Rc::new(View::Unknown));
        }
        let earlier = |change: &&Change| change.since.duration_since(began) <= SLACK;
        self.changes.iter().rev().find(earlier)?.view.clone()
    }

    /// The live sessions are others since this time.
    fn compare(&mut self, time: Timestamp) {
        let Some(Session { since, view, .. }) = self.live.last() else { return self.decided(time) };
        let (since, view) = (*since, view.clone());
        if self.live.iter().any(|session| session.view != view) {
            if self.doubts.last().is_none_or(|(_, to)| to.is_some()) {
                bounded(&mut self.doubts);
                self.doubts.push((time, None));
            }
            return;
        }
        self.decided(time);
        match self.changes.last_mut() {
            Some(last) if last.view == view => {}
            // The same entry, now that all of it is known.
            Some(last) if last.since == since => last.view = view,
            _ => {
                bounded(&mut self.changes);
                self.changes.push(Change { since: time, view });
            }
        }
    }

    /// No doubt is left from this time on.
    fn decided(&mut self, time: Timestamp) {
        match self.doubts.last_mut() {
            Some((from, None)) if *from == time => drop(self.doubts.pop()),
            Some((_, to @ None)) => *to = Some(time),
            _ => {}
        }
    }
}

/// Makes room for one more.
fn bounded<T>(list: &mut Vec<T>) {
    if list.len() >= MAX {
        list.remove(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn jail(name: &str) -> Saying {
        Some(Rc::new(View::jail(format!("/jail/{name}").into(), None, Vec::new())))
    }

    #[test]
    fn where_live_sessions_have_different_views_that_of_a_session_is_unknown() {
        let unknown = Some(Rc::new(View::Unknown));
        let mut views = Views::default();
        views.opened(1, second(10), jail("a"));
        views.opened(2, second(20), jail("a"));
        views.closed(2, second(30));
        views.opened(3, second(40), jail("b"));
        assert_eq!([views.at(second(25)), views.at(second(35))], [jail("a"), jail("a")]);
        assert_eq!([views.at(second(39)), views.at(second(45))], [unknown.clone(), unknown.clone()]);
        // What is left decides.
        views.closed(3, second(50));
        assert_eq!([views.at(second(51)), views.at(second(52))], [unknown.clone(), jail("a")]);
        views.closed(1, second(60));
        views.opened(4, second(70), jail("b"));
        assert_eq!([views.at(second(65)), views.at(second(75))], [jail("a"), jail("b")]);
        // A process that opens another session has ended the one before.
        views.opened(4, second(80), jail("c"));
        assert_eq!(views.at(second(85)), jail("c"));
        // All of an entry comes to be known.
        views.opened(5, second(90), unknown.clone());
        assert_eq!(views.at(second(95)), unknown);
        views.opened(5, second(90), jail("c"));
        assert_eq!(views.at(second(95)), jail("c"));
    }
}
