//! Finds out which restriction of a running sshd keeps it from building a jail, and names the lines of systemd's files
//! that set it.

use super::{CHECK, READ_ONLY};
use crate::check::sshd::running::name;
use crate::host::child::Forbidden;
use crate::host::rehearsal::{AsSshd, Failure, Rehearsal, Rehearsals};
use crate::host::sshd::running::Running;
use crate::host::systemd::service;
use crate::report::text::listed;
use crate::report::{Consequence, Findings};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use std::io;

/// The settings of systemd.exec(5) that take from a service what jails need.
const MOUNTS: [&str; 12] = [
    "ProtectHome",
    "ProtectSystem",
    "ReadOnlyPaths",
    "ReadOnlyDirectories",
    "InaccessiblePaths",
    "InaccessibleDirectories",
    "TemporaryFileSystem",
    "BindPaths",
    "BindReadOnlyPaths",
    "PrivateTmp",
    "PrivateDevices",
    "MountFlags",
];
const CAPABILITIES: [&str; 3] = ["CapabilityBoundingSet", "User", "PrivateUsers"];
const FILTERS: [&str; 5] = [
    "SystemCallFilter",
    "RestrictNamespaces",
    "SystemCallArchitectures",
    "RestrictSUIDSGID",
    "NoNewPrivileges",
];

/// Settings with one value, the last; the others add to each other.
const SINGLE: [&str; 9] = [
    "ProtectHome",
    "ProtectSystem",
    "PrivateTmp",
    "PrivateDevices",
    "User",
    "PrivateUsers",
    "RestrictNamespaces",
    "RestrictSUIDSGID",
    "NoNewPrivileges",
];

/// The capabilities with which sshd builds a jail and lets a user in: their numbers in linux/capability.h.
const NEEDED: [(u32, &str); 9] = [
    (0, "CAP_CHOWN"),
    (1, "CAP_DAC_OVERRIDE"),
    (2, "CAP_DAC_READ_SEARCH"),
    (3, "CAP_FOWNER"),
    (5, "CAP_KILL"),
    (6, "CAP_SETGID"),
    (7, "CAP_SETUID"),
    (18, "CAP_SYS_CHROOT"),
    (21, "CAP_SYS_ADMIN"),
];

/// How much of a setting's value is shown, in characters.
const MAX_VALUE: usize = 40;

/// A running sshd with restrictions, and the user whose jail it should build.
pub(super) struct Trial<'a> {
    pub(super) sshd: &'a Running,
    pub(super) rehearsals: &'a Rehearsals<'a>,
    pub(super) user: &'a str,
}

