//! What sshd, PAM and systemd must say so that members are jailed: `check` compares, `setup` establishes.
//!
//! Each requirement is stated here only. Nothing here writes.

pub(crate) mod drop_in;
pub(crate) mod expiry;
pub(crate) mod guests;
pub(crate) mod home_access;
pub(crate) mod manager;
pub(crate) mod membership;
pub(crate) mod pam;
pub(crate) mod reopened;
pub(crate) mod restrictions;
pub(crate) mod root_owned;
pub(crate) mod selinux;
pub(crate) mod setup;
pub(crate) mod sshd;
pub(crate) mod stray;
pub(crate) mod trusted;
pub(crate) mod unit;
pub(crate) mod unwritable;
