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

#[cfg(test)]
mod tests {
    use super::*;

    /// With 100 blocks of 4 KiB and 100 inodes, of which the last are root's.
    fn filesystem() -> StatVfs {
        StatVfs {
            f_bsize: 4096,
            f_frsize: 4096,
            f_blocks: 100,
            f_bfree: 50,
            f_bavail: 40,
            f_files: 100,
            f_ffree: 50,
            f_favail: 40,
            f_fsid: 0,
            f_flag: rustix::fs::StatVfsMountFlags::empty(),
            f_namemax: 255,
        }
    }

    #[test]
    fn what_is_kept_for_root_is_full_for_users_only() {
        for (bavail, favail, of_user) in [
            (40, 40, None),
            (4, 1, None),
            (3, 40, Some(Shortage::Space)),
            (0, 0, Some(Shortage::Space)),
            (40, 0, Some(Shortage::Inodes)),
        ] {
            let kept = StatVfs { f_bavail: bavail, f_favail: favail, ..filesystem() };
            assert_eq!(judged(&kept, Writer::User), of_user, "{bavail} {favail}");
            assert_eq!(judged(&kept, Writer::Root), None, "{bavail} {favail}");
        }
        let full = StatVfs { f_bfree: 3, ..filesystem() };
        assert_eq!(judged(&full, Writer::Root), Some(Shortage::Space));
        let full = StatVfs { f_ffree: 0, ..filesystem() };
        assert_eq!(judged(&full, Writer::Root), Some(Shortage::Inodes));
    }

    /// As /proc and btrfs answer.
    #[test]
    fn a_filesystem_without_such_numbers_is_not_full() {
        let virtual_one = StatVfs { f_blocks: 0, f_bfree: 0, f_files: 0, f_ffree: 0, ..filesystem() };
        assert_eq!(judged(&virtual_one, Writer::Root), None);
        let without_inodes = StatVfs { f_files: 0, f_ffree: 0, ..filesystem() };
        assert_eq!(judged(&without_inodes, Writer::Root), None);
    }
}