impl Trial<'_> {
    /// Rehearses with these parts of the confinement.
    pub(super) fn with(&self, parts: &[Part]) -> io::Result<Result<Rehearsal, Failure>> {
        self.rehearsals.rehearse(self.user, &AsSshd::with(self.sshd, parts))
    }

    /// Which system call the filters forbid, with the death of the process.
    pub(super) fn forbidden(&self) -> String {
        let as_sshd = AsSshd::with(self.sshd, &self.sshd.confined).killing_nobody();
        match self.rehearsals.rehearse(self.user, &as_sshd) {
            Ok(Err(failure)) => format!("it would be killed at a system call ({})", failure.problem),
            _ => Forbidden.to_string(),
        }
    }

    /// Reports what keeps sshd from building the jail.
    pub(super) fn blame(&self, problem: &str, findings: &mut Findings) {
        let alone: Vec<_> =
            self.sshd.confined.iter().copied().filter(|part| self.fails_with(*part)).collect();
        let parts = if alone.is_empty() { &self.sshd.confined } else { &alone };
        let missing: Vec<_> = NEEDED.iter().filter(|(bit, _)| self.sshd.missing & (1 << bit) != 0).collect();
        let mut reasons = Vec::new();
        let mut lines = Vec::new();
        for part in parts {
            let (what, names): (_, &[&'static str]) = match part {
                Part::Mounts => ("it has mounts of its own".to_owned(), &MOUNTS),
                Part::Capabilities => {
                    (format!("it lacks {}", listed(missing.iter().map(|(_, name)| name))), &CAPABILITIES)
                }
                Part::Filters => ("seccomp filters forbid it system calls".to_owned(), &FILTERS),
            };
            let settings = self.sshd.unit.iter().flat_map(|unit| settings(unit, names, problem));
            let settings: Vec<_> = settings.collect();
            reasons.push(match settings.is_empty() {
                true => what,
                false => format!("{what} by {}", settings.join(" and ")),
            });
            lines.extend(settings);
        }
        let evidence = format!(
            "{} cannot let {} into a jail: {problem}; {}",
            name(self.sshd),
            escaped(self.user),
            reasons.join(", and ")
        );
        let fix = match &self.sshd.unit {
            Some(unit) if !lines.is_empty() => {
                let restart = Command::new("systemctl daemon-reload")
                    .and(&Command::new("systemctl restart").arg(Name(unit)));
                let first = "allow there what jails need, or remove it; make all other fixes about sshd, whose files a \
                             restart reads (without KillMode=process in the unit, it also ends live sessions)";
                Fix::after(first, &restart)
            }
            _ => Fix::from("start sshd without that restriction"),
        };
        let consequence = match problem.ends_with(READ_ONLY) {
            true => Consequence::Hindered(problem.to_owned()),
            false => Consequence::Refused("the running sshd cannot build the jail".to_owned()),
        };
        findings.failed(CHECK, consequence, evidence, fix);
    }

    /// Whether this part alone keeps sshd from building the jail.
    fn fails_with(&self, part: Part) -> bool {
        match self.with(&[part]) {
            Ok(Ok(rehearsal)) => part == Part::Mounts && rehearsal.unwritable().next().is_some(),
            Ok(Err(failure)) => !failure.is_untried,
            Err(error) => Forbidden::is_reason_for(&error),
        }
    }
}

/// The settings of a unit that restrict it, each with its location. Of those that concern paths, those that concern a
/// path in the problem, if there are any.
fn settings(unit: &str, names: &[&'static str], problem: &str) -> Vec<String> {
    let mut all = service::settings(unit, names);
    for name in SINGLE {
        let last = all.iter().rposition(|(own, _)| *own == name);
        let mut at = 0..;
        all.retain(|(own, _)| at.next().is_some_and(|at| *own != name || Some(at) == last));
    }
    all.retain(|(name, setting)| is_restriction(name, &setting.value));
    let concerns = |name: &str, value: &str| match name {
        "ProtectHome" => ["/home", "/root", "/run/user"].iter().any(|path| problem.contains(path)),
        "ProtectSystem" => true,
        "PrivateTmp" => problem.contains("/tmp"),
        "PrivateDevices" => problem.contains("/dev"),
        _ if !MOUNTS.contains(&name) => true,
        _ => value.split([' ', ':']).any(|path| {
            let path = path.trim_start_matches(['-', '+']);
            path.starts_with('/') && problem.contains(path)
        }),
    };
    if all.iter().any(|(name, setting)| concerns(name, &setting.value)) {
        all.retain(|(name, setting)| concerns(name, &setting.value));
    }
    let shown = all.iter().map(|(name, setting)| {
        let value: String = setting.value.chars().take(MAX_VALUE).collect();
        let more = if value.len() < setting.value.len() { "…" } else { "" };
        format!("{name}={}{more} ({})", escaped(&value), setting.location)
    });
    shown.collect()
}

/// Whether a value of a setting takes anything from a service that jails could need.
fn is_restriction(name: &str, value: &str) -> bool {
    match name {
        "ProtectSystem" => value == "strict",
        "User" => !["root", "0"].contains(&value),
        _ => !["no", "false", "0", "off", "n", "f"].contains(&value.to_ascii_lowercase().as_str()),
    }
}
