//! What is wrong in the text of a configuration: the line, what is so, and what to write instead.

use super::keys::{Key, Level};
use crate::escape::one_line;

/// One fault of a configuration.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Problem {
    /// The line of the file, from 1. `None`: the file as a whole.
    line: Option<usize>,
    /// What is so, as a sentence without its full stop.
    pub(crate) what: String,
    /// What to write, as an imperative.
    pub(crate) fix: String,
}

impl Problem {
    /// A fault of the whole file.
    pub(crate) fn of_file(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line: None, what: what.into(), fix: fix.into() }
    }

    /// A fault in this line.
    pub(crate) fn at(line: usize, what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { line: Some(line), what: what.into(), fix: fix.into() }
    }

    /// The same fault, with words before what is so.
    pub(crate) fn within(self, place: &str) -> Self {
        Self { what: format!("{place}: {}", self.what), ..self }
    }

    /// The line. `None`: it is a fault of the whole file.
    pub(super) fn line(&self) -> Option<usize> {
        self.line
    }

    /// The line and what is so.
    pub(crate) fn sentence(&self) -> String {
        match self.line {
            Some(line) => format!("line {line}: {}", self.what),
            None => self.what.clone(),
        }
    }

    /// A key with a value that has another type. `value`: the value as it is written.
    pub(crate) fn wrong_type(line: usize, key: &Key, is: &str, value: &str) -> Self {
        Self::at(line, format!("{} is {is}", key.name), format!("write {}", key.meant(value)))
    }

    /// A key that this table must have. `line`: where the table begins.
    pub(crate) fn missing(line: usize, level: Level, key: &Key) -> Self {
        let what = format!("{} has no {}", level.name(), key.name);
        Self::at(line, what, format!("add a line such as {}", key.example))
    }

    /// A key that this table does not know.
    pub(crate) fn unknown_key(line: usize, level: Level, key: &str) -> Self {
        let spelt = key.to_lowercase().replace('-', "_");
        let shown = one_line(key);
        if level.nearest(1, &spelt).is_none() {
            if let Some((other, name)) =
                level.of_file().iter().copied().find_map(|other| Some((other, other.nearest(1, &spelt)?)))
            {
                let place = other.place(level);
                return match (name == spelt, level) {
                    (true, Level::Profile) if name == "read_only" => Self::at(
                        line,
                        "read_only is no key of a profile",
                        format!("write it {place}; for the home, write home = \"read-only\""),
                    ),
                    (true, Level::Profile) if name == "owner" => Self::at(
                        line,
                        "owner is no key of a profile",
                        format!("write it {place}; for the home, write home_owner"),
                    ),
                    (true, _) => Self::at(
                        line,
                        format!("{shown} is no key of {}", level.name()),
                        format!("write it {place}"),
                    ),
                    (false, _) => {
                        Self::at(line, format!("there is no key {shown}"), format!("write {name} {place}"))
                    }
                };
            }
        }
        let fix = match level.nearest(2, &spelt) {
            Some(name) => format!("write {name}"),
            None => {
                format!("the keys of {} are {}", level.name(), level.names().collect::<Vec<_>>().join(", "))
            }
        };
        Self::at(line, format!("there is no key {shown}"), fix)
    }
}
