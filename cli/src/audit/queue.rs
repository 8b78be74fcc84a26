//! Operations that wait until their result and their user are known. They leave in the order of the log.

use super::operation::{Operation, Verb};
use super::who::{Client, Who};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many may wait behind the first, whose file may be open for hours. Beyond this the first one leaves, with an
/// unclear result at worst.
const MAX_WAITING: usize = 4096;

/// The same where the first waits for the end of its session, which will name its user: some 20 MiB.
const MAX_UNNAMED: usize = 65_536;

/// An operation, with everything that the log says about it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) time: Timestamp,
    pub(crate) who: Rc<Who>,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
    /// Of the close of a file: whether that was opened for writing. `None`: unknown.
    pub(crate) was_written: Option<bool>,
}

/// The result of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed(String),
    /// Either it failed with this status, or it succeeded and a later look-up failed, which at the level INFO is not
    /// logged itself.
    Unclear(&'static str),
}

/// The number of an event in the queue, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Slot {
    event: Event,
    settled: bool,
    /// It leaves without a user rather than wait for one.
    released: bool,
}

/// The events that wait.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    slots: VecDeque<Slot>,
    /// The ticket of the first slot.
    first: u64,
}

impl Queue {
    /// Adds an event. Its outcome stays as it is, unless something resolves it.
    pub(crate) fn push(&mut self, event: Event) -> Ticket {
        let ticket = self.next_ticket();
        self.slots.push_back(Slot { event, settled: false, released: false });
        ticket
    }

    /// The first event, if it need not wait any longer.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let first = self.slots.front()?;
        let most = match (first.released || first.event.who.is_known(), first.settled) {
            (true, true) => 0,
            (true, false) => MAX_WAITING,
            (false, _) => MAX_UNNAMED,
        };
        if self.slots.len() <= most {
            return None;
        }
        self.first += 1;
        self.slots.pop_front().map(|slot| slot.event)
    }

    /// A waiting event; `None` if it has left.
    pub(crate) fn get(&mut self, ticket: Ticket) -> Option<&mut Event> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at).map(|slot| &mut slot.event)
    }

    /// Nothing more will be known about it: it need not wait.
    pub(crate) fn settle(&mut self, ticket: Ticket) {
        if let Some(at) = ticket.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok()) {
            if let Some(slot) = self.slots.get_mut(at) {
                slot.settled = true;
            }
        }
    }

    /// Its outcome is known: it need not wait.
    pub(crate) fn resolve(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(event) = self.get(ticket) {
            event.outcome = outcome;
        }
        self.settle(ticket);
    }

    /// The ticket of the next event.
    pub(crate) fn next_ticket(&self) -> Ticket {
        Ticket(self.first + self.slots.len() as u64)
    }

    /// Those that came before `ticket` need not wait, whatever may become known about them.
    pub(crate) fn settle_before(&mut self, ticket: Ticket) {
        let count = usize::try_from(ticket.0.saturating_sub(self.first)).unwrap_or(usize::MAX);
        for slot in self.slots.iter_mut().take(count) {
            slot.settled = true;
            slot.released = true;
        }
    }
}

impl Event {
    /// An event that nothing more is known of.
    #[cfg(test)]
    pub(crate) fn made(verb: Verb) -> Self {
        let time = Timestamp::UNIX_EPOCH;
        let who = Rc::new(Who::new(("h".into(), 0), 0, None, time));
        let operation = Operation { verb, ..Operation::default() };
        Self { time, who, operation, outcome: Outcome::Ok, was_written: None }
    }

    /// The user and address of its session, if they are known.
    pub(crate) fn client(&self) -> Option<&Client> {
        self.who.client()
    }

    /// Whether its success proves that the directory `path` existed before.
    pub(crate) fn proves(&self, path: &[u8]) -> bool {
        let Operation { verb, path: own, target, .. } = &self.operation;
        let is_on_it = matches!(verb, Verb::Opendir | Verb::Rmdir | Verb::Set) && own == path;
        // What a symlink points to need not exist.
        let target = target.as_ref().filter(|_| *verb != Verb::Symlink);
        is_on_it || is_below(own, path) || target.is_some_and(|target| is_below(target, path))
    }

    /// Whether it may have made the directory `path`, or one above it.
    pub(crate) fn may_make(&self, path: &[u8]) -> bool {
        let Operation { verb, path: own, target, cut, ambiguous, .. } = &self.operation;
        let made = match verb {
            Verb::Mkdir | Verb::Symlink => Some(own),
            Verb::Rename | Verb::Link => target.as_ref(),
            _ => return false,
        };
        *cut || *ambiguous || made.is_none_or(|made| made == path || is_below(path, made))
    }
}

fn is_below(path: &[u8], directory: &[u8]) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with(b"/") && rest.len() > 1)
}
