//! The systems that the lab knows, each by the name with which it is asked for.

use machines::{Guest, Image, Machine, Suite, System};

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
    Kind { name: "linux-5.10", boot: || guest(&Image::of("bullseye")) },
    Kind { name: "linux-6.1", boot: || guest(&Image::of("bookworm")) },
    Kind { name: "linux-6.12", boot: || guest(&Image::of("trixie")) },
    Kind { name: "linux-newest", boot: || guest(&Image::newest()) },
    Kind { name: "selinux", boot: || guest(&Image::selinux()) },
    Kind { name: "apparmor", boot: with_apparmor },
];

/// The one with this name.
pub fn named(name: &str) -> Option<&'static Kind> {
    KINDS.iter().find(|kind| kind.name == name)
}

fn guest(image: &Image) -> Box<dyn System> {
    Box::new(Guest::stock(image))
}

fn container(suite: &str) -> Box<dyn System> {
    Box::new(Machine::stock(&Suite(suite.to_owned())))
}

fn with_apparmor() -> Box<dyn System> {
    let guest = Guest::stock(&Image::apparmor());
    guest.load_profiles();
    Box::new(guest)
}
