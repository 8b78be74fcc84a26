//! Reads whether a filesystem is full.

use rustix::fs::{StatVfs, fstatvfs, statvfs};
use std::fmt::{self, Display};
use std::os::fd::AsFd;
use std::path::Path;

/// A filesystem with less is full, in bytes: a file takes a block, and some programs write a few at once.
const LEAST: u64 = 16 << 10;

/// What a filesystem has none of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shortage {
    Space,
    Inodes,
}

/// Whose files are to be written: a filesystem may keep some space for root.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Writer {
    Root,
    User,
}

impl Display for Shortage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Space => "no space",
            Self::Inodes => "no inodes",
        })
    }
}

impl Shortage {
    /// The option of df(1) that shows it.
    pub(crate) fn df(self) -> &'static str {
        match self {
            Self::Space => "df -h",
            Self::Inodes => "df -i",
        }
    }
}

/// What the filesystem that has `path` lacks. `None`: nothing, or it cannot be asked. A quota is not seen here.
pub(crate) fn shortage(path: &Path, writer: Writer) -> Option<Shortage> {
    judged(&statvfs(path).ok()?, writer)
}

/// The same of the filesystem of an open directory.
pub(crate) fn shortage_in(directory: impl AsFd, writer: Writer) -> Option<Shortage> {
    judged(&fstatvfs(directory).ok()?, writer)
}

fn judged(filesystem: &StatVfs, writer: Writer) -> Option<Shortage> {
    let (blocks, inodes) = match writer {
        Writer::Root => (filesystem.f_bfree, filesystem.f_ffree),
        Writer::User => (filesystem.f_bavail, filesystem.f_favail),
    };
    if filesystem.f_blocks > 0 && blocks.saturating_mul(filesystem.f_frsize) < LEAST {
        return Some(Shortage::Space);
    }
    // Without a number of inodes, such as on btrfs, the filesystem makes as many as it has space for.
    (filesystem.f_files > 0 && inodes == 0).then_some(Shortage::Inodes)
}
