//! Opens, reads, makes and removes files and directories by descriptor. No call here follows a symlink,
//! unless it says so.
#![forbid(unsafe_code)]

use super::SysError;
use crate::escape::escaped;
use nix::NixPath;
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2, readlinkat};
use nix::libc;
use nix::sys::stat::{FileStat, Mode, SFlag, fstat, fstatat, mkdirat};
use nix::unistd::{UnlinkatFlags, unlinkat};
use rustix::fs::{
    Access, AtFlags, CWD, RawDir, SeekFrom, StatxAttributes, StatxFlags, accessat, seek, statx,
};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Write;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

const DIRECTORY: OFlag = OFlag::O_PATH.union(OFlag::O_DIRECTORY).union(OFlag::O_CLOEXEC);

/// Opens the process's own root directory, or its working directory with `"."`.
pub(crate) fn open(path: &str) -> Result<OwnedFd, SysError> {
    openat(AT_FDCWD, path, DIRECTORY, Mode::empty()).map_err(SysError::of("open", path))
}

/// Opens the directory at an absolute path in one call. A symlink anywhere on the way is an error.
pub(crate) fn open_without_symlinks(path: &Path) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new()
        .flags(DIRECTORY)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    openat2(AT_FDCWD, path, how)
}

/// Opens the directory `name` (one component) of `parent`. `ENOTDIR` where it is a symlink.
///
/// O_DIRECTORY makes an automount happen and a FIFO fail at once.
pub(crate) fn open_child(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    match openat(parent, name, DIRECTORY | OFlag::O_NOFOLLOW, Mode::empty()) {
        Err(Errno::ELOOP) => Err(Errno::ENOTDIR),
        other => other,
    }
}

/// Opens the directory `name` (one component) of `parent` to read and to lock it. `ENOTDIR` for anything
/// else, a symlink included.
pub(crate) fn open_to_read(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    match openat(parent, name, flags, Mode::empty()) {
        Err(Errno::ELOOP) => Err(Errno::ENOTDIR),
        other => other,
    }
}

/// The names in a directory that was [opened to read](open_to_read). It reads by that descriptor itself, from the
/// beginning.
pub(crate) fn names(directory: impl AsFd) -> Result<Vec<OsString>, Errno> {
    let mut names = Vec::new();
    seek(&directory, SeekFrom::Start(0)).map_err(errno)?;
    let mut buffer = [MaybeUninit::uninit(); 2 << 10];
    let mut entries = RawDir::new(directory, &mut buffer);
    while let Some(entry) = entries.next() {
        match entry.map_err(errno)?.file_name().to_bytes() {
            b"." | b".." => {}
            name => names.push(OsStr::from_bytes(name).to_owned()),
        }
    }
    Ok(names)
}

/// Removes the directory `name` of `parent`. It must be empty and not a mount point.
pub(crate) fn remove_empty(parent: impl AsFd, name: &OsStr) -> Result<(), SysError> {
    unlinkat(parent, name, UnlinkatFlags::RemoveDir)
        .map_err(SysError::of("unlinkat", format_args!("{}, AT_REMOVEDIR", escaped(name))))
}

/// Removes `name` of `parent`, which must not be a directory.
pub(crate) fn remove_entry(parent: impl AsFd, name: &OsStr) -> Result<(), SysError> {
    unlinkat(parent, name, UnlinkatFlags::NoRemoveDir).map_err(SysError::of("unlinkat", escaped(name)))
}

/// Whether `name` of `parent` is still the directory that was opened.
pub(crate) fn is_named(directory: impl AsFd, parent: impl AsFd, name: &OsStr) -> Result<bool, Errno> {
    let opened = fstat(directory)?;
    match stat_entry(parent, name) {
        Err(Errno::ENOENT) => Ok(false),
        named => named.map(|named| (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)),
    }
}

/// Opens the file `name` of `parent` to read. `ELOOP` where it is a symlink; a FIFO does not block.
pub(crate) fn open_file(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::empty())
}

