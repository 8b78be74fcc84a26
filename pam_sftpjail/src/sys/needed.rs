//! Tries whether the kernel answers the system calls without which no jail is built. It makes each with arguments that
//! the kernel refuses, so nothing is changed.
//!
//! Most of them are needed in the session phase only, where nobody can be told why a login is refused. So the account
//! phase tries them. Together they take 2 µs.
//!
//! A kernel that is too old answers ENOSYS. So does many a seccomp filter: that of systemd's RestrictSUIDSGID= for
//! openat2(2), and those of container managers for calls that they do not know. What the admin has to do is not the
//! same.

use crate::sys::process_fix;
use nix::errno::Errno;
use nix::sys::utsname::uname;
use std::fs;
use thiserror::Error;

/// A call with arguments that every kernel refuses.
struct Call {
    name: &'static str,
    number: libc::c_long,
    arguments: [libc::c_long; 5],
    /// Whether the kernel asks for CAP_SYS_ADMIN before it looks at the arguments. Who lacks that gets the answer when
    /// the jail is built.
    asks_first: bool,
    /// The first release of Linux that has it, for its use here.
    since: (u32, u32),
}

/// Null, no flags, or a structure of size 0.
const NONE: libc::c_long = 0;

/// All flags, also those that no kernel knows.
const ALL: libc::c_long = 0x7fff_ffff;

/// In the order of the kernel's history, so that the first that an old kernel lacks is named; mount_setattr(2) is last.
const EVERYWHERE: [Call; 8] = [
    // The mask has a reserved bit, and there is no path.
    Call {
        name: "statx",
        number: libc::SYS_statx,
        arguments: [-1, NONE, NONE, libc::STATX__RESERVED as _, NONE],
        asks_first: false,
        since: (4, 11),
    },
    Call {
        name: "open_tree",
        number: libc::SYS_open_tree,
        arguments: [-1, NONE, ALL, NONE, NONE],
        asks_first: false,
        since: (5, 2),
    },
    Call {
        name: "move_mount",
        number: libc::SYS_move_mount,
        arguments: [-1, NONE, -1, NONE, ALL],
        asks_first: true,
        since: (5, 2),
    },
    Call {
        name: "fsopen",
        number: libc::SYS_fsopen,
        arguments: [NONE, ALL, NONE, NONE, NONE],
        asks_first: true,
        since: (5, 2),
    },
    Call {
        name: "fsconfig",
        number: libc::SYS_fsconfig,
        arguments: [-1, NONE, NONE, NONE, NONE],
        asks_first: false,
        since: (5, 2),
    },
    Call {
        name: "fsmount",
        number: libc::SYS_fsmount,
        arguments: [-1, ALL, NONE, NONE, NONE],
        asks_first: true,
        since: (5, 2),
    },
    Call {
        name: "openat2",
        number: libc::SYS_openat2,
        arguments: [-1, NONE, NONE, NONE, NONE],
        asks_first: false,
        since: (5, 6),
    },
    Call {
        name: "mount_setattr",
        number: libc::SYS_mount_setattr,
        arguments: [-1, NONE, NONE, NONE, NONE],
        asks_first: false,
        since: (5, 12),
    },
];

/// Only for a mount namespace of the session's own. RestrictNamespaces= of systemd looks at the flags.
const FOR_A_NAMESPACE: [Call; 2] = [
    Call {
        name: "setns",
        number: libc::SYS_setns,
        arguments: [-1, libc::CLONE_NEWNS as _, NONE, NONE, NONE],
        asks_first: false,
        since: (3, 8),
    },
    // The lowest bits are a signal for clone(2), and nothing to unshare.
    Call {
        name: "unshare",
        number: libc::SYS_unshare,
        arguments: [(libc::CLONE_NEWNS | 0x7f) as _, NONE, NONE, NONE, NONE],
        asks_first: false,
        since: (2, 6),
    },
];

/// A system call that cannot be made.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{}", self.sentence())]
pub struct Uncallable {
    call: &'static str,
    errno: Errno,
    reason: Reason,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Reason {
    /// The kernel is older than the call.
    Old { release: String },
    /// A seccomp filter of this process answers in the kernel's place.
    Filter,
    /// Neither: a kernel that leaves the call out, or what stands for a kernel.
    Unknown { release: String },
}

/// Tries all that are needed. `has_namespace`: whether the jail is to be in a mount namespace of its own.
pub(crate) fn all(has_namespace: bool) -> Result<(), Uncallable> {
    let more: &[Call] = if has_namespace { &FOR_A_NAMESPACE } else { &[] };
    EVERYWHERE.iter().chain(more).try_for_each(Call::try_it)
}

impl Call {
    fn try_it(&self) -> Result<(), Uncallable> {
        match self.answer() {
            Err(errno) if self.is_barred(errno) => Err(self.uncallable(errno, is_filtered())),
            _ => Ok(()),
        }
    }

    fn answer(&self) -> Result<libc::c_long, Errno> {
        let [a, b, c, d, e] = self.arguments;
        // SAFETY: every pointer among the arguments is null, and every descriptor is none. The kernel refuses each call
        // of the tables for its arguments, before it reads or writes memory or changes anything.
        Errno::result(unsafe { libc::syscall(self.number, a, b, c, d, e, NONE) })
    }

    /// Whether this answer says that the call cannot be made. Any other is about the arguments: which of them a kernel
    /// looks at first is its own affair, and a later one that does otherwise must not lock all members out.
    fn is_barred(&self, errno: Errno) -> bool {
        match errno {
            Errno::ENOSYS => true,
            Errno::EPERM | Errno::EACCES => !self.asks_first,
            _ => false,
        }
    }

