//! Makes only the system calls that the benchmark's jail needs: no checks, no log, no messages. What sftpjail
//! takes beyond this is its own cost.

use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat, openat2};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{Mode, mkdirat};
use nix::unistd::{chdir, write};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MoveMountFlags, OpenTreeFlags, fsconfig_create,
    fsconfig_set_string, fsmount, fsopen, move_mount, open_tree,
};
use std::ffi::CStr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::{fs, io};

/// The files of the jail, read once.
pub(crate) struct Contents {
    passwd: Vec<u8>,
    group: Vec<u8>,
    localtime: Option<Vec<u8>>,
    log: bool,
}

impl Contents {
    /// As large as those of a jail on this host.
    pub(crate) fn of_the_host() -> Self {
        Self {
            passwd: vec![b'x'; 100],
            group: vec![b'x'; 40],
            localtime: fs::read("/etc/localtime").ok(),
            log: Path::new("/dev/log").exists(),
        }
    }
}

/// A jail. It holds the namespace of before.
#[must_use]
pub(crate) struct Opened(OwnedFd);

/// Builds `/jail/<user>` with `home` (`/a/b/c`).
pub(crate) fn open(user: &str, home: &str, contents: &Contents) -> io::Result<Opened> {
    let how = OpenHow::new()
        .flags(OFlag::O_PATH | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_NO_SYMLINKS);
    let home_tree = detached(&openat2(AT_FDCWD, home, how)?)?;
    let log = if contents.log {
        Some(detached(&openat(AT_FDCWD, "/dev/log", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?)?)
    } else {
        None
    };

    let context = fsopen(c"tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("source", "bare"), ("mode", "0700"), ("size", "131072"), ("nr_inodes", "32")] {
        fsconfig_set_string(&context, key, value)?;
    }
    fsconfig_create(&context)?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
        | MountAttrFlags::MOUNT_ATTR_NODEV
        | MountAttrFlags::MOUNT_ATTR_NOEXEC;
    let tmpfs = fsmount(&context, FsMountFlags::FSMOUNT_CLOEXEC, attributes)?;
    let directory =
        |path: &str| mkdirat(&tmpfs, path, Mode::from_bits_truncate(0o755)).map_err(io::Error::from);
    directory(user)?;
    for (end, _) in home[1..].match_indices('/') {
        directory(&format!("{user}/{}", &home[1..=end]))?;
    }
    directory(&format!("{user}{home}"))?;
    directory(&format!("{user}/etc"))?;
    let file = |name: &str, content: &[u8]| {
        let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_CLOEXEC;
        let fd = openat(&tmpfs, format!("{user}/{name}").as_str(), flags, Mode::from_bits_truncate(0o644))?;
        write(&fd, content)?;
        io::Result::Ok(())
    };
    file("etc/passwd", &contents.passwd)?;
    file("etc/group", &contents.group)?;
    if let Some(localtime) = &contents.localtime {
        file("etc/localtime", localtime)?;
    }
    if log.is_some() {
        directory(&format!("{user}/dev"))?;
        file("dev/log", b"")?;
    }

    let host = openat(AT_FDCWD, "/proc/self/ns/mnt", OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())?;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_SLAVE | MsFlags::MS_REC, None::<&str>)?;
    let under = openat(AT_FDCWD, "/jail", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty())?;
    let empty = MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH;
    move_mount(&tmpfs, c"", &under, c"", empty | MoveMountFlags::MOVE_MOUNT_T_EMPTY_PATH)?;
    move_mount(&home_tree, c"", &tmpfs, format!("{user}{home}"), empty)?;
    if let Some(log) = &log {
        move_mount(log, c"", &tmpfs, format!("{user}/dev/log"), empty)?;
    }
    set_attributes(&tmpfs, 0, libc::MOUNT_ATTR_RDONLY, 0)?;
    Ok(Opened(host))
}

impl Opened {
    /// Removes it.
    pub(crate) fn close(self) -> io::Result<()> {
        umount2("/jail", MntFlags::MNT_DETACH)?;
        setns(&self.0, CloneFlags::CLONE_NEWNS)?;
        chdir("/")?;
        Ok(())
    }
}

fn detached(source: &OwnedFd) -> io::Result<OwnedFd> {
    let flags = OpenTreeFlags::OPEN_TREE_CLONE
        | OpenTreeFlags::OPEN_TREE_CLOEXEC
        | OpenTreeFlags::AT_EMPTY_PATH
        | OpenTreeFlags::AT_RECURSIVE;
    let tree = open_tree(source, c"", flags)?;
    let hardened = libc::MOUNT_ATTR_NOSUID | libc::MOUNT_ATTR_NODEV | libc::MOUNT_ATTR_NOEXEC;
    set_attributes(&tree, libc::AT_RECURSIVE, hardened, libc::MS_SLAVE)?;
    Ok(tree)
}

fn set_attributes(mount: impl AsFd, flags: i32, set: u64, propagation: u64) -> io::Result<()> {
    let attr: [u64; 4] = [set, 0, propagation, 0];
    let path: &CStr = c"";
    // SAFETY: mount_setattr(2) reads a C string and a `struct mount_attr` of four u64.
    let result = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            mount.as_fd().as_raw_fd(),
            path.as_ptr(),
            flags | libc::AT_EMPTY_PATH,
            attr.as_ptr(),
            size_of_val(&attr),
        )
    };
    nix::errno::Errno::result(result)?;
    Ok(())
}
