//! Log entries → operations: joins each entry to its session, by host and pid. What does not fit together is a gap.

mod missing;
mod room;

use super::forged::{self, Uids};
use super::gaps::{Clock, Gaps, Kind};
use super::host_path::Host;
use super::logins::Logins;
use super::loss::is_loss;
use super::marks::Marks;
use super::message::{self, MAX_REPEATED, Message};
use super::openings::Openings;
use super::operation::Operation;
use super::queue::{Event, Outcome, Queue, Ticket};
use super::restarts::{Restarts, is_start};
use super::session::Session;
use super::who::{Client, Who};
use crate::host::syslog::record::{Program, Record};
use jiff::Timestamp;
use pam_sftpjail::escape::escaped;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::ffi::OsStrExt;
use std::rc::Rc;

/// The longest message of a program, in bytes: internal-sftp logs 500 at most, and pam_sftpjail 6 KiB. It bounds
/// everything that is kept.
pub(super) fn longest(program: Program) -> usize {
    match program {
        Program::Sftp => 1 << 10,
        Program::Sshd => 8 << 10,
        Program::Logger => 4 << 10,
    }
}
const LONGEST_HOST: usize = 255;

/// What is known between one log entry and the next.
pub(crate) struct Join {
    /// The only user who was asked for, if there is one.
    user: Option<String>,
    /// Whether sessions of `sftpjail probe` were asked for, too.
    probe: bool,
    /// Hashes names of hosts and of files. Its key is random, so that nobody can choose names that collide.
    hasher: RandomState,
    sessions: HashMap<(u64, u32), Session>,
    logins: Logins,
    pub(crate) openings: Openings,
    restarts: Restarts,
    uids: Uids,
    queue: Queue,
    pub(crate) gaps: Gaps,
    /// Log entries of internal-sftp, of all users.
    entries: u64,
    pub(crate) marks: Marks,
}

impl Join {
    pub(crate) fn new(user: Option<String>, probe: bool, gaps: Gaps) -> Self {
        Self {
            user,
            probe,
            hasher: RandomState::new(),
            sessions: HashMap::new(),
            logins: Logins::default(),
            openings: Openings::default(),
            restarts: Restarts::default(),
            uids: Uids::default(),
            queue: Queue::default(),
            gaps,
            entries: 0,
            marks: Marks::default(),
        }
    }

    /// rsyslogd was started. `before`: the time of the entry before in that file.
    pub(crate) fn restarted(&mut self, record: &Record<'_>, before: Option<Timestamp>) {
        if is_start(&record.message) {
            self.restarts.add(self.hasher.hash_one(&record.host), before, record.time);
        }
    }

