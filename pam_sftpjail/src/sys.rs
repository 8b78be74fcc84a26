//! System calls: one wrapper each, with an error that prints the arguments.
//!
//! The only `unsafe` of the crate besides [`crate::pam`] is here, for mount_setattr(2), sigpending(2) and
//! sigtimedwait(2), which neither nix nor rustix has, and for look-ups in NSS, where nix gives up early.

pub(crate) mod attribute;
pub(crate) mod directory;
pub(crate) mod identity;
pub(crate) mod lock;
pub(crate) mod mount;
pub(crate) mod mount_table;
pub(crate) mod namespace;
pub(crate) mod nss;
pub(crate) mod safe_writes;
pub(crate) mod umask;

use crate::denied_by::DeniedBy;
use nix::errno::Errno;
use thiserror::Error;

/// A system call that failed.
#[derive(Debug, Error)]
#[error("{call}({arguments}): {}", errno.desc())]
pub struct SysError {
    call: &'static str,
    /// For people: escaped, and descriptors by what they refer to.
    arguments: String,
    pub(crate) errno: Errno,
}

/// What an admin can do where the process, and not the file or the user, has run into a limit.
pub(crate) fn limit_fix(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => {
            Some("see the service's limits on descriptors and memory")
        }
        Errno::EFBIG => Some(
            "let the service write files: see LimitFSIZE= in its unit and `fsize` in /etc/security/limits.conf, which root lifts for itself only with CAP_SYS_RESOURCE",
        ),
        _ => None,
    }
}

impl SysError {
    /// What an admin can do about it.
    pub fn fix(&self) -> &'static str {
        match self.errno {
            Errno::EPERM | Errno::EOPNOTSUPP if self.call == "fsetxattr" => {
                "say namespace = \"private\": this kernel or container lets a tmpfs have no trusted attribute"
            }
            Errno::EPERM | Errno::EACCES if self.is_of_mounts() => {
                "let the service mount: it needs CAP_SYS_ADMIN, CAP_SYS_CHROOT and no seccomp, SELinux or AppArmor rule against it"
            }
            Errno::EINVAL if self.call == "setns" => {
                "say namespace = \"host\", which needs no setns(2); a module of the PAM stack may keep the service from it"
            }
            Errno::EPERM | Errno::EACCES => DeniedBy::Other.fix(),
            Errno::ENOSPC if self.is_of_mounts() => {
                "see sysctl user.max_mnt_namespaces, fs.mount-max and the memory that is left"
            }
            Errno::ENOSPC | Errno::EDQUOT => "make room on that filesystem: space, inodes and root's quota",
            Errno::EROFS => "let root write there: that filesystem is mounted read-only",
            errno => limit_fix(errno).unwrap_or("see what the kernel says of it: dmesg"),
        }
    }

    /// Whether the call is one of mounts and namespaces, and not of files and directories.
    fn is_of_mounts(&self) -> bool {
        const CALLS: [&str; 11] = [
            "chroot",
            "fsconfig",
            "fsmount",
            "fsopen",
            "mount",
            "mount_setattr",
            "move_mount",
            "open_tree",
            "setns",
            "umount2",
            "unshare",
        ];
        CALLS.contains(&self.call)
    }

    /// Wraps the error of `call`, for use with `map_err`.
    pub(crate) fn of<E: Into<std::io::Error>>(
        call: &'static str,
        arguments: impl Into<String>,
    ) -> impl FnOnce(E) -> Self {
        let arguments = arguments.into();
        move |error| Self {
            call,
            arguments,
            errno: Errno::from_raw(error.into().raw_os_error().unwrap_or(Errno::EINVAL as i32)),
        }
    }
}