/// Opens the file at an absolute path that root has chosen, to read it. It follows symlinks. A FIFO does not block: one
/// that nobody writes to would hold up every login.
pub(crate) fn open_file_at(path: &Path) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY | OFlag::O_CLOEXEC;
    openat(AT_FDCWD, path, flags, Mode::empty())
}

/// Opens the file `name` of `parent` to lock parts of it. A missing one is made with mode 0600.
pub(crate) fn open_to_lock(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_RDWR
        | OFlag::O_CREAT
        | OFlag::O_NOFOLLOW
        | OFlag::O_NONBLOCK
        | OFlag::O_NOCTTY
        | OFlag::O_CLOEXEC;
    openat(parent, name, flags, Mode::from_bits_truncate(0o600))
}

/// Whether it is the root of a mount: statx(2), Linux 5.8.
pub(crate) fn is_mount_root(fd: impl AsFd) -> Result<bool, Errno> {
    let stat = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::empty()).map_err(errno)?;
    Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// What a look-up of a path meets at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Met {
    Symlink,
    /// The root of a mount.
    Mount,
    Other,
}

/// Looks at what is at an absolute path. It follows no symlink at the end, mounts nothing, and asks no server.
pub(crate) fn met(path: &Path) -> Result<Met, Errno> {
    let flags = AtFlags::SYMLINK_NOFOLLOW | AtFlags::NO_AUTOMOUNT | AtFlags::STATX_DONT_SYNC;
    let stat = statx(CWD, path, flags, StatxFlags::TYPE).map_err(errno)?;
    Ok(match SFlag::from_bits_truncate(u32::from(stat.stx_mode) & libc::S_IFMT) {
        SFlag::S_IFLNK => Met::Symlink,
        _ if stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) => Met::Mount,
        _ => Met::Other,
    })
}

/// Opens `name` (one component) of `parent`, whatever it is. A symlink is opened itself.
pub(crate) fn open_entry(parent: impl AsFd, name: &OsStr) -> Result<OwnedFd, Errno> {
    openat(parent, name, OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty())
}

/// Opens what is at an absolute path from the host's configuration, for a stat. It follows symlinks.
pub(crate) fn open_path(path: &Path) -> Result<OwnedFd, Errno> {
    openat(AT_FDCWD, path, OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())
}

/// The target of a symlink opened by [`open_entry`].
pub(crate) fn link_target(link: impl AsFd) -> Result<OsString, Errno> {
    readlinkat(link, "")
}

/// fstat(2), which O_PATH descriptors allow.
pub(crate) fn stat(fd: impl AsFd) -> Result<FileStat, Errno> {
    fstat(fd)
}

/// The same of `name` (one component) of `parent`. A symlink is not followed.
pub(crate) fn stat_entry(parent: impl AsFd, name: &OsStr) -> Result<FileStat, Errno> {
    fstatat(parent, name, nix::fcntl::AtFlags::AT_SYMLINK_NOFOLLOW)
}

/// Whether two descriptors are of the same file or directory, on whichever mounts.
pub(crate) fn is_same(one: impl AsFd, other: impl AsFd) -> Result<bool, Errno> {
    let (one, other) = (fstat(one)?, fstat(other)?);
    Ok((one.st_dev, one.st_ino) == (other.st_dev, other.st_ino))
}

/// Mount, device and inode. No other place in the tree of mounts has the same three.
pub(crate) fn place(fd: impl AsFd) -> Result<(u64, u64, u64), SysError> {
    let wanted = StatxFlags::INO | StatxFlags::MNT_ID;
    let stat = statx(fd, c"", AtFlags::EMPTY_PATH, wanted).map_err(SysError::of("statx", "a directory"))?;
    let device = u64::from(stat.stx_dev_major) << 32 | u64::from(stat.stx_dev_minor);
    Ok((stat.stx_mnt_id, device, stat.stx_ino))
}

/// The number that mountinfo has for the mount on which it was opened: statx(2), Linux 5.8.
pub(crate) fn mount_id(fd: impl AsFd) -> Result<u64, SysError> {
    let stat = statx(fd, c"", AtFlags::EMPTY_PATH, StatxFlags::MNT_ID)
        .map_err(SysError::of("statx", "a directory"))?;
    Ok(stat.stx_mnt_id)
}

