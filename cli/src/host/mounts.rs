//! Reads which mount has a directory.

use rustix::fs::{AtFlags, CWD, StatxFlags, statx};
use std::path::{Path, PathBuf};

/// The mount point of the mount that has `path`, as this process sees it: the outermost directory with the same mount.
/// `None`: it cannot be looked at.
pub(crate) fn mount_point(path: &Path) -> Option<PathBuf> {
    let real = path.canonicalize().ok()?;
    let mount = id(&real)?;
    real.ancestors().take_while(|above| id(above) == Some(mount)).last().map(Path::to_owned)
}

/// The number of its mount: statx(2), Linux 5.8.
fn id(path: &Path) -> Option<u64> {
    statx(CWD, path, AtFlags::SYMLINK_NOFOLLOW, StatxFlags::MNT_ID).ok().map(|stat| stat.stx_mnt_id)
}
