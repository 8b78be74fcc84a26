//! The mount API of Linux 5.2 to 5.12. Trees are cloned and get their attributes while they are detached;
//! they are attached last.

use super::SysError;
use crate::escape::escaped;
use nix::errno::Errno;
use nix::mount::{MntFlags, umount2};
use nix::sys::statfs::{AUTOFS_SUPER_MAGIC, TMPFS_MAGIC, fstatfs};
use nix::sys::statvfs::{FsFlags, fstatvfs};
use rustix::fs::CWD;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// linux/mount.h, since Linux 7.0: `#define OPEN_TREE_NAMESPACE (1 << 1) /* Clone the target tree into a new mount
/// namespace */`.
const OPEN_TREE_NAMESPACE: OpenTreeFlags = OpenTreeFlags::from_bits_retain(1 << 1);

/// No file may be executed, no device opened, and no setuid bit counts.
const HARDENED: u64 = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;

/// Clones the directory or file `source`, with everything mounted below it, as a detached tree. If the
/// descriptor is closed before the tree is attached, the tree is gone.
pub(crate) fn clone_tree(source: BorrowedFd<'_>, what: &Path) -> Result<OwnedFd, SysError> {
    clone(source, OpenTreeFlags::AT_RECURSIVE, what)
}

/// The same, without what is mounted below it.
pub(crate) fn clone_mount(source: BorrowedFd<'_>, what: &Path) -> Result<OwnedFd, SysError> {
    clone(source, OpenTreeFlags::empty(), what)
}

fn clone(source: BorrowedFd<'_>, how_far: OpenTreeFlags, what: &Path) -> Result<OwnedFd, SysError> {
    let flags =
        OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC | OpenTreeFlags::AT_EMPTY_PATH;
    open_tree(source, c"", flags | how_far).map_err(SysError::of("open_tree", escaped(what)))
}

/// Makes a mount namespace whose only mount is a clone of the one at `/`. The two are peers: what is mounted on one
/// appears on the other. EINVAL: the kernel is older than Linux 7.0.
pub(crate) fn namespace_of_root() -> Result<OwnedFd, SysError> {
    open_tree(CWD, c"/", OPEN_TREE_NAMESPACE | OpenTreeFlags::OPEN_TREE_CLOEXEC)
        .map_err(SysError::of("open_tree", "/, OPEN_TREE_NAMESPACE"))
}

/// Makes a whole detached tree a slave: what the host mounts on it appears in it, and not the other way round.
pub(crate) fn make_slave(tree: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    set_attributes(tree, libc::AT_RECURSIVE, 0, libc::MS_SLAVE, 0)
        .map_err(SysError::of("mount_setattr", format_args!("{}, MS_SLAVE", escaped(what))))
}

/// Hardens a whole detached tree: nosuid, nodev, noexec.
///
/// A writable tree becomes a slave of the host's: later mounts of the host below it appear in it. A
/// read-only tree gets no later mounts, because they would be writable.
pub(crate) fn harden(tree: BorrowedFd<'_>, read_only: bool, what: &Path) -> Result<(), SysError> {
    let (attributes, propagation) = if read_only {
        (HARDENED | libc::MOUNT_ATTR_RDONLY, libc::MS_PRIVATE)
    } else {
        (HARDENED, libc::MS_SLAVE)
    };
    set_attributes(tree, libc::AT_RECURSIVE, attributes, propagation, 0)
        .map_err(SysError::of("mount_setattr", escaped(what)))
}

/// Shows the ids of a whole detached tree as a user namespace maps them. EINVAL: one of its filesystems cannot.
pub(crate) fn map_ids(tree: BorrowedFd<'_>, namespace: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    let namespace = u64::from(namespace.as_raw_fd().unsigned_abs());
    set_attributes(tree, libc::AT_RECURSIVE, libc::MOUNT_ATTR_IDMAP, 0, namespace)
        .map_err(SysError::of("mount_setattr", format_args!("{}, MOUNT_ATTR_IDMAP", escaped(what))))
}

/// Makes one mount read-only. Mounts below it stay as they are.
pub(crate) fn seal(mount: BorrowedFd<'_>) -> Result<(), SysError> {
    set_attributes(mount, 0, libc::MOUNT_ATTR_RDONLY, 0, 0)
        .map_err(SysError::of("mount_setattr", "tmpfs, rdonly"))
}

