//! Who keeps root out of a directory: permissions do not, but a filesystem's own rules may.
#![forbid(unsafe_code)]

use nix::sys::statfs::{FUSE_SUPER_MAGIC, NFS_SUPER_MAGIC, fstatfs};
use nix::unistd::geteuid;
use std::os::fd::AsFd;

/// What answered EACCES.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeniedBy {
    /// Mounted by a user who lets nobody else in: allow_root and allow_other of mount.fuse3(8).
    Fuse,
    /// root_squash of exports(5): root is nobody there.
    Nfs,
    /// An LSM, for example, or the permissions, for who is not root.
    Other,
}

impl DeniedBy {
    /// Of the directory that could not be entered, or looked at. A FUSE mount tells its type to anybody:
    /// `fuse_statfs` in the kernel's fs/fuse/inode.c.
    pub(crate) fn of(directory: impl AsFd) -> Self {
        match fstatfs(directory).map(|stat| stat.filesystem_type()) {
            Ok(FUSE_SUPER_MAGIC) => Self::Fuse,
            Ok(NFS_SUPER_MAGIC) => Self::Nfs,
            _ => Self::Other,
        }
    }

    /// What an admin can do about it.
    pub(crate) fn fix(self) -> &'static str {
        match self {
            _ if !geteuid().is_root() => "run this as root",
            Self::Fuse => {
                "let root into that FUSE mount: mount it with the option allow_root or allow_other, which users may do where /etc/fuse.conf says user_allow_other"
            }
            Self::Nfs => {
                "let root into that export: no_root_squash on the NFS server, or search permission for others (chmod o+x) on the directory"
            }
            Self::Other => {
                "see what keeps root out: the filesystem's own rules, SELinux or AppArmor (dmesg, ausearch -m avc)"
            }
        }
    }
}
