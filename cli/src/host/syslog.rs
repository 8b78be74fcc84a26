//! Reads the system's log: its files, those that logrotate has renamed, and systemd's journal.

pub(crate) mod entry;
mod gzip;
pub(crate) mod journal;
pub(crate) mod line;
pub(crate) mod lines;
pub(crate) mod logins;
#[cfg(test)]
pub(crate) mod noise;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
pub(crate) mod recent;
pub(crate) mod record;
mod rotated;
pub(crate) mod session_entry;
pub(crate) mod source;
pub(crate) mod stamp;
pub(crate) mod tail;
pub(crate) mod unreadable;
pub(crate) mod wait;
