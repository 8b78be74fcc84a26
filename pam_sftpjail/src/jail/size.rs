//! How large a jail's own filesystem is: what is free for the user, and what it needs itself.
//!
//! A client that has mounted `/` (sshfs, Explorer, Finder) asks that filesystem whether an upload has room.
//! tmpfs says that all of its limit but what it uses is free (mm/shmem.c: shmem_statfs), so that the limit
//! is what is free in the home. Clients decide by that number; the size that is shown is the same, for there
//! is but one number to set. It is a limit: what is not used takes no memory, and nothing can be written.

use crate::plan::{Plan, Step};
use nix::sys::statvfs::{Statvfs, fstatvfs};

/// tmpfs counts whole pages, which are 64 KiB at most; a limit of 0 would be none.
const PAGE: u64 = 64 << 10;

/// tmpfs takes the memory of an attribute from its inodes, each of which stands for 1 KiB
/// (mm/shmem.c: BOGO_INODE_SIZE).
const INODE: u64 = 1 << 10;

/// No jail makes more directories besides those of its steps.
const SPARE_INODES: u64 = 8;

/// The limits of a tmpfs.
pub(super) struct Size {
    pub(super) bytes: u64,
    /// 0 for no limit.
    pub(super) inodes: u64,
}

impl Size {
    /// For what the plan has the jail hold. Where the free space cannot be seen there is none.
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

    /// With room for an attribute.
    pub(super) fn with_attribute(self, text: &str) -> Self {
        let more = (text.len() as u64).div_ceil(INODE) + 1;
        let inodes = if self.inodes == 0 { 0 } else { self.inodes + more };
        Self { inodes, ..self }
    }

    fn and_free(self, stat: &Statvfs) -> Self {
        let free = stat.blocks_available().saturating_mul(stat.fragment_size());
        // The kernel refuses what it cannot count in a long, in bytes of memory for each inode.
        let most = i64::MAX as u64 / INODE / 2;
        Self {
            bytes: self.bytes.saturating_add(free).min(i64::MAX as u64 / 2),
            // Filesystems without a number of inodes (btrfs) have none left either.
            inodes: match stat.files() {
                0 => 0,
                _ => self.inodes.saturating_add(stat.files_available()).min(most),
            },
        }
    }
}
