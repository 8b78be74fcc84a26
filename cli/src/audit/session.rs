//! One session: which line tells the result of which operation.
//!
//! internal-sftp logs an operation, tries it, and logs `sent status …` only if it failed. A request
//! that only looks (stat, lstat, realpath) logs nothing at the level INFO but such a status when it
//! fails. So a status after an operation is its own or that of a later look-up: clients look for
//! what they are about to make all the time. What else the session does tells most of them apart:
//! a file that is closed was opened, all that is open is closed by force before the session ends,
//! and what lies in a directory shows that it was made. For the rest, the result is unclear.

use super::message::Message;
use super::operation::{Operation, Verb};
use super::queue::{Event, Outcome, Queue, Ticket, Who};
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

/// A client has a few files open at a time. Beyond this, results stay unclear.
const MAX_OPEN: usize = 64;
const MAX_MADE: usize = 16;

const MISSING: &str = "No such file";

/// What internal-sftp's `-l` was, as far as seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Info,
    /// Look-ups have lines of their own.
    Verbose,
    /// Success has a line of its own.
    Debug,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) host: Rc<str>,
    pub(crate) pid: u32,
    /// `None`: its beginning is not in the log.
    pub(crate) who: Option<Rc<Who>>,
    /// Of its first and last line.
    pub(crate) first: Timestamp,
    pub(crate) last: Timestamp,
    pub(crate) operations: u64,
    level: Level,
    /// The operation before the line that is read now.
    latest: Option<Ticket>,
    open: Vec<Handle>,
    /// Something was closed of which the name is not known.
    is_blurred: bool,
    /// Directories whose making is unclear.
    made: Vec<Ticket>,
}

/// A file or directory that is open, or else was not to be opened.
#[derive(Debug)]
struct Handle {
    name: u64,
    unclear: Option<Ticket>,
}

impl Session {
    pub(crate) fn new(host: Rc<str>, pid: u32, who: Option<Rc<Who>>, first: Timestamp) -> Self {
        Self {
            host,
            pid,
            who,
            first,
            last: first,
            operations: 0,
            level: Level::Info,
            latest: None,
            open: Vec::new(),
            is_blurred: false,
            made: Vec::new(),
        }
    }

    /// Takes a line into account that is neither the session's beginning nor its end nor an operation.
    pub(crate) fn line(&mut self, message: &Message, queue: &mut Queue, names: &RandomState) {
        match message {
            Message::Status("Success" | "End of file") => {
                self.level = Level::Debug;
                self.went_well(queue, names);
            }
            Message::Status(status) => self.status(status, queue, names),
            Message::Verbose => {
                self.level = self.level.max(Level::Verbose);
                self.went_well(queue, names);
            }
            _ => self.went_well(queue, names),
        }
    }

    /// Takes an operation into account.
    pub(crate) fn operation(&mut self, event: Event, queue: &mut Queue, names: &RandomState) {
        self.went_well(queue, names);
        self.operations += 1;
        let verb = event.operation.verb;
        if matches!(verb, Verb::Stat | Verb::Lstat | Verb::Realpath | Verb::Readlink | Verb::Fsync) {
            self.level = self.level.max(Level::Verbose);
        }
        let closes =
            matches!(verb, Verb::Close | Verb::Closedir).then(|| (name(&event, names), event.operation.cut));
        self.made.retain(|made| {
            // The earlier one may have failed, and this one be what others show.
            let is_doubted = queue.get(*made).is_none_or(|made| event.may_make(&made.operation.path));
            if is_doubted {
                queue.settle(*made);
            }
            !is_doubted
        });
        let is_known = event.outcome != Outcome::Ok;
        let ticket = queue.push(event);
        if is_known {
            queue.settle(ticket);
        } else {
            self.latest = Some(ticket);
        }
        if let Some((name, is_cut)) = closes
            && !self.closed(name, queue)
        {
            self.is_blurred |= is_cut;
        }
    }

