//! Which rows were asked for.

use super::options::Options;
use super::queue::Event;
use super::row::Row;
use super::wanted::Wanted;
use super::who::{Client, Who};
use glob::Pattern;
use jiff::Timestamp;

/// What was asked for, except for the user: [`super::join`] leaves the others out.
pub(crate) struct Filter {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    op: Vec<Wanted>,
    path: Option<Pattern>,
    probe: bool,
    /// Operations of probes that were left out.
    pub(crate) left_out: u64,
}

impl Filter {
    pub(crate) fn of(options: &Options) -> Self {
        let Options { since, until, probe, .. } = *options;
        Self { since, until, op: options.op.clone(), path: options.path.clone(), probe, left_out: 0 }
    }

    /// Whether all operations of a time are asked for.
    pub(crate) fn has_all_operations(&self) -> bool {
        self.op.is_empty() && self.path.is_none()
    }

    /// Whether an entry of this time and session is asked for, if it is no operation.
    pub(crate) fn has_session(&self, who: &Who, time: Timestamp) -> bool {
        self.has_time(time) && (self.probe || !is_probe(who))
    }

    /// Whether an operation is asked for, as far as that can be said without its paths on the host.
    pub(crate) fn has_event(&self, event: &Event) -> bool {
        self.has_time(event.time) && (self.op.is_empty() || self.op.iter().any(|wanted| wanted.has(event)))
    }

    /// Whether a row is asked for, of which [`Filter::has_event`] is true.
    pub(crate) fn has_row(&mut self, row: &Row) -> bool {
        if let Some(pattern) = &self.path {
            let operation = &row.event.operation;
            let matches = |path: &[u8]| pattern.matches(&String::from_utf8_lossy(path));
            let all = [Some(row.path()), row.target(), Some(&operation.path), operation.target.as_deref()];
            if !all.into_iter().flatten().any(matches) {
                return false;
            }
        }
        if !self.probe && is_probe(&row.event.who) {
            self.left_out += 1;
            return false;
        }
        true
    }

    fn has_time(&self, time: Timestamp) -> bool {
        self.since.is_none_or(|since| time >= since) && self.until.is_none_or(|until| time < until)
    }
}

fn is_probe(who: &Who) -> bool {
    who.client().is_some_and(Client::is_probe)
}
