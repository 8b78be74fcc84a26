//! What the kernel lets a process do: its mount namespace, capabilities, seccomp filters and profile of AppArmor. They
//! are read from a running sshd and put on a process that tries what that sshd can do.
//!
//! The hooks have no use for it: they run in sshd.
#![forbid(unsafe_code)]

use crate::lsm::Profile;
use crate::sys::SysError;
use crate::sys::namespace::Namespace;
pub use crate::sys::process::Process;
use crate::sys::seccomp::{self, Filter};
use nix::unistd::Pid;
use rustix::thread::{CapabilitySet, CapabilitySets, set_capabilities, set_no_new_privs};
use std::path::Path;

/// A part of a confinement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The mount namespace.
    Mounts,
    /// The capabilities.
    Capabilities,
    /// The seccomp filters, and no_new_privs.
    Filters,
    /// The profile of AppArmor.
    Profile,
}

/// The confinement of a process.
pub struct Confinement {
    /// The process in whose mount namespace it is. A descriptor of that would not be inherited by children.
    mounts: Option<Process>,
    capabilities: Option<CapabilitySets>,
    /// Oldest first.
    filters: Vec<Filter>,
    no_new_privs: bool,
    profile: Option<Profile>,
}

/// The privileges of a process, as proc_pid_status(5) shows them. Capabilities are bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    pub effective: u64,
    pub permitted: u64,
    pub inheritable: u64,
    pub no_new_privs: bool,
    /// The number of its seccomp filters. Before Linux 5.9 it is unknown, and 1 stands for any number.
    pub filters: u32,
}

impl Privileges {
    /// Parses `/proc/PID/status`. `None`: it is not such a file.
    pub fn parse(status: &str) -> Option<Self> {
        let value = |key: &str| {
            status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':').map(str::trim))
        };
        let capabilities = |key| u64::from_str_radix(value(key)?, 16).ok();
        let is_filtered = value("Seccomp").is_some_and(|mode| mode != "0");
        let filters = value("Seccomp_filters").and_then(|count| count.parse().ok());
        Some(Self {
            effective: capabilities("CapEff")?,
            permitted: capabilities("CapPrm")?,
            inheritable: capabilities("CapInh")?,
            no_new_privs: value("NoNewPrivs") == Some("1"),
            filters: filters.unwrap_or(u32::from(is_filtered)),
        })
    }
}

impl Confinement {
    /// Reads these parts of a process's confinement, whose privileges were read after it was found. It is stopped for a
    /// moment if it has seccomp filters. The error is ESRCH if the process is not there any more: root does not take on
    /// what another process is allowed, nor enter its namespace.
    pub fn of(process: &Process, privileges: &Privileges, parts: &[Part]) -> Result<Self, SysError> {
        let has = |part| parts.contains(&part);
        let set = CapabilitySet::from_bits_retain;
        let confinement = Self {
            mounts: has(Part::Mounts).then_some(*process),
            capabilities: has(Part::Capabilities).then(|| CapabilitySets {
                effective: set(privileges.effective),
                permitted: set(privileges.permitted),
                inheritable: set(privileges.inheritable),
            }),
            filters: match has(Part::Filters) && privileges.filters > 0 {
                true => seccomp::filters(process)?,
                false => Vec::new(),
            },
            no_new_privs: has(Part::Filters) && privileges.no_new_privs,
            profile: match has(Part::Profile) {
                true => Profile::of(Path::new(&format!("/proc/{}", process.pid()))),
                false => None,
            },
        };
        process.must_exist().map(|()| confinement)
    }

    /// Puts these parts of it on this process, for good. The process must have one thread. `kills`: whether a system
    /// call that a seccomp filter forbids may end the process; otherwise it fails with EPERM, so that it can be named.
    pub fn assume(&self, parts: &[Part], kills: bool) -> Result<(), SysError> {
        let has = |part| parts.contains(&part);
        if let Some(process) = self.mounts.filter(|_| has(Part::Mounts)) {
            let mounts = Namespace::of(Pid::from_raw(process.pid()))?;
            process.must_exist()?;
            mounts.enter()?;
        }
        let filters = if has(Part::Filters) { self.filters.as_slice() } else { &[] };
        // The capability that allows filters may be among those that are dropped. Apart from that, no_new_privs changes
        // nothing for a process that executes no other program.
        if (self.no_new_privs && has(Part::Filters)) || !filters.is_empty() {
            set_no_new_privs(true).map_err(SysError::of("prctl", "PR_SET_NO_NEW_PRIVS"))?;
        }
        if let Some(sets) = self.capabilities.filter(|_| has(Part::Capabilities)) {
            set_capabilities(None, sets)
                .map_err(SysError::of("capset", format_args!("{:x}", sets.effective.bits())))?;
        }
        if let Some(profile) = self.profile.as_ref().filter(|_| has(Part::Profile)) {
            profile.assume().map_err(SysError::of("changeprofile", profile.name()))?;
        }
        filters.iter().try_for_each(|filter| match kills {
            true => filter.install(),
            false => filter.killing_nobody().install(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn privileges_are_read_of_new_and_old_kernels() {
        let capabilities =
            "CapInh:\t0000000000000001\nCapPrm:\t000001ffffffffff\nCapEff:\t00000000a80425fb\n";
        let parse = |rest: &str| Privileges::parse(&format!("Name:\tsshd\n{capabilities}{rest}"));
        let expected = Privileges {
            effective: 0xa804_25fb,
            permitted: 0x1ff_ffff_ffff,
            inheritable: 1,
            no_new_privs: true,
            filters: 3,
        };
        assert_eq!(parse("NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t3\n"), Some(expected));
        assert_eq!(parse("NoNewPrivs:\t1\nSeccomp:\t2\n"), Some(Privileges { filters: 1, ..expected }));
        assert_eq!(
            parse("NoNewPrivs:\t0\nSeccomp:\t0\n"),
            Some(Privileges { no_new_privs: false, filters: 0, ..expected })
        );
        assert_eq!(Privileges::parse("Name:\tsshd\n"), None);
    }
}
