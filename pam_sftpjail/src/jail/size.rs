//! Computes the size of a jail's own filesystem: the user's free space, and what the jail itself needs.
//!
//! A client that mounts `/` (sshfs, Explorer, Finder) asks this filesystem whether an upload has room. tmpfs
//! reports its limit minus what it uses as free (mm/shmem.c: shmem_statfs). So the limit is set to what is
//! free in the home, and clients decide rightly. The total size that they show is the same number, since
//! tmpfs has only one. The limit takes no memory, and nothing can be written there.

use crate::plan::{Plan, Step};
use nix::sys::statvfs::{Statvfs, fstatvfs};

/// In bytes. tmpfs counts whole pages, which have 64 KiB at most. A limit of 0 would mean no limit.
const PAGE: u64 = 64 << 10;

/// In bytes. tmpfs counts the memory of an attribute as inodes, 1 KiB each (mm/shmem.c: BOGO_INODE_SIZE).
const INODE: u64 = 1 << 10;

/// For the directories that a jail makes besides those of its steps.
const SPARE_INODES: u64 = 8;

/// The limits of a tmpfs.
pub(super) struct Size {
    pub(super) bytes: u64,
    /// 0 for no limit.
    pub(super) inodes: u64,
}

impl Size {
    /// For the plan's files and directories. If the free space is unknown, it counts as 0.
    pub(super) fn of(plan: &Plan) -> Self {
        let pages = |step: &Step| match step {
            Step::File { content, .. } => (content.len() as u64).div_ceil(PAGE) * PAGE,
            _ => 0,
        };
        let own = Self {
            bytes: PAGE + plan.steps.iter().map(pages).sum::<u64>(),
            inodes: plan.steps.len() as u64 + SPARE_INODES,
        };
        match plan.storage().map(fstatvfs) {
            Some(Ok(stat)) => own.and_free(&stat),
            Some(Err(_)) | None => own,
        }
    }

    /// The size with room for an attribute.
    pub(super) fn with_attribute(self, text: &str) -> Self {
        let more = (text.len() as u64).div_ceil(INODE) + 1;
        let inodes = if self.inodes == 0 { 0 } else { self.inodes + more };
        Self { inodes, ..self }
    }

    fn and_free(self, stat: &Statvfs) -> Self {
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        // The kernel refuses more inodes than have their bytes of memory counted in a long.
        let most = i64::MAX as u64 / INODE / 2;
        Self {
            bytes: self.bytes.saturating_add(free).min(i64::MAX as u64 / 2),
            // Filesystems without a table of inodes (btrfs) report 0: no limit.
            inodes: match stat.files() {
                0 => 0,
                _ => self.inodes.saturating_add(stat.files_available()).min(most),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(inodes: u64) -> Size {
        Size { bytes: 5 * PAGE, inodes }
    }

    #[test]
    fn an_attribute_takes_an_inode_for_each_kibibyte_and_one_more() {
        let inodes = |text: usize| own(9).with_attribute(&"x".repeat(text)).inodes;
        assert_eq!([0, 1, 1024, 1025, 4096].map(inodes), [10, 11, 11, 12, 14]);
        let unlimited = own(0).with_attribute("x");
        assert_eq!((unlimited.bytes, unlimited.inodes), (5 * PAGE, 0));
    }

    #[test]
    fn what_is_free_comes_on_top_of_what_the_jail_needs() {
        // /proc has no blocks and no inodes: those are without a limit.
        let procfs = own(9).and_free(&fstatvfs(std::fs::File::open("/proc").unwrap()).unwrap());
        assert_eq!((procfs.bytes, procfs.inodes), (5 * PAGE, 0));
        let stat = fstatvfs(std::fs::File::open("/").unwrap()).unwrap();
        let size = own(9).and_free(&stat);
        assert_eq!(size.bytes, stat.blocks_available() * stat.fragment_size() + 5 * PAGE);
        assert_eq!(size.inodes, if stat.files() == 0 { 0 } else { stat.files_available() + 9 });
    }
}
