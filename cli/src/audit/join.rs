//! Log entries → operations: joins each entry to its session, by host and pid. What does not fit together is a gap.

use super::gaps::{Clock, Gaps, Kind};
use super::host_path::Host;
use super::logins::Logins;
use super::message::{self, Message};
use super::operation::Operation;
use super::queue::{Client, Event, Outcome, Queue};
use super::session::Session;
use crate::host::syslog::record::{Program, Record};
use jiff::Timestamp;
use pam_sftpjail::escape::{escaped, one_line};
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// sshd serves fewer at once. Beyond this, sessions that have been silent longest are dropped: their end is missing.
const MAX_SESSIONS: usize = 10_000;

/// rsyslog does not count further than this in practice, and a damaged line must not cost hours.
const MAX_REPEATED: u32 = 10_000;

/// The longest message of each program, in bytes: internal-sftp logs 500 at most, and pam_sftpjail a few KiB. It
/// bounds everything that is kept.
const LONGEST: [(Program, usize); 3] =
    [(Program::Sftp, 1 << 10), (Program::Sshd, 4 << 10), (Program::Logger, 4 << 10)];
const LONGEST_HOST: usize = 255;

/// What is known between one log entry and the next.
pub(crate) struct Join {
    /// The only user who was asked for, if there is one.
    user: Option<String>,
    /// Hashes names of hosts and of files. Its key is random, so that nobody can choose names that collide.
    hasher: RandomState,
    sessions: HashMap<(u64, u32), Session>,
    logins: Logins,
    queue: Queue,
    pub(crate) gaps: Gaps,
    /// Log entries of internal-sftp, of all users.
    entries: u64,
}

impl Join {
    pub(crate) fn new(user: Option<String>, gaps: Gaps) -> Self {
        Self {
            user,
            hasher: RandomState::new(),
            sessions: HashMap::new(),
            logins: Logins::default(),
            queue: Queue::default(),
            gaps,
            entries: 0,
        }
    }

    /// Takes the next log entry into account.
    pub(crate) fn line(&mut self, record: &Record<'_>) {
        let is_long =
            |(program, most): &(Program, usize)| *program == record.program && record.message.len() > *most;
        if record.host.len() > LONGEST_HOST || LONGEST.iter().any(is_long) {
            return self.unreadable(&record.message);
        }
        let host = self.hasher.hash_one(&record.host);
        match record.program {
            Program::Sftp => {
                self.entries += 1;
                let (message, times) = message::parse(&record.message);
                if times > MAX_REPEATED {
                    return self.unreadable(&record.message);
                }
                for _ in 1..times {
                    self.sftp(host, record, message::parse(&record.message).0);
                }
                self.sftp(host, record, message);
            }
            Program::Sshd => self.logins.line((host, record.pid, record.time), &record.message),
            Program::Logger => {
                if is_loss(&record.message) {
                    let example =
                        |clock: &Clock| format!("{} {}", clock.shown(record.time), shown(&record.message));
                    self.gaps.during((record.time, record.time), Kind::Dropped, example);
                }
            }
        }
    }

    /// The next operation whose result is known, in the order of the log.
    pub(crate) fn next(&mut self) -> Option<Event> {
        self.queue.pop()
    }

    /// Counts a line that seems to be internal-sftp's, but cannot be understood.
    pub(crate) fn unreadable(&mut self, line: &[u8]) {
        self.gaps.add(Kind::Unreadable, |_| shown(line));
    }

    /// The log has ended. What is left can be taken with [`Join::next`].
    pub(crate) fn finish(&mut self, host: &Host) {
        if self.entries == 0 {
            self.gaps.add(Kind::NoEntries, |_| String::new());
        }
        self.logins.finish(self.user.as_deref(), &mut self.gaps);
        let mut left: Vec<_> = self.sessions.drain().map(|(_, session)| session).collect();
        left.sort_by_key(|session| session.first);
        for session in left {
            let is_open = session
                .client
                .as_ref()
                .is_some_and(|client| host.is_open(&session.host, session.pid, &client.user));
            if is_open {
                session.abandon(&mut self.queue);
            } else {
                self.abandon(session, None);
            }
        }
        self.queue.settle_all();
    }

