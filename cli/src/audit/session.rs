//! One session: which log entry has the result of which operation.
//!
//! internal-sftp logs an operation, tries it, and logs `sent status …` only if it failed. A look-up (stat,
//! lstat, realpath) has no entry of its own at the level INFO, and only such a status when it fails. So a
//! status after an operation may be that of the operation or that of a later look-up: clients look up what
//! they are about to make all the time. The rest of the session decides most cases. A file that is closed
//! was opened. Everything that is open is closed before the session ends. And what is done in a directory
//! proves that the directory was made. In all other cases the result is unclear.
//!
//! A write has no entry either, and one that is cut short (a full disk) has no more than `sent status Failure`. So such
//! a status while a file is open for writing makes the result of its close unclear, unless another operation is the
//! likelier reason.

use super::message::Message;
use super::operation::{Operation, Verb};
use super::queue::{Event, Outcome, Queue, Ticket};
use super::who::{Client, Who};
use jiff::Timestamp;
use std::hash::{BuildHasher, RandomState};
use std::rc::Rc;

/// A client has a few files open at a time. Beyond this, results stay unclear.
const MAX_OPEN: usize = 64;
const MAX_UNCLEAR_MKDIRS: usize = 16;

const NO_SUCH_FILE: &str = "No such file";

/// What internal-sftp answers to a write that was cut short, and to an invalid handle.
const FAILURE: &str = "Failure";

/// The level of internal-sftp (`-l`), as far as the log shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Info,
    /// Look-ups have entries of their own.
    Verbose,
    /// Success has an entry of its own.
    Debug,
}

/// What is known of a session between one entry and the next.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) who: Rc<Who>,
    /// The time of its latest entry.
    pub(crate) last: Timestamp,
    pub(crate) operations: u64,
    /// Whether entries of it come from the journal.
    pub(crate) is_in_journal: bool,
    level: Level,
    /// The operation before the entry that is read now, while its result is open.
    latest: Option<Ticket>,
    open: Vec<Handle>,
    /// Something was closed whose name is unknown, because its entry was cut.
    closed_unknown: bool,
    /// mkdir operations whose result is unclear.
    mkdirs: Vec<Ticket>,
}

/// A file or directory that is open, or that could not be opened: which of them, may be unclear.
#[derive(Debug)]
struct Handle {
    name: u64,
    unclear: Option<Ticket>,
    /// Whether it was opened for writing.
    is_written: bool,
    /// Whether a write into it may have been cut short.
    is_short: bool,
}

impl Handle {
    fn of(event: &Event, unclear: Option<Ticket>, names: &RandomState) -> Self {
        let is_written = event.operation.opens_to_write();
        Self { name: name(event, names), unclear, is_written, is_short: false }
    }
}

impl Session {
    pub(crate) fn new(who: Rc<Who>, is_in_journal: bool) -> Self {
        Self {
            last: who.first,
            who,
            operations: 0,
            is_in_journal,
            level: Level::Info,
            latest: None,
            open: Vec::new(),
            closed_unknown: false,
            mkdirs: Vec::new(),
        }
    }

    /// Takes an entry into account that is neither the session's beginning nor its end nor an operation.
    pub(crate) fn line(&mut self, message: &Message, queue: &mut Queue, names: &RandomState) {
        match message {
            Message::Status("Success" | "End of file") => {
                self.level = Level::Debug;
                self.succeeded(queue, names);
            }
            Message::Status(status) => self.status(status, queue, names),
            Message::Verbose => {
                self.level = self.level.max(Level::Verbose);
                self.succeeded(queue, names);
            }
            _ => self.succeeded(queue, names),
        }
    }

    /// Takes an operation into account.
    pub(crate) fn operation(&mut self, event: Event, queue: &mut Queue, names: &RandomState) {
        self.succeeded(queue, names);
        self.operations += 1;
        let verb = event.operation.verb;
        if matches!(verb, Verb::Stat | Verb::Lstat | Verb::Realpath | Verb::Readlink | Verb::Fsync) {
            self.level = self.level.max(Level::Verbose);
        }
        let closes =
            matches!(verb, Verb::Close | Verb::Closedir).then(|| (name(&event, names), event.operation.cut));
        self.mkdirs.retain(|made| {
            // The earlier mkdir may have failed, and later operations may prove this one instead.
            let is_in_doubt = queue.get(*made).is_none_or(|made| event.may_make(&made.operation.path));
            if is_in_doubt {
                queue.settle(*made);
            }
            !is_in_doubt
        });
        let is_known = event.outcome != Outcome::Ok;
        let ticket = queue.push(event);
        if is_known {
            queue.settle(ticket);
        }
        self.latest = Some(ticket);
        if let Some((name, is_cut)) = closes {
            match self.closed(name, queue) {
                None => self.closed_unknown |= is_cut,
                Some(handle) => {
                    if let Some(event) = queue.get(ticket) {
                        event.was_written = Some(handle.is_written);
                        if handle.is_short {
                            event.outcome = Outcome::Unclear(FAILURE);
                        }
                    }
                }
            }
        }
    }

