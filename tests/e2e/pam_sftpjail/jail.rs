//! A jail while it stands: in the host's mount namespace, its mounts, and its size.

mod host;
mod mounts;
mod size;
