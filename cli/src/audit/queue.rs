//! Operations on their way out, in the order of the log: each waits until its result is known.

use super::operation::{Operation, Verb};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::rc::Rc;

/// How many wait for the first of them, which may be open for hours. What is forced out then has an
/// unclear result at worst.
const MAX_WAITING: usize = 4096;

/// An operation, with all that the log tells of it.
#[derive(Debug)]
pub(crate) struct Event {
    pub(crate) time: Timestamp,
    pub(crate) host: Rc<str>,
    pub(crate) pid: u32,
    /// `None`: the line that says so is not in the log.
    pub(crate) who: Option<Rc<Who>>,
    pub(crate) operation: Operation,
    pub(crate) outcome: Outcome,
}

/// Whose session it is. As the log has it, unescaped.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Who {
    pub(crate) user: String,
    pub(crate) address: String,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Failed(String),
    /// It failed with this, or else it went well and a later request failed, which is not logged
    /// itself: a look-up, at the level INFO.
    Unclear(&'static str),
}

/// What stands in the queue, by the order in which it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ticket(u64);

#[derive(Debug)]
struct Slot {
    event: Event,
    settled: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    slots: VecDeque<Slot>,
    /// The ticket of the first slot.
    first: u64,
}

impl Queue {
    /// Lets an event wait, whose outcome is what it will be if nothing settles it.
    pub(crate) fn push(&mut self, event: Event) -> Ticket {
        let ticket = Ticket(self.first + self.slots.len() as u64);
        self.slots.push_back(Slot { event, settled: false });
        ticket
    }

    /// The next event whose turn it is.
    pub(crate) fn pop(&mut self) -> Option<Event> {
        let first = self.slots.front()?;
        if !first.settled && self.slots.len() <= MAX_WAITING {
            return None;
        }
        self.first += 1;
        self.slots.pop_front().map(|slot| slot.event)
    }

    /// A waiting event; `None` once it was popped.
    pub(crate) fn get(&mut self, ticket: Ticket) -> Option<&mut Event> {
        let at = usize::try_from(ticket.0.checked_sub(self.first)?).ok()?;
        self.slots.get_mut(at).map(|slot| &mut slot.event)
    }

    /// Nothing more will be known of it.
    pub(crate) fn settle(&mut self, ticket: Ticket) {
        if let Some(at) = ticket.0.checked_sub(self.first).and_then(|at| usize::try_from(at).ok())
            && let Some(slot) = self.slots.get_mut(at)
        {
            slot.settled = true;
        }
    }

    /// Its outcome is known.
    pub(crate) fn resolve(&mut self, ticket: Ticket, outcome: Outcome) {
        if let Some(event) = self.get(ticket) {
            event.outcome = outcome;
        }
        self.settle(ticket);
    }

    /// Nothing more will be known of any.
    pub(crate) fn settle_all(&mut self) {
        for slot in &mut self.slots {
            slot.settled = true;
        }
    }
}

impl Event {
    /// Whether its success shows that the directory `path` was there before.
    pub(crate) fn proves(&self, path: &[u8]) -> bool {
        let Operation { verb, path: own, target, .. } = &self.operation;
        let of_itself = matches!(verb, Verb::Opendir | Verb::Rmdir | Verb::Set) && own == path;
        // Where a symlink points need not exist.
        let target = target.as_ref().filter(|_| *verb != Verb::Symlink);
        of_itself || is_below(own, path) || target.is_some_and(|target| is_below(target, path))
    }

    /// Whether the directory `path` may be its work, or only by its work may be at that place.
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
