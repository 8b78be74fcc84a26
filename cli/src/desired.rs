//! What sshd, PAM and systemd must be set to, so that members are jailed: `check` compares, `setup` establishes.
//!
//! This is the only place that states a requirement; it changes nothing.

pub(crate) mod drop_in;
pub(crate) mod pam;
pub(crate) mod sshd;
pub(crate) mod stray;
