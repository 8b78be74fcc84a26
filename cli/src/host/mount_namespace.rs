//! Tells mount namespaces apart, by the names that namespaces(7) gives them.

use std::fs;
use std::path::PathBuf;

/// That of a process. `None`: it has ended, or this is not root.
pub(crate) fn of(pid: i32) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()
}

/// Whether a process is known to be in another one than this program.
pub(crate) fn is_elsewhere(pid: i32) -> bool {
    let own = fs::read_link("/proc/self/ns/mnt").ok();
    own.zip(of(pid)).is_some_and(|(own, other)| own != other)
}
