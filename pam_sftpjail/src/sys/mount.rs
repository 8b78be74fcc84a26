//! The mount API of Linux 5.2 to 5.12: trees are cloned and given their attributes while they are
//! detached, and attached last.

use super::SysError;
use crate::escape::escaped;
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::statfs::{AUTOFS_SUPER_MAGIC, TMPFS_MAGIC, fstatfs};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// Nothing below may be executed, be a device, or change who somebody is.
const HARDENED: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;

/// Clones the mount tree whose root is `source`, with everything mounted below it, as a detached
/// tree. It dissolves when the descriptor is closed unattached.
pub(crate) fn clone_tree(source: BorrowedFd<'_>, what: &Path) -> Result<OwnedFd, SysError> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    open_tree(source, c"", flags).map_err(SysError::of("open_tree", escaped(what).to_string()))
}

/// Hardens a whole detached tree: nosuid, nodev, noexec.
///
/// Writable, it is a slave of the host's: what the host mounts below it later appears inside. A
/// read-only one takes no later mounts, because they would arrive writable.
pub(crate) fn harden(tree: BorrowedFd<'_>, read_only: bool, what: &Path) -> Result<(), SysError> {
    let (attributes, propagation) = if read_only {
        (HARDENED | libc::MOUNT_ATTR_RDONLY, libc::MS_PRIVATE)
    } else {
        (HARDENED, libc::MS_SLAVE)
    };
    set_attributes(tree, libc::AT_RECURSIVE, attributes, propagation)
        .map_err(SysError::of("mount_setattr", escaped(what).to_string()))
}

/// Makes one mount read-only; those below it stay as they are.
pub(crate) fn seal(mount: BorrowedFd<'_>) -> Result<(), SysError> {
    set_attributes(mount, 0, libc::MOUNT_ATTR_RDONLY, 0)
        .map_err(SysError::of("mount_setattr", "tmpfs, rdonly"))
}

/// Whether mount_setattr(2), the youngest call that a jail needs, can be made.
pub(crate) fn is_supported() -> Result<(), Errno> {
    match mount_setattr(libc::AT_FDCWD, 0, None) {
        // What a kernel that has the call says of a size of 0, before it asks who is calling.
        Ok(()) | Err(Errno::EINVAL) => Ok(()),
        Err(errno) => Err(errno),
    }
}

/// Takes one mount out of its peer group: mounts made in it are seen in no other namespace.
pub(crate) fn make_private(mount: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    set_attributes(mount, 0, 0, libc::MS_PRIVATE)
        .map_err(SysError::of("mount_setattr", format!("{}, MS_PRIVATE", escaped(what))))
}

/// Whether that is a mount point, or a directory, of autofs, on which nothing is mounted now.
pub(crate) fn is_autofs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatfs(fd)?.filesystem_type() == AUTOFS_SUPER_MAGIC)
}

/// Whether that is of a tmpfs.
pub(crate) fn is_tmpfs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatfs(fd)?.filesystem_type() == TMPFS_MAGIC)
}

/// Whether nothing can be written by way of that mount.
pub(crate) fn is_read_only(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatvfs(fd)?.flags().contains(FsFlags::ST_RDONLY))
}

/// A tmpfs of `size` bytes and `inodes` inodes (0: any number), detached; its root belongs to root and has `mode`, in
/// octal digits.
pub(crate) fn tmpfs(size: u64, inodes: u64, mode: &str) -> Result<OwnedFd, SysError> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(SysError::of("fsopen", "tmpfs"))?;
    for (key, value) in [
        ("source", "sftpjail"),
        ("mode", mode),
        ("size", &size.to_string()),
        ("nr_inodes", &inodes.to_string()),
    ] {
        fsconfig_set_string(&context, key, value)
            .map_err(SysError::of("fsconfig", format!("tmpfs, {key}={value}")))?;
    }
    fsconfig_create(&context).map_err(SysError::of("fsconfig", "tmpfs, create"))?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(SysError::of("fsmount", "tmpfs"))
}

/// Attaches a detached tree to what `target` is a descriptor of; no path is resolved.
pub(crate) fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", target, c"", flags).map_err(SysError::of("move_mount", escaped(what).to_string()))
}

/// Takes the mount at `target` out of the namespace; whoever is in it keeps it until he goes.
pub(crate) fn detach(target: &Path) -> Result<(), SysError> {
    umount2(target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
        .map_err(SysError::of("umount2", escaped(target).to_string()))
}

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

fn set_attributes(mount: BorrowedFd<'_>, flags: i32, set: u64, propagation: u64) -> Result<(), Errno> {
    let attr = MountAttr { attr_set: set, attr_clr: 0, propagation, userns_fd: 0 };
    mount_setattr(mount.as_raw_fd(), flags | libc::AT_EMPTY_PATH, Some(&attr))
}

/// mount_setattr(2) on a descriptor; without `attr`, with a size of 0.
fn mount_setattr(fd: i32, flags: i32, attr: Option<&MountAttr>) -> Result<(), Errno> {
    let (pointer, size) =
        attr.map_or((std::ptr::null(), 0), |attr| (std::ptr::from_ref(attr), size_of::<MountAttr>()));
    // SAFETY: the call reads a C string and `size` bytes at `pointer`, which is either null with
    // size 0 or a whole MountAttr that outlives the call; it writes nothing.
    let result = unsafe { libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, pointer, size) };
    Errno::result(result).map(drop)
}
