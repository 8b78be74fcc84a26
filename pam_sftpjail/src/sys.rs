//! Wraps system calls, with errors that show the arguments. Nothing here knows what a jail is.
//!
//! The only `unsafe` code of the crate besides the `pam` module is here: for mount_setattr(2),
//! sigpending(2), sigtimedwait(2) and seccomp(2), which neither nix nor rustix has, for calls with arguments that no
//! wrapper passes on, for look-ups in NSS, where nix gives up too early, for pthread_sigmask(3), whose errors it does not
//! see, for forks, and for clone(2).

pub(crate) mod attribute;
pub(crate) mod directory;
pub(crate) mod fork;
pub(crate) mod identity;
pub(crate) mod idmap;
pub(crate) mod lock;
pub(crate) mod mount;
pub(crate) mod mount_table;
pub(crate) mod namespace;
pub(crate) mod needed;
pub(crate) mod new_directory;
pub(crate) mod nss;
pub(crate) mod process;
pub(crate) mod safe_writes;
pub(crate) mod seccomp;
pub(crate) mod signal_mask;
pub(crate) mod umask;

use crate::denied_by::DeniedBy;
use crate::lsm::Lsm;
use nix::errno::Errno;
use std::fmt::Display;
use thiserror::Error;

/// A system call that failed.
#[derive(Debug, Error)]
#[error("{call}({arguments}): {}", errno.desc())]
pub struct SysError {
    call: &'static str,
    /// For people, and escaped. For a descriptor, it is what was opened.
    arguments: String,
    pub(crate) errno: Errno,
}

/// What an admin can do if the process has reached a limit of its own. `None`: the error has another cause.
pub(crate) fn limit_fix(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM => {
            Some("raise the service's limits on descriptors and memory")
        }
        Errno::EFBIG => Some(
            "let the service write files: see LimitFSIZE= in its unit and `fsize` in /etc/security/limits.conf; the module can exceed these only with CAP_SYS_RESOURCE",
        ),
        _ => None,
    }
}

/// What an admin can do if the process has reached a limit of its own, or if a security module may have denied it what
/// root may do. `None`: the error has another cause.
pub(crate) fn process_fix(errno: Errno) -> Option<&'static str> {
    match errno {
        Errno::EACCES => Lsm::here().map(Lsm::fix),
        errno => limit_fix(errno),
    }
}

/// What an admin can do if root cannot access a file or directory.
pub(crate) fn access_fix(errno: Errno) -> &'static str {
    process_fix(errno).unwrap_or("make sure that root can access it")
}

impl SysError {
    /// What an admin can do about it.
    pub fn fix(&self) -> &'static str {
        match self.errno {
            Errno::EPERM | Errno::EOPNOTSUPP if self.call == "fsetxattr" => {
                "set namespace = \"private\": this kernel or container allows no trusted attribute on a tmpfs"
            }
            // A security module answers EPERM where it denies a capability.
            Errno::EPERM | Errno::EACCES if self.is_of_mounts() => Lsm::here().map_or(
                "let the service mount: it needs CAP_SYS_ADMIN and CAP_SYS_CHROOT, and no seccomp filter may forbid it",
                Lsm::fix,
            ),
            Errno::EINVAL if self.call == "setns" => {
                "set namespace = \"host\", which needs no setns(2); another module of the PAM stack may prevent that call"
            }
            Errno::EPERM | Errno::EACCES => DeniedBy::process().fix(),
            Errno::ENOSYS => {
                "see whether the kernel is older than Linux 5.12 (uname -r), and otherwise let the process make that call: a seccomp filter forbids it"
            }
            Errno::ENOSPC if self.is_of_mounts() => {
                "raise sysctl user.max_mnt_namespaces or fs.mount-max, or free memory"
            }
            Errno::ENOSPC | Errno::EDQUOT => "make room on that filesystem: space, inodes and root's quota",
            Errno::EROFS => "mount that filesystem writable: it is mounted read-only",
            errno => process_fix(errno).unwrap_or("see what the kernel says about it: dmesg"),
        }
    }

    /// The system call.
    pub(crate) fn call(&self) -> &'static str {
        self.call
    }

    /// Whether the call is about mounts and namespaces, and not about files and directories.
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

    /// Wraps an error of `call`; for `map_err`. The arguments become text only if there is an error: a login makes a
    /// hundred calls that succeed.
    pub(crate) fn of<E: Into<std::io::Error>>(
        call: &'static str,
        arguments: impl Display,
    ) -> impl FnOnce(E) -> Self {
        move |error| Self {
            call,
            arguments: arguments.to_string(),
            errno: Errno::from_raw(error.into().raw_os_error().unwrap_or(Errno::EINVAL as i32)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_error_has_the_fix_of_its_cause() {
        let fix = |call, errno: Errno| SysError::of(call, "")(errno).fix();
        assert!(fix("fsetxattr", Errno::EPERM).starts_with("set namespace = \"private\""));
        assert!(fix("fsetxattr", Errno::EOPNOTSUPP).starts_with("set namespace = \"private\""));
        assert!(fix("setns", Errno::EINVAL).starts_with("set namespace = \"host\""));
        assert_eq!(fix("open_tree", Errno::EINVAL), "see what the kernel says about it: dmesg");
        assert!(fix("openat", Errno::ENOSYS).contains("uname -r"));
        assert!(fix("unshare", Errno::ENOSPC).contains("user.max_mnt_namespaces"));
        assert!(fix("mkdirat", Errno::ENOSPC).starts_with("make room"));
        assert!(fix("mkdirat", Errno::EDQUOT).starts_with("make room"));
        assert!(fix("mkdirat", Errno::EROFS).starts_with("mount that filesystem writable"));
        for limit in [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM] {
            assert_eq!(fix("openat", limit), "raise the service's limits on descriptors and memory");
        }
        assert!(fix("write", Errno::EFBIG).contains("LimitFSIZE="));
        assert_eq!(fix("openat", Errno::EIO), "see what the kernel says about it: dmesg");
        assert_eq!(fix("openat", Errno::EPERM), DeniedBy::process().fix());
    }

    #[test]
    fn what_a_security_module_denies_is_told_from_other_errors() {
        let mount = SysError::of("mount", "")(Errno::EPERM);
        let capabilities = "let the service mount: it needs CAP_SYS_ADMIN";
        // As where the test runs.
        match Lsm::here() {
            Some(lsm) => assert_eq!([mount.fix(), access_fix(Errno::EACCES)], [lsm.fix(); 2]),
            None => {
                assert!(mount.fix().starts_with(capabilities));
                assert_eq!(access_fix(Errno::EACCES), "make sure that root can access it");
            }
        }
        assert_eq!(process_fix(Errno::EACCES), Lsm::here().map(Lsm::fix));
        assert_eq!(process_fix(Errno::EMFILE), limit_fix(Errno::EMFILE));
        assert_eq!([process_fix(Errno::EIO), limit_fix(Errno::EIO)], [None; 2]);
        assert_eq!(access_fix(Errno::EIO), "make sure that root can access it");
    }
}
