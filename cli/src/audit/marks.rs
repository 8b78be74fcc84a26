//! The beginnings and ends of sessions, for a summary: a session in which nothing was done counts as well.

use super::who::Who;
use jiff::Timestamp;
use std::rc::Rc;

/// Those since they were last taken. By default nobody wants them.
#[derive(Debug, Default)]
pub(crate) struct Marks(Option<Vec<(Timestamp, Rc<Who>)>>);

impl Marks {
    /// They are wanted from now on.
    pub(crate) fn keep(&mut self) {
        self.0 = Some(Vec::new());
    }

    /// A session began or ended, which counts if it is that of the user who was asked for.
    pub(crate) fn add(&mut self, time: Timestamp, who: &Rc<Who>, user: Option<&str>) {
        let is_theirs = |user: &str| who.client().is_some_and(|client| client.user == *user);
        if let Some(marks) = &mut self.0 {
            if user.is_none_or(is_theirs) {
                marks.push((time, Rc::clone(who)));
            }
        }
    }

    pub(crate) fn take(&mut self) -> Vec<(Timestamp, Rc<Who>)> {
        self.0.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
