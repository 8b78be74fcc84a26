//! All that is wrong in a text, in the order in which it is found: a login reports the first of it, the program all.

use super::problem::Problem;

/// The faults of one text.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    all: Vec<Problem>,
    /// Whether lines were left out that nobody can read: what seems to be missing may stand there.
    pub(super) is_partial: bool,
}

impl Problems {
    pub(crate) fn add(&mut self, problem: Problem) {
        self.all.push(problem);
    }

    /// The value of `Ok`. An error is kept.
    pub(crate) fn note<T>(&mut self, result: Result<T, Problem>) -> Option<T> {
        result.map_err(|problem| self.add(problem)).ok()
    }

    /// Adds those of a part, with words before what is so.
    pub(super) fn append(&mut self, part: Self, place: Option<&str>) {
        let within = |problem: Problem| match place {
            Some(place) => problem.within(place),
            None => problem,
        };
        self.all.extend(part.all.into_iter().map(within));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// What was read of the text, or its first fault. `None` is read only where there is a fault.
    pub(crate) fn end<T>(self, read: Option<T>) -> Result<T, Problem> {
        match (self.all.into_iter().next(), read) {
            (None, Some(read)) => Ok(read),
            (Some(first), _) => Err(first),
            (None, None) => Err(Problem::of_file("cannot be understood", "report this as a bug")),
        }
    }

    /// The first one, and then the others by their lines.
    pub(super) fn sorted(self) -> Vec<Problem> {
        let mut all = self.all;
        if let Some((_, others)) = all.split_first_mut() {
            others.sort_by_key(Problem::line);
        }
        all
    }
}
