//! Finds sessions of sshd that are in no jail: those of users who were no members yet when they logged in.

use crate::host::sshd::running::{is_same_root, was_started_by_root};
use procfs::process::all_processes;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The processes of sshd that serve a user and have this program's root directory, by uid. sshd becomes the user after it
/// has chrooted. Without being root, none is known.
pub(crate) fn unjailed() -> BTreeMap<u32, Vec<i32>> {
    let mut found: BTreeMap<u32, Vec<i32>> = BTreeMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(status) = process.status() else { continue };
        // A user can give a program of the user's any name, and cannot write the file that sshd executes.
        let directory = PathBuf::from(format!("/proc/{}", process.pid));
        if status.name.starts_with("sshd")
            && status.ruid != 0
            && status.ruid == status.euid
            && is_same_root(&directory)
            && was_started_by_root(&directory)
        {
            found.entry(status.ruid).or_default().push(process.pid);
        }
    }
    found
}
