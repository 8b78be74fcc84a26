//! What denied access to a directory. Permissions do not stop root, but a filesystem's own rules may.
#![forbid(unsafe_code)]

use crate::lsm::{Lsm, is_selinux_enforcing};
use nix::sys::statfs::{FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC, fstatfs};
use nix::unistd::geteuid;
use std::fmt::{self, Display};
use std::os::fd::AsFd;

/// What answered EACCES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// A user mounted it without allow_root or allow_other: mount.fuse3(8).
    Fuse,
    /// The server maps root to nobody: root_squash of exports(5).
    Nfs,
    /// A security module, probably: it confines this process, and permissions do not stop root.
    Lsm(Lsm),
    /// Something else: the filesystem's own rules, or the permissions if the process is not root.
    Other,
}

impl DeniedBy {
    /// `directory`: the one that could not be entered or read. A FUSE mount reports its type to everybody
    /// (`fuse_statfs` in the kernel's fs/fuse/inode.c).
    pub(crate) fn of(directory: impl AsFd) -> Self {
        match fstatfs(directory).map(|stat| stat.filesystem_type()) {
            Ok(FUSE_SUPER_MAGIC) => Self::Fuse,
            Ok(NFS_SUPER_MAGIC) => Self::Nfs,
            _ => Self::process(),
        }
    }

    /// For a file or directory of the host's own, where no filesystem stops root.
    pub fn process() -> Self {
        Lsm::here().map_or(Self::Other, Self::Lsm)
    }

    /// What an admin can do about it.
    pub fn fix(self) -> &'static str {
        match self {
            _ if !geteuid().is_root() => "run this as root",
            Self::Fuse => {
                "let root into that FUSE mount: mount it with the option allow_root or allow_other, which users may do where /etc/fuse.conf says user_allow_other"
            }
            Self::Nfs if is_selinux_enforcing() => {
                "let root into that export: no_root_squash on the NFS server, or search permission for others (chmod o+x) on the directory; SELinux may deny it as well, unless its boolean use_nfs_home_dirs is on"
            }
            Self::Nfs => {
                "let root into that export: no_root_squash on the NFS server, or search permission for others (chmod o+x) on the directory"
            }
            Self::Lsm(lsm) => lsm.fix(),
            Self::Other => {
                "find what keeps root out: the filesystem's own rules, or a missing capability (dmesg)"
            }
        }
    }
}

impl Display for DeniedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuse => "it is on a FUSE filesystem, which admits only the user who mounted it",
            Self::Nfs => "it is on an NFS filesystem, whose server treats root as nobody",
            Self::Lsm(lsm) => lsm.evidence(),
            Self::Other => "permission denied",
        })
    }
}