    fn sftp(&mut self, host: u64, record: &Record<'_>, message: Message) {
        let key = (host, record.pid);
        match message {
            Message::Opened { user, address } => {
                self.logins.logged(host, &user, record.time);
                if let Some(session) = self.sessions.remove(&key) {
                    self.abandon(session, None);
                }
                self.make_room();
                let client = Some(Rc::new(Client { user, address }));
                self.sessions.insert(key, Session::new(text(&record.host), record.pid, client, record.time));
            }
            Message::Closed { user, .. } => {
                let without_beginning = || Session::new(text(&record.host), record.pid, None, record.time);
                let mut session = self.sessions.remove(&key).unwrap_or_else(without_beginning);
                session.last = record.time;
                match session.client {
                    Some(_) => session.end(&mut self.queue, &self.hasher),
                    None => self.abandon(session, Some(&user)),
                }
            }
            message => self.within(key, record, message),
        }
    }

    /// A log entry of a session that is neither its first nor its last.
    fn within(&mut self, key: (u64, u32), record: &Record<'_>, message: Message) {
        if message == Message::Unreadable {
            self.unreadable(&record.message);
        }
        if !self.sessions.contains_key(&key) {
            self.make_room();
        }
        let session = self
            .sessions
            .entry(key)
            .or_insert_with(|| Session::new(text(&record.host), record.pid, None, record.time));
        session.last = record.time;
        let Message::Operation(operation) = message else {
            return session.line(&message, &mut self.queue, &self.hasher);
        };
        let is_asked_for = match (&self.user, &session.client) {
            (None, _) => true,
            (Some(user), client) => client.as_ref().is_some_and(|client| client.user == *user),
        };
        if !is_asked_for {
            session.operations += 1;
            return;
        }
        let event = event(operation, session, record.time);
        session.operation(event, &mut self.queue, &self.hasher);
    }

    /// Reports what is missing of a session, and expects no more of it. `user`: as its end names it, if there is one.
    fn abandon(&mut self, session: Session, user: Option<&str>) {
        let concerns = |name: &str| self.user.as_deref().is_none_or(|user| user == name);
        let (from, to, pid) = (session.first, session.last, session.pid);
        let which = |clock: &Clock| {
            format!(
                "host {}, pid {pid}, {} to {}",
                escaped(&*session.host),
                clock.shown(from),
                clock.shown(to)
            )
        };
        match (&session.client, user) {
            (Some(client), _) if concerns(&client.user) => {
                self.gaps.during((from, to), Kind::NoEnd, |clock| {
                    format!("{} from {}, {}", escaped(&client.user), one_line(&client.address), which(clock))
                })
            }
            (None, user) if user.is_none_or(concerns) => {
                self.gaps.during((from, to), Kind::NoBeginning, |clock| {
                    let owner =
                        user.map_or(String::new(), |user| format!("{} as its end says, ", escaped(user)));
                    format!("{owner}{}, operations: {}", which(clock), session.operations)
                });
            }
            _ => {}
        }
        session.abandon(&mut self.queue);
    }

    /// Keeps memory bounded: drops the tenth of the sessions that has been silent longest.
    fn make_room(&mut self) {
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

fn event(operation: Operation, session: &Session, time: Timestamp) -> Event {
    let outcome = operation.failure.clone().map_or(Outcome::Ok, Outcome::Failed);
    let (host, client) = (Rc::clone(&session.host), session.client.clone());
    Event { time, host, pid: session.pid, client, operation, outcome }
}

/// Whether rsyslog (ratelimit.c) or systemd-journald says here that it dropped messages.
fn is_loss(message: &[u8]) -> bool {
    let has = |part: &str| memchr::memmem::find(message, part.as_bytes()).is_some();
    (has("rate-limiting") && (has(" lost ") || has("begin to drop")))
        || (message.starts_with(b"Suppressed ") && has(" messages from "))
        || message.starts_with(b"Missed ")
}

fn text(bytes: &[u8]) -> Rc<str> {
    String::from_utf8_lossy(bytes).into()
}

/// The beginning of a line, escaped.
fn shown(line: &[u8]) -> String {
    let line: Cow<'_, [u8]> = line.get(..200).unwrap_or(line).into();
    escaped(OsStr::from_bytes(&line)).to_string()
}

#[cfg(test)]
mod tests;
