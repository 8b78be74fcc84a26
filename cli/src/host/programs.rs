//! Where programs are, wherever the caller's PATH leads.

use std::path::{Path, PathBuf};

/// As PATH has it.
pub(crate) const PATH: &str = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin";

/// The absolute path of a program, if it is installed.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
}
