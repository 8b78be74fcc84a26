//! Whether systemd runs this host. It asks the filesystem only.
#![forbid(unsafe_code)]

use std::path::Path;

/// Whether systemd is PID 1: sd_booted(3).
pub fn is_booted() -> bool {
    Path::new("/run/systemd/system").symlink_metadata().is_ok_and(|stat| stat.is_dir())
}
