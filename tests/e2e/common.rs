//! What tests of several folders use. It has no tests of its own.

#[macro_use]
mod namespaces;

pub(crate) mod by_hand;
pub(crate) mod config;
pub(crate) mod jailed;
pub(crate) mod libpam;
pub(crate) mod mount_table;
pub(crate) mod page;
pub(crate) mod refused;
pub(crate) mod terminal;
pub(crate) mod unanswered;

/// The repository's directory.
pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
