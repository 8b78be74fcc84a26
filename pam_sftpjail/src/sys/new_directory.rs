//! A directory that is missing: makes it, or tries whether that is possible and makes nothing.
#![forbid(unsafe_code)]

use super::{SysError, directory, mount};
use crate::escape::escaped;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, Mode, fchmod, fstat};
use nix::unistd::{Gid, Uid, fchown};
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};

/// As much as the names in a directory need at least, in bytes: a block of a disk.
const BLOCK: usize = 4 << 10;

/// A missing directory, and how it is to be made.
#[derive(Debug)]
pub(crate) struct NewDirectory {
    /// It and all above it are owned by root and writable by nobody else.
    pub(crate) parent: OwnedFd,
    pub(crate) name: OsString,
    pub(crate) owner: Uid,
    pub(crate) group: Gid,
    pub(crate) mode: u32,
}

impl NewDirectory {
    /// The directory that is there already, perhaps made by another login.
    pub(crate) fn existing(&self) -> Result<Option<FileStat>, Errno> {
        match directory::open_child(&self.parent, &self.name) {
            Err(Errno::ENOENT) => Ok(None),
            opened => fstat(opened?).map(Some),
        }
    }

    /// Makes it and opens it. The mode is 0 at first, and is set last. So an empty one with mode 0 was left
    /// half-made, and is finished. If it has something in it, an admin has set the mode 0, and it stays.
    /// Another login may do the same at the same time.
    pub(crate) fn make(&self) -> Result<OwnedFd, SysError> {
        match directory::make(&self.parent, self.name.as_os_str(), 0) {
            Err(error) if error.errno == Errno::EEXIST => {}
            other => other?,
        }
        let fd = self.open()?;
        if self.is_unfinished(&fd)? {
            self.finish(&fd)?;
        }
        Ok(fd)
    }

    /// What a rehearsal mounts in its place, after it has seen whether it could be made: an empty one with the same owner
    /// and mode, on a detached tmpfs. `None`: it is there, and a login leaves it as it is.
    pub(crate) fn stand_in(&self) -> Result<Option<OwnedFd>, SysError> {
        match self.existing().map_err(SysError::of("openat", self.shown()))? {
            None => try_to_make(&self.parent, &self.name)?,
            Some(_) if self.is_unfinished(&self.open()?)? => {}
            Some(_) => return Ok(None),
        }
        let mounted = mount::tmpfs(BLOCK as u64, 1, "0000")?;
        let fd =
            directory::open_to_read(&mounted, ".".as_ref()).map_err(SysError::of("openat", self.shown()))?;
        self.finish(&fd)?;
        Ok(Some(mounted))
    }

    /// Opens the one that is there.
    pub(crate) fn open(&self) -> Result<OwnedFd, SysError> {
        directory::open_to_read(&self.parent, &self.name).map_err(SysError::of("openat", self.shown()))
    }

    fn is_unfinished(&self, fd: &OwnedFd) -> Result<bool, SysError> {
        Ok(directory::is_closed(fd).map_err(SysError::of("fstat", self.shown()))?
            && directory::names(fd).map_err(SysError::of("getdents", self.shown()))?.is_empty())
    }

    fn finish(&self, fd: &OwnedFd) -> Result<(), SysError> {
        fchown(fd, Some(self.owner), Some(self.group)).map_err(SysError::of("fchown", self.shown()))?;
        fchmod(fd, Mode::from_bits_truncate(self.mode)).map_err(SysError::of("fchmod", self.shown()))
    }

    fn shown(&self) -> String {
        escaped(&self.name).to_string()
    }
}

/// Whether the directory `name` could be made in `parent` now, as far as that shows without making one. A file that has
/// no name takes the room instead: nobody sees it, and the kernel removes it whatever ends the process.
pub(crate) fn try_to_make(parent: impl AsFd, name: impl AsRef<OsStr>) -> Result<(), SysError> {
    let failed = |errno: Errno| SysError::of("mkdirat", escaped(name.as_ref()))(errno);
    directory::writable(&parent).map_err(failed)?;
    let tried = directory::make_unnamed(&parent).and_then(|file| {
        // On a tmpfs, a directory takes an inode only.
        if mount::is_tmpfs(&parent)? { Ok(()) } else { directory::fill(&file, BLOCK) }
    });
    match tried {
        Err(errno @ (Errno::ENOSPC | Errno::EDQUOT)) => Err(failed(errno)),
        // Others concern files only: the filesystem has none without a name, or a limit or a security module forbids it.
        _ => Ok(()),
    }
}