/// The type bits of a mode.
pub(crate) fn kind(stat: &FileStat) -> SFlag {
    SFlag::from_bits_truncate(stat.st_mode & libc::S_IFMT)
}

/// Whether it is owned by root and writable by nobody else, as `safely_chroot` in OpenSSH's session.c
/// requires.
pub(crate) fn is_root_controlled(stat: &FileStat) -> bool {
    stat.st_uid == 0 && stat.st_mode & 0o022 == 0
}

/// Makes the directory `path` below `parent`; its mode is subject to the umask.
pub(crate) fn make<P: ?Sized + NixPath + AsRef<OsStr>>(
    parent: impl AsFd,
    path: &P,
    mode: u32,
) -> Result<(), SysError> {
    mkdirat(parent, path, Mode::from_bits_truncate(mode)).map_err(SysError::of("mkdirat", escaped(path)))
}

/// Whether modes, security modules and the mount let this process make something in a directory.
pub(crate) fn writable(directory: impl AsFd) -> Result<(), Errno> {
    accessat(directory, c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty()).map_err(errno)
}

/// Whether its permissions are 0. A setgid bit may come from the parent.
pub(crate) fn is_closed(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstat(fd)?.st_mode & 0o777 == 0)
}

/// Converts rustix's errno to nix's.
fn errno(errno: rustix::io::Errno) -> Errno {
    Errno::from_raw(errno.raw_os_error())
}

/// Opens what is at `path` below `parent` (O_PATH). It never leaves `parent`, and a symlink is an error.
/// `flags` may be O_DIRECTORY.
pub(crate) fn open_below(parent: impl AsFd, path: &Path, flags: OFlag) -> Result<OwnedFd, Errno> {
    let how = OpenHow::new().flags(flags | OFlag::O_PATH | OFlag::O_CLOEXEC).resolve(
        ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS | ResolveFlag::RESOLVE_NO_MAGICLINKS,
    );
    openat2(parent, path, how)
}

/// Makes the file `path` below `parent`, and opens it for writing. It must not exist. Its mode is subject to
/// the umask.
pub(crate) fn make_file<P: ?Sized + NixPath + AsRef<OsStr>>(
    parent: impl AsFd,
    path: &P,
    mode: u32,
) -> Result<OwnedFd, SysError> {
    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    openat(parent, path, flags, Mode::from_bits_truncate(mode)).map_err(SysError::of("openat", escaped(path)))
}

/// Writes the new file `path` below `parent`; its mode, 0644, is subject to the umask.
pub(crate) fn write(parent: impl AsFd, path: &Path, content: &[u8]) -> Result<(), SysError> {
    write_all(make_file(parent, path, 0o644)?, content).map_err(SysError::of("write", escaped(path)))
}

/// Writes all of it into a file, and closes that.
pub(crate) fn write_all(file: OwnedFd, content: &[u8]) -> Result<(), Errno> {
    // Where nothing more could be written, std's error has no errno.
    let written = File::from(file).write_all(content);
    written.map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or(Errno::EIO as i32)))
}

/// Makes a file without a name in a directory, and opens it for writing: O_TMPFILE of open(2). It ends with its
/// descriptor. `EOPNOTSUPP`, or `EISDIR`, where the filesystem has no such files.
pub(crate) fn make_unnamed(directory: impl AsFd) -> Result<OwnedFd, Errno> {
    let flags = OFlag::O_TMPFILE | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    openat(directory, ".", flags, Mode::from_bits_truncate(0o600))
}

/// Writes as many bytes.
pub(crate) fn fill(file: &OwnedFd, bytes: usize) -> Result<(), Errno> {
    let file = file.try_clone().map_err(|error| Errno::from_raw(error.raw_os_error().unwrap_or_default()))?;
    write_all(file, &vec![0; bytes])
}

#[cfg(test)]
mod tests;
