//! sshd: its binary, the files of its configuration, and what it says that holds for a login.

pub(crate) mod connections;
pub(crate) mod daemon;
pub(crate) mod effective;
pub(crate) mod files;
pub(crate) mod logins;
pub(crate) mod patterns;
