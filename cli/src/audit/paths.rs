//! Operations → rows: adds the paths on the host, by what is known of the jail of each session.

use super::gaps::{Gaps, Kind};
use super::host_path::{Host, View};
use super::openings::Openings;
use super::operation::Verb;
use super::queue::Event;
use super::row::Row;
use super::who::Who;
use pam_sftpjail::escape::escaped;
use std::collections::HashSet;
use std::rc::Rc;

/// This host, and the session that was asked for last, since the next row often needs it again.
pub(crate) struct Paths {
    pub(crate) host: Host,
    latest: Option<(Rc<Who>, Rc<View>)>,
    /// By host and user: those that are a gap already.
    unresolved: HashSet<(u64, String)>,
}

/// How many users are counted whose paths are unknown.
const MAX_UNRESOLVED: usize = 10_000;

impl Paths {
    pub(crate) fn new(host: Host) -> Self {
        Self { host, latest: None, unresolved: HashSet::new() }
    }

    /// Adds the paths on the host, if they are known. If not, that is a gap.
    pub(crate) fn row(&mut self, event: Event, openings: &Openings, gaps: &mut Gaps) -> Row {
        // One that holds two names has no path.
        if event.operation.ambiguous {
            return Row { event, path: None, target: None };
        }
        let Some(view) = self.view(&event, openings, gaps) else {
            return Row { event, path: None, target: None };
        };
        let operation = &event.operation;
        let path = view.on_host(&operation.path);
        let target = operation.target.as_ref().filter(|_| operation.verb != Verb::Symlink);
        let target = target.and_then(|target| view.on_host(target));
        Row { event, path, target }
    }

    /// What the paths of its session mean. `None`: the user is unknown.
    fn view(&mut self, event: &Event, openings: &Openings, gaps: &mut Gaps) -> Option<Rc<View>> {
        let client = event.client()?;
        if let Some((latest, view)) = &self.latest {
            if Rc::ptr_eq(latest, &event.who) {
                return Some(Rc::clone(view));
            }
        }
        let Who { host, host_key, first, .. } = &*event.who;
        let own = openings.view(*host_key, &client.user, *first);
        // As it would be now.
        let view = own.unwrap_or_else(|| self.host.view(host, &client.user));
        if matches!(*view, View::Unknown)
            && self.unresolved.len() < MAX_UNRESOLVED
            && self.unresolved.insert((*host_key, client.user.clone()))
        {
            let example = |_: &_| format!("{}, host {}", escaped(&client.user), escaped(&**host));
            gaps.add(Kind::UnresolvedPaths, example);
        }
        self.latest = Some((Rc::clone(&event.who), Rc::clone(&view)));
        Some(view)
    }
}
