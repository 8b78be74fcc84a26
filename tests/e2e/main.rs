//! End to end: real sshd, libpam, sftp and rsyslogd, each test in a machine of its own.

mod process;
mod readme;
mod contents;
mod homes;
mod jailed;
mod logins;
mod mounts;
mod read_only;
mod check;
mod configuration;
mod driven;
mod logging;
mod refused;
mod sandbox;
mod threats;
mod users;
