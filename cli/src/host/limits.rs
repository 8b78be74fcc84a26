//! Reads the limits that a process has reached, or could reach.

use procfs::process::{LimitValue, Process};
use std::fs;

/// How many files a process may have open: its soft limit. `None`: it has ended, or has no limit.
pub(crate) fn descriptors(pid: u32) -> Option<u64> {
    let process = Process::new(i32::try_from(pid).ok()?).ok()?;
    match process.limits().ok()?.max_open_files.soft_limit {
        LimitValue::Value(most) => Some(most),
        LimitValue::Unlimited => None,
    }
}

/// The mounts of this process's mount namespace, and how many one may have (proc(5): fs.mount-max).
pub(crate) fn mounts() -> Option<(usize, usize)> {
    let table = fs::read("/proc/self/mountinfo").ok()?;
    let most = fs::read_to_string("/proc/sys/fs/mount-max").ok()?;
    Some((memchr::memchr_iter(b'\n', &table).count(), most.trim().parse().ok()?))
}
