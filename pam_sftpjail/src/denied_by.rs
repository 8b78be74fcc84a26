//! What denied access to a directory. Permissions do not stop root, but a filesystem's own rules may.
#![forbid(unsafe_code)]

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
    /// Something else: an LSM, or the permissions if the process is not root.
    Other,
}

impl DeniedBy {
    /// `directory`: the one that could not be entered or read. A FUSE mount reports its type to everybody
    /// (`fuse_statfs` in the kernel's fs/fuse/inode.c).
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
                "find what keeps root out: the filesystem's own rules, SELinux or AppArmor (dmesg, ausearch -m avc)"
            }
        }
    }
}

impl Display for DeniedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Fuse => "it is on a FUSE filesystem, which admits only the user who mounted it",
            Self::Nfs => "it is on an NFS filesystem, whose server treats root as nobody",
            Self::Other => "permission denied",
        })
    }
}
