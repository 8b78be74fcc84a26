//! The systems that the lab knows, each by the name with which it is asked for.

use machines::{Machine, Suite, System};

/// A system that can be booted.
pub struct Kind {
    pub name: &'static str,
    /// Boots it as Debian made it, with nothing of ours.
    pub boot: fn() -> Box<dyn System>,
}

/// All of them, in the order of the table.
pub const KINDS: &[Kind] = &[
    Kind { name: "bullseye", boot: || container("bullseye") },
    Kind { name: "bookworm", boot: || container("bookworm") },
    Kind { name: "trixie", boot: || container("trixie") },
    Kind { name: "sid", boot: || container("sid") },
];

/// The one with this name.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn container(suite: &str) -> Box<dyn System> {
    Box::new(Machine::stock(&Suite(suite.to_owned())))
}