    /// The operation before was not followed by a failure, so it succeeded.
    fn succeeded(&mut self, queue: &mut Queue, names: &RandomState) {
        let Some(ticket) = self.latest.take() else { return };
        queue.settle(ticket);
        let Some(event) = queue.get(ticket) else { return };
        if matches!(event.outcome, Outcome::Failed(_)) {
            return;
        }
        if matches!(event.operation.verb, Verb::Open | Verb::Opendir) {
            let handle = Handle::of(event, None, names);
            self.opened(handle, queue);
        }
        self.prove(ticket, queue);
    }

    /// A failure was logged: that of the operation before, if there is one.
    fn status(&mut self, status: &'static str, queue: &mut Queue, names: &RandomState) {
        let Some(ticket) = self.latest.take() else { return self.may_be_short(status) };
        let Some(event) = queue.get(ticket) else { return };
        if matches!(event.outcome, Outcome::Failed(_)) {
            // This is its answer.
            return;
        }
        // A request with an invalid handle fails without an entry of its own, and always with Failure.
        if self.level == Level::Debug || (self.level == Level::Verbose && status != FAILURE) {
            queue.resolve(ticket, Outcome::Failed(status.to_owned()));
            return;
        }
        match event.operation.verb {
            // close(2) cannot fail like that. But an invalid handle has no name.
            Verb::Close | Verb::Closedir if status != FAILURE && event.operation.path != b"(null)" => {
                return queue.settle(ticket);
            }
            _ => event.outcome = Outcome::Unclear(status),
        }
        match event.operation.verb {
            Verb::Open | Verb::Opendir if !event.operation.cut => {
                let handle = Handle::of(event, Some(ticket), names);
                self.opened(handle, queue);
                self.may_be_short(status);
            }
            Verb::Mkdir if status == NO_SUCH_FILE => {
                if self.mkdirs.len() == MAX_UNCLEAR_MKDIRS {
                    queue.settle(self.mkdirs.remove(0));
                }
                self.mkdirs.push(ticket);
            }
            _ => queue.settle(ticket),
        }
    }

    /// A status that is not the answer to an operation with an entry of its own, or may not be.
    fn may_be_short(&mut self, status: &'static str) {
        if status == FAILURE {
            for handle in self.open.iter_mut().filter(|handle| handle.is_written) {
                handle.is_short = true;
            }
        }
    }

    fn opened(&mut self, handle: Handle, queue: &mut Queue) {
        if self.open.len() == MAX_OPEN {
            if let Some(ticket) = self.open.remove(0).unclear {
                queue.settle(ticket);
            }
        }
        self.open.push(handle);
    }

    /// What is closed was open. Where several have the same name, one that was certainly open is taken first. `None`:
    /// nothing open has this name.
    fn closed(&mut self, name: u64, queue: &mut Queue) -> Option<Handle> {
        let has_name = |handle: &Handle| handle.name == name;
        let known = self.open.iter().position(|handle| has_name(handle) && handle.unclear.is_none());
        let handle = self.open.remove(known.or_else(|| self.open.iter().position(has_name))?);
        if let Some(ticket) = handle.unclear {
            queue.resolve(ticket, Outcome::Ok);
            self.prove(ticket, queue);
        }
        Some(handle)
    }

    /// A successful operation proves that the directories above it were made.
    fn prove(&mut self, ticket: Ticket, queue: &mut Queue) {
        if self.mkdirs.is_empty() {
            return;
        }
        let mut proved = Vec::new();
        self.mkdirs.retain(|made| {
            let Some(path) = queue.get(*made).map(|made| made.operation.path.clone()) else { return false };
            let is_proved = queue.get(ticket).is_some_and(|event| event.proves(&path));
            if is_proved {
                proved.push(*made);
            }
            !is_proved
        });
        for made in proved {
            queue.resolve(made, Outcome::Ok);
        }
    }

    /// `session closed`: everything that was open is closed by now.
    pub(crate) fn end(mut self, client: Client, queue: &mut Queue, names: &RandomState) {
        self.who.end(Some(client));
        self.succeeded(queue, names);
        for ticket in self.open.drain(..).filter_map(|handle| handle.unclear) {
            if let Some(event) = queue.get(ticket).filter(|_| !self.closed_unknown) {
                if let Outcome::Unclear(status) = event.outcome {
                    event.outcome = Outcome::Failed(status.to_owned());
                }
            }
            queue.settle(ticket);
        }
        self.abandon(queue);
    }

    /// No more entries of it are expected. A failure of its last operation would be logged within the same millisecond,
    /// so that one succeeded.
    pub(crate) fn abandon(self, queue: &mut Queue) {
        self.who.end(None);
        let unclear = self.open.into_iter().filter_map(|handle| handle.unclear);
        for ticket in self.latest.into_iter().chain(unclear).chain(self.mkdirs) {
            queue.settle(ticket);
        }
    }
}

/// By this an open file or directory is recognised when it is closed.
fn name(event: &Event, names: &RandomState) -> u64 {
    let Operation { verb, path, .. } = &event.operation;
    names.hash_one((matches!(verb, Verb::Opendir | Verb::Closedir), path))
}