    /// `is_filtered`: whether this process has seccomp filters; `None` if that is unknown.
    fn uncallable(&self, errno: Errno, is_filtered: Option<bool>) -> Uncallable {
        let release = uname()
            .map_or_else(|_| "Linux".to_owned(), |names| names.release().to_string_lossy().into_owned());
        let is_old = version(&release).is_some_and(|version| version < self.since);
        let reason = match (errno, is_old, is_filtered) {
            (Errno::ENOSYS, true, _) => Reason::Old { release },
            (_, _, Some(true) | None) => Reason::Filter,
            (_, _, Some(false)) => Reason::Unknown { release },
        };
        Uncallable { call: self.name, errno, reason }
    }
}

/// The first two numbers of a release, such as `6.1.0-28-amd64`.
fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Whether this thread has seccomp filters: proc_pid_status(5).
fn is_filtered() -> Option<bool> {
    let status = fs::read_to_string("/proc/thread-self/status").ok()?;
    let mode = status.lines().find_map(|line| line.strip_prefix("Seccomp:"))?.trim();
    Some(mode != "0")
}

impl Uncallable {
    fn sentence(&self) -> String {
        let Self { call, errno, reason } = self;
        match reason {
            Reason::Old { release } => {
                format!("this kernel is too old for jails: Linux {release} has no {call}(2)")
            }
            Reason::Filter => {
                format!("a seccomp filter forbids {call}(2), which jails need: {}", errno.desc())
            }
            Reason::Unknown { release } => {
                format!("{call}(2), which jails need, cannot be called on Linux {release}: {}", errno.desc())
            }
        }
    }

    /// What follows for a member, in a clause.
    pub fn consequence(&self) -> &'static str {
        match self.reason {
            Reason::Old { .. } => "the kernel is too old for jails",
            Reason::Filter => "a seccomp filter keeps the module from building jails",
            Reason::Unknown { .. } => "the kernel does not let the module build jails",
        }
    }

    /// What an admin can do about it.
    pub(crate) fn fix(&self) -> String {
        match self.reason {
            Reason::Old { .. } => "boot Linux 5.12 or newer".to_owned(),
            Reason::Filter => {
                let settings = match self.call {
                    "openat2" => "RestrictSUIDSGID= and SystemCallFilter=",
                    "setns" | "unshare" => "RestrictNamespaces= and SystemCallFilter=",
                    _ => "SystemCallFilter=",
                };
                format!(
                    "let the service call it: see {settings} in its unit (systemctl cat), or the seccomp profile of its \
                     container"
                )
            }
            Reason::Unknown { .. } => process_fix(self.errno)
                .unwrap_or("run the service on a Linux kernel that has all calls of 5.12, and see dmesg")
                .to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_kernel_refuses_the_arguments_of_every_trial() {
        for call in EVERYWHERE.iter().chain(&FOR_A_NAMESPACE) {
            let answer = call.answer();
            let is_about_arguments = matches!(answer, Err(Errno::EINVAL | Errno::EFAULT | Errno::EBADF));
            assert!(
                is_about_arguments || call.asks_first && answer == Err(Errno::EPERM),
                "{}: {answer:?}",
                call.name
            );
        }
        assert_eq!(all(true), Ok(()));
    }

    #[test]
    fn only_an_answer_that_is_not_about_the_arguments_bars_a_call() {
        let [setns, ..] = &FOR_A_NAMESPACE;
        let asks = EVERYWHERE.iter().find(|call| call.asks_first).unwrap();
        for (errno, bars_setns, bars_asking) in [
            (Errno::ENOSYS, true, true),
            (Errno::EPERM, true, false),
            (Errno::EACCES, true, false),
            // A later kernel may look at the other argument first.
            (Errno::EINVAL, false, false),
            (Errno::EBADF, false, false),
            (Errno::E2BIG, false, false),
        ] {
            assert_eq!([setns.is_barred(errno), asks.is_barred(errno)], [bars_setns, bars_asking], "{errno}");
        }
    }

    #[test]
    fn the_release_says_whether_a_call_is_missing_or_forbidden() {
        for (release, expected) in
            [("5.10.0-28-amd64", Some((5, 10))), ("2.6.78", Some((2, 6))), ("WSL 6.18", None)]
        {
            assert_eq!(version(release), expected, "{release}");
        }
        let since = version(&uname().unwrap().release().to_string_lossy()).unwrap();
        let call = Call { since, ..FOR_A_NAMESPACE[0] };
        let said = |errno, is_filtered| call.uncallable(errno, is_filtered).to_string();
        for (errno, is_filtered, begin) in [
            (Errno::ENOSYS, Some(true), "a seccomp filter forbids setns(2), which jails need: "),
            (Errno::EPERM, Some(true), "a seccomp filter forbids setns(2), which jails need: "),
            (Errno::ENOSYS, None, "a seccomp filter forbids setns(2), which jails need: "),
            (Errno::ENOSYS, Some(false), "setns(2), which jails need, cannot be called on Linux "),
        ] {
            assert!(said(errno, is_filtered).starts_with(begin), "{}", said(errno, is_filtered));
        }
        let newest = Call { since: (1_000, 0), ..call };
        let said = newest.uncallable(Errno::ENOSYS, Some(true)).to_string();
        assert!(said.starts_with("this kernel is too old for jails: Linux "), "{said}");
        assert!(said.ends_with(" has no setns(2)"), "{said}");
    }
}
