//! What this machine is set up to do: it is read here, and neither judged nor changed.

pub(crate) mod drop_in;
pub(crate) mod home;
pub(crate) mod jobs;
pub(crate) mod programs;
pub(crate) mod systemd;
pub(crate) mod trust;
