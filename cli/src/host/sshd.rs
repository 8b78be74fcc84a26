//! Reads what sshd is set to: its binary, the files of its configuration, the effective settings of a
//! login, and which sshds run.

pub(crate) mod access;
pub(crate) mod chroot;
pub(crate) mod connections;
pub(crate) mod daemon;
pub(crate) mod effective;
pub(crate) mod files;
pub(crate) mod logins;
pub(crate) mod option;
pub(crate) mod patterns;
pub(crate) mod privsep;
pub(crate) mod running;