    /// The operation before was not followed by a failure.
    fn went_well(&mut self, queue: &mut Queue, names: &RandomState) {
        let Some(ticket) = self.latest.take() else { return };
        queue.settle(ticket);
        let Some(event) = queue.get(ticket) else { return };
        if matches!(event.operation.verb, Verb::Open | Verb::Opendir) {
            let name = name(event, names);
            self.opened(Handle { name, unclear: None }, queue);
        }
        self.prove(ticket, queue);
    }

    /// A failure was told: the operation's before, if there is one.
    fn status(&mut self, status: &'static str, queue: &mut Queue, names: &RandomState) {
        let Some(ticket) = self.latest.take() else { return };
        let Some(event) = queue.get(ticket) else { return };
        // Requests with a handle that is none fail without a line, and nothing but Failure comes of them.
        if self.level == Level::Debug || (self.level == Level::Verbose && status != "Failure") {
            queue.resolve(ticket, Outcome::Failed(status.to_owned()));
            return;
        }
        event.outcome = Outcome::Unclear(status);
        match event.operation.verb {
            // close(2) knows no such failure; but a handle that is none has no name.
            Verb::Close | Verb::Closedir if status != "Failure" && event.operation.path != b"(null)" => {
                queue.resolve(ticket, Outcome::Ok);
            }
            Verb::Open | Verb::Opendir if !event.operation.cut => {
                let name = name(event, names);
                self.opened(Handle { name, unclear: Some(ticket) }, queue);
            }
            Verb::Mkdir if status == MISSING => {
                if self.made.len() == MAX_MADE {
                    queue.settle(self.made.remove(0));
                }
                self.made.push(ticket);
            }
            _ => queue.settle(ticket),
        }
    }

    fn opened(&mut self, handle: Handle, queue: &mut Queue) {
        if self.open.len() == MAX_OPEN
            && let Some(ticket) = self.open.remove(0).unclear
        {
            queue.settle(ticket);
        }
        self.open.push(handle);
    }

    /// What is closed was open; if something unclear has the same name, that need not have been it.
    /// Says whether anything open has this name.
    fn closed(&mut self, name: u64, queue: &mut Queue) -> bool {
        let of_it = |handle: &Handle| handle.name == name;
        let known = self.open.iter().position(|handle| of_it(handle) && handle.unclear.is_none());
        let Some(at) = known.or_else(|| self.open.iter().position(of_it)) else { return false };
        if let Some(ticket) = self.open.remove(at).unclear {
            queue.resolve(ticket, Outcome::Ok);
            self.prove(ticket, queue);
        }
        true
    }

    /// An operation that went well shows that the directories above it were made.
    fn prove(&mut self, ticket: Ticket, queue: &mut Queue) {
        if self.made.is_empty() {
            return;
        }
        let mut shown = Vec::new();
        self.made.retain(|made| {
            let Some(path) = queue.get(*made).map(|made| made.operation.path.clone()) else { return false };
            let is_shown = queue.get(ticket).is_some_and(|event| event.proves(&path));
            if is_shown {
                shown.push(*made);
            }
            !is_shown
        });
        for made in shown {
            queue.resolve(made, Outcome::Ok);
        }
    }

    /// `session closed`: by now, everything that was open is closed.
    pub(crate) fn end(mut self, queue: &mut Queue, names: &RandomState) {
        self.went_well(queue, names);
        for ticket in self.open.drain(..).filter_map(|handle| handle.unclear) {
            if !self.is_blurred
                && let Some(event) = queue.get(ticket)
                && let Outcome::Unclear(status) = event.outcome
            {
                event.outcome = Outcome::Failed(status.to_owned());
            }
            queue.settle(ticket);
        }
        self.lose(queue);
    }

    /// No more lines of it will come, as far as anybody can tell. That its last operation failed would
    /// be told within the same millisecond, so it went well.
    pub(crate) fn lose(self, queue: &mut Queue) {
        let unclear = self.open.into_iter().filter_map(|handle| handle.unclear);
        for ticket in self.latest.into_iter().chain(unclear).chain(self.made) {
            queue.settle(ticket);
        }
    }
}

/// What an open file or directory is recognised by when it is closed.
fn name(event: &Event, names: &RandomState) -> u64 {
    let Operation { verb, path, .. } = &event.operation;
    names.hash_one((matches!(verb, Verb::Opendir | Verb::Closedir), path))
}
