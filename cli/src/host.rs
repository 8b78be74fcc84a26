//! Reads what this machine is set up to do: its accounts, files, daemons and sessions.
//!
//! Nothing here judges, writes or prints. The verbs do, with what they read here.

pub(crate) mod accounts;
pub(crate) mod apparmor;
pub(crate) mod as_user;
pub(crate) mod candidates;
pub(crate) mod child;
pub(crate) mod configuration;
pub(crate) mod groups;
pub(crate) mod home;
pub(crate) mod jobs;
pub(crate) mod keys;
pub(crate) mod limits;
pub(crate) mod mount_namespace;
pub(crate) mod mounts;
pub(crate) mod pam;
pub(crate) mod process;
pub(crate) mod process_table;
pub(crate) mod programs;
pub(crate) mod rehearsal;
pub(crate) mod room;
pub(crate) mod selinux;
pub(crate) mod service_mounts;
pub(crate) mod sessions;
pub(crate) mod setup_journal;
pub(crate) mod shadow;
pub(crate) mod sshd;
pub(crate) mod syslog;
pub(crate) mod systemd;
pub(crate) mod trust;
pub(crate) mod umask;
pub(crate) mod unanswered;
pub(crate) mod workers;
pub(crate) mod zone;
