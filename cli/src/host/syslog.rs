//! The system's log: its files, what logrotate made of them, and systemd's journal.

pub(crate) mod journal;
pub(crate) mod lines;
#[cfg(test)]
pub(crate) mod noise;
pub(crate) mod recent;
pub(crate) mod record;
pub(crate) mod source;
pub(crate) mod stamp;
