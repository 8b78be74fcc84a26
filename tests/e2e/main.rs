//! End to end: real sshd, libpam, sftp and rsyslogd, each test in a machine of its own.

#[macro_use]
mod namespaces;

mod audit;
mod audit_gaps;
mod audit_sources;
mod changes;
mod check;
mod configuration;
mod contents;
mod directories;
mod driven;
mod exempt;
mod file_size;
mod fuse;
mod guard;
mod homes;
mod jailed;
mod kick;
mod list;
mod logging;
mod logins;
mod mount_table;
mod mounts;
mod parallel;
mod probe;
mod process;
mod read_only;
mod readme;
mod refused;
mod registry;
mod sandbox;
mod setup;
mod sftp_log;
mod shared;
mod size;
mod stack;
mod strangers;
mod threats;
mod transcripts;
mod unmounted;
mod user_manager;
mod users;
mod volumes;
mod waiting;
