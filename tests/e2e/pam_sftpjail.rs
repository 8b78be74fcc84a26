//! The library and the PAM module, in the order of its own list: who is jailed, in what, and how a session ends.

mod config;

mod account;

pub(crate) mod grants;

mod plan;

mod jail;

mod registry;

mod session;

pub(crate) mod pam;

mod log;
mod name;
pub(crate) mod nss;