    /// Takes the next log entry into account. `this`: the host on which this runs.
    pub(crate) fn line(&mut self, record: &Record<'_>, this: &Host) {
        if record.host.len() > LONGEST_HOST || record.message.len() > longest(record.program) {
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
                if self.is_forged(record, Some(&message), this) {
                    return;
                }
                for _ in 1..times {
                    self.sftp(host, record, message::parse(&record.message).0);
                }
                self.sftp(host, record, message);
            }
            Program::Sshd => {
                if !self.is_forged(record, None, this) {
                    self.logins.line((host, record.pid, record.time), &record.message);
                    self.openings.line((host, record.pid, record.time), &record.message);
                }
            }
            Program::Logger => {
                if is_loss(&record.message) {
                    let example =
                        |clock: &Clock| format!("{} {}", clock.shown(record.time), shown(&record.message));
                    self.gaps.during((record.time, record.time), Kind::Dropped, example);
                }
            }
        }
    }

    /// Counts an entry that another process wrote, if it is one.
    fn is_forged(&mut self, record: &Record<'_>, message: Option<&Message>, this: &Host) -> bool {
        let Some(sender) = &record.sender else { return false };
        let is_here = this.is(&record.host);
        let is_forged = forged::is_forged(record, message, &mut self.uids, is_here);
        if is_forged {
            self.gaps.during((record.time, record.time), Kind::Forged, |clock| {
                let (time, program) = (clock.shown(record.time), shown(&sender.program));
                format!(
                    "{time} uid {}, {program}, pid {}: {}",
                    sender.uid,
                    record.pid,
                    shown(&record.message)
                )
            });
        }
        is_forged
    }

    /// The next operation of the user who was asked for whose result is known, in the order of the log.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            let event = self.queue.pop()?;
            let is_theirs = |user: &String| event.client().is_some_and(|client| client.user == *user);
            // The end of its session may have named another user since.
            if self.user.as_ref().is_none_or(is_theirs) {
                return Some(event);
            }
        }
    }

    /// The ticket of the next operation.
    pub(crate) fn next_ticket(&self) -> Ticket {
        self.queue.next_ticket()
    }

    /// Operations before this one need not wait any longer for what may become known about them.
    pub(crate) fn settle_before(&mut self, ticket: Ticket) {
        self.queue.settle_before(ticket);
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
        self.logins.finish(self.user.as_deref(), self.probe, &mut self.gaps);
        let mut left: Vec<_> = self.sessions.drain().map(|(_, session)| session).collect();
        left.sort_by_key(|session| session.who.first);
        for session in left {
            let who = &session.who;
            let is_open = who.client().is_some_and(|client| host.is_open(&who.host, who.pid, &client.user));
            if is_open {
                self.report_restart(&session, who.client());
                session.abandon(&mut self.queue);
            } else {
                self.abandon(session, None);
            }
        }
        self.settle_before(self.next_ticket());
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
                let session = session(key, record, Some(Client { user, address }));
                self.marks.add(record.time, &session.who, self.user.as_deref());
                self.sessions.insert(key, session);
            }
            Message::Closed { user, address } => self.closed(key, record, Client { user, address }),
            message => self.within(key, record, message),
        }
    }

    /// A session has ended. The entries of its pid before may be those of another one, if the end of that one and the
    /// beginning of this one are lost.
    fn closed(&mut self, key: (u64, u32), record: &Record<'_>, client: Client) {
        let mut own = None;
        match self.sessions.remove(&key) {
            Some(session) if session.who.client().is_none_or(|known| *known == client) => own = Some(session),
            Some(other) => self.abandon(other, None),
            None => {}
        }
        let mut session = own.unwrap_or_else(|| session(key, record, None));
        session.last = record.time;
        session.is_in_journal |= record.sender.is_some();
        if session.who.client().is_none() {
            self.logins.logged(key.0, &client.user, session.who.first);
            self.report(&session, Some(&client.user));
        }
        self.report_restart(&session, Some(&client));
        let who = Rc::clone(&session.who);
        session.end(client, &mut self.queue, &self.hasher);
        self.marks.add(record.time, &who, self.user.as_deref());
    }

    /// A log entry of a session that is neither its first nor its last.
    fn within(&mut self, key: (u64, u32), record: &Record<'_>, message: Message) {
        if message == Message::Unreadable {
            self.unreadable(&record.message);
        }
        if !self.sessions.contains_key(&key) {
            self.make_room();
        }
        let session = self.sessions.entry(key).or_insert_with(|| session(key, record, None));
        session.last = record.time;
        session.is_in_journal |= record.sender.is_some();
        let Message::Operation(operation) = message else {
            return session.line(&message, &mut self.queue, &self.hasher);
        };
        // Of a session without a client, the end may name the user who was asked for.
        let is_of_other =
            self.user.as_ref().zip(session.who.client()).is_some_and(|(user, client)| client.user != *user);
        if is_of_other {
            session.operations += 1;
            return;
        }
        let event = event(operation, session, record.time);
        session.operation(event, &mut self.queue, &self.hasher);
    }
}

/// A session that begins in the log with this entry.
fn session((host, pid): (u64, u32), record: &Record<'_>, client: Option<Client>) -> Session {
    let who = Rc::new(Who::new((text(&record.host), host), pid, client, record.time));
    Session::new(who, record.sender.is_some())
}

fn event(operation: Operation, session: &Session, time: Timestamp) -> Event {
    let outcome = operation.failure.clone().map_or(Outcome::Ok, Outcome::Failed);
    Event { time, who: Rc::clone(&session.who), operation, outcome, was_written: None }
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