/// Removes one mount from its peer group. Mounts below it then appear in no other namespace.
pub(crate) fn make_private(mount: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    set_attributes(mount, 0, 0, libc::MS_PRIVATE, 0)
        .map_err(SysError::of("mount_setattr", format_args!("{}, MS_PRIVATE", escaped(what))))
}

/// Whether it belongs to autofs, which means that nothing is mounted there now.
pub(crate) fn is_autofs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatfs(fd)?.filesystem_type() == AUTOFS_SUPER_MAGIC)
}

/// Whether it is on a tmpfs.
pub(crate) fn is_tmpfs(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatfs(fd)?.filesystem_type() == TMPFS_MAGIC)
}

/// Whether it was opened on a read-only mount.
pub(crate) fn is_read_only(fd: impl AsFd) -> Result<bool, Errno> {
    Ok(fstatvfs(fd)?.flags().contains(FsFlags::ST_RDONLY))
}

/// Makes a detached tmpfs of `size` bytes and `inodes` inodes (0: no limit). Its root is owned by root and
/// has `mode`, in octal digits.
pub(crate) fn tmpfs(size: u64, inodes: u64, mode: &str) -> Result<OwnedFd, SysError> {
    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC).map_err(SysError::of("fsopen", "tmpfs"))?;
    for (key, value) in [
        ("source", "sftpjail"),
        ("mode", mode),
        ("size", &size.to_string()),
        ("nr_inodes", &inodes.to_string()),
    ] {
        fsconfig_set_string(&context, key, value)
            .map_err(SysError::of("fsconfig", format_args!("tmpfs, {key}={value}")))?;
    }
    fsconfig_create(&context).map_err(SysError::of("fsconfig", "tmpfs, create"))?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes).map_err(SysError::of("fsmount", "tmpfs"))
}

/// Attaches a detached tree at `path` below `parent`. Nobody but this process may be able to change what is on the way:
/// only at the end, a symlink is not followed.
pub(crate) fn attach_at(tree: BorrowedFd<'_>, parent: BorrowedFd<'_>, path: &Path) -> Result<(), SysError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(tree, c"", parent, path, flags).map_err(SysError::of("move_mount", escaped(path)))
}

/// Attaches a detached tree to the file or directory `target`. No path is resolved.
pub(crate) fn attach(tree: BorrowedFd<'_>, target: BorrowedFd<'_>, what: &Path) -> Result<(), SysError> {
    let flags = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH;
    move_mount(tree, c"", target, c"", flags).map_err(SysError::of("move_mount", escaped(what)))
}

/// Unmounts what is at `target` from the namespace. Processes that use it keep it until they end.
pub(crate) fn detach(target: &Path) -> Result<(), SysError> {
    umount2(target, MntFlags::MNT_DETACH | MntFlags::UMOUNT_NOFOLLOW)
        .map_err(SysError::of("umount2", escaped(target)))
}

/// Unmounts what is at `target`. EBUSY: a process or another mount uses it.
pub(crate) fn unmount(target: &Path) -> Result<(), SysError> {
    umount2(target, MntFlags::UMOUNT_NOFOLLOW).map_err(SysError::of("umount2", escaped(target)))
}

/// `struct mount_attr` of linux/mount.h.
#[repr(C)]
struct MountAttr {
    attr_set: u64,
    attr_clr: u64,
    propagation: u64,
    userns_fd: u64,
}

fn set_attributes(
    mount: BorrowedFd<'_>,
    flags: i32,
    set: u64,
    propagation: u64,
    namespace: u64,
) -> Result<(), Errno> {
    let attr = MountAttr { attr_set: set, attr_clr: 0, propagation, userns_fd: namespace };
    let (fd, flags) = (mount.as_raw_fd(), flags | libc::AT_EMPTY_PATH);
    let (pointer, size) = (std::ptr::from_ref(&attr), size_of::<MountAttr>());
    // SAFETY: the call reads a C string and `size` bytes at `pointer`, which are a whole MountAttr that outlives the
    // call; it writes nothing.
    let result = unsafe { libc::syscall(libc::SYS_mount_setattr, fd, c"".as_ptr(), flags, pointer, size) };
    Errno::result(result).map(drop)
}
