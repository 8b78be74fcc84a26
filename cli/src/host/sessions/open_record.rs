//! Finds the record of a session among the open files of a process.

use crate::host::process_table::{place, present};
use crate::report::Error;
use pam_sftpjail::registry::DIRECTORY;
use rustix::fs::StatxFlags;
use rustix::io::Errno;
use std::path::Path;

/// How many open files of a process are searched for a record: those with the smallest descriptors, which proc(5) lists
/// first. sshd has some ten of them.
const MAX_DESCRIPTORS: usize = 100;

/// The identity of a file: device and inode. A path in /proc does not identify it, since users can make a
/// file of any path in a mount namespace of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct File((u32, u32), u64);

impl File {
    /// `None`: there is none. The error: that is unknown.
    pub(super) fn at(path: &Path) -> Result<Option<Self>, Errno> {
        match place(path, StatxFlags::INO) {
            Err(Errno::NOENT) => Ok(None),
            place => place.map(|(device, inode)| Some(Self(device, inode))),
        }
    }
}

/// The record that a process may have open by this descriptor. `like`: a record. All are on one filesystem.
pub(super) fn record(pid: i32, descriptor: i32, like: File) -> Result<Option<File>, Error> {
    let link = format!("/proc/{pid}/fd/{descriptor}");
    let read = || {
        // Users can give such a path to a file of a filesystem of theirs, which need not say more than its device.
        let may_be_one = std::fs::read_link(&link)?.starts_with(DIRECTORY)
            && place(Path::new(&link), StatxFlags::empty())?.0 == like.0;
        if may_be_one { Ok(File::at(Path::new(&link))?) } else { Ok(None) }
    };
    present(pid, "fd", read()).map(Option::flatten)
}

/// The open files of a process that may be records, and their descriptors. They are the first that the process has:
/// sshd opens the record before it serves the user, who may have thousands of files opened later.
pub(super) fn records(pid: i32, like: File) -> Result<Vec<(i32, File)>, Error> {
    let open =
        present(pid, "fd", std::fs::read_dir(format!("/proc/{pid}/fd")))?.into_iter().flatten().flatten();
    let descriptors = open.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut found = Vec::new();
    for descriptor in descriptors.take(MAX_DESCRIPTORS) {
        found.extend(record(pid, descriptor, like)?.map(|file| (descriptor, file)));
    }
    Ok(found)
}
