//! End to end: real sshd, libpam, sftp and rsyslogd, each test in a machine of its own. The folder of a test is the
//! folder of what it tests.

#[macro_use]
mod common;

mod cli;
pub(crate) mod pam_sftpjail;
mod project;
