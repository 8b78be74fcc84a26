//! Writes files: checks where, shows what, asks, and replaces each at once.
//!
//! Nothing here decides what is to be written: the verbs do.

pub(crate) mod atomic;
pub(crate) mod difference;
pub(crate) mod question;
pub(crate) mod signals;
pub(crate) mod target;
