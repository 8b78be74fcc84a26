//! A running sshd must be able to build jails. This finds out which restriction keeps it from that, by rehearsals, and names
//! the lines of systemd's files that set it.

use super::unit::{CAPABILITIES, FILTERS, MOUNTS, of_unit, settings, untried};
use crate::host::child::Forbidden;
use crate::host::rehearsal::{AsSshd, ConfinedSshd, Failure, Rehearsal, Rehearsals};
use crate::host::sshd::running::{Running, Socket};
use crate::report::text::listed;
use crate::report::{Consequence, Error};
use pam_sftpjail::confinement::Part;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::lsm::Lsm;
use std::fmt::Display;
use std::io;

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

/// The end of the problem where the user enters the jail and cannot write.
const READ_ONLY: &str = "is read-only in it";

/// A running sshd with restrictions, and the user whose jail it should build.
pub(crate) struct Trial<'a> {
    pub(crate) confined: &'a ConfinedSshd,
    pub(crate) rehearsals: &'a Rehearsals<'a>,
    pub(crate) user: &'a str,
    /// Who that is in a sentence.
    pub(crate) whom: &'static str,
}

/// What is wrong with an sshd that cannot build the jail.
pub(crate) struct Kept {
    pub(crate) consequence: Consequence,
    pub(crate) evidence: String,
    pub(crate) fix: Fix,
}

/// What came of a rehearsal with all that restricts an sshd.
pub(crate) enum Attempt {
    Built(Rehearsal),
    /// The restrictions keep it from that; the problem.
    Kept(String),
    /// It fails without them as well.
    Failed,
    /// They could not be taken on.
    Untried {
        problem: String,
        fix: Fix,
    },
}

/// Restrictions that no rehearsal can take on.
pub(crate) struct Untried {
    pub(crate) evidence: String,
    pub(crate) fix: &'static str,
}

impl Untried {
    /// Those of the unit of a running sshd that systemd has the kernel check by the cgroup. The error: they are unknown.
    pub(crate) fn of_running(running: &Running) -> Result<Option<Self>, Error> {
        let settings = by_cgroup(running)?;
        let evidence = format!(
            "{} is restricted by {}, of which a rehearsal shows nothing: whether it can build jails was not tried",
            running.name(),
            settings.join(" and ")
        );
        Ok((!settings.is_empty()).then_some(Self { evidence, fix: "log in as a member" }))
    }

    /// Those of the sshd that systemd will start. The error: they are unknown.
    pub(crate) fn of_socket(socket: &Socket) -> Result<Option<Self>, Error> {
        let settings = of_unit(&socket.service).map_err(|why| unknown(escaped(&socket.service), why))?;
        let evidence = format!(
            "{} will be restricted by {}: whether it can build jails then was not tried",
            escaped(&socket.service),
            settings.join(" and ")
        );
        let fix = "log in as a member, and run this again while that sshd runs";
        Ok((!settings.is_empty()).then_some(Self { evidence, fix }))
    }
}

/// The settings of a running sshd's unit that systemd has the kernel check by the cgroup, each with its location.
pub(crate) fn by_cgroup(running: &Running) -> Result<Vec<String>, Error> {
    let all = running.unit.as_deref().map_or(Ok(Vec::new()), untried);
    all.map_err(|why| unknown(running.name(), why))
}

fn unknown(name: impl Display, Error { what, fix, .. }: Error) -> Error {
    Error::new(format!("whether all that restricts {name} was tried is not known: {what}"), fix)
}

impl Trial<'_> {
    /// Rehearses with all that restricts the sshd. `own`: gives the rehearsal without that.
    pub(crate) fn attempt<'r>(
        &self,
        own: impl FnOnce() -> &'r io::Result<Result<Rehearsal, Failure>>,
    ) -> Attempt {
        let problem = match self.with(&self.confined.sshd.confined) {
            Ok(Ok(rehearsal)) if rehearsal.unwritable().next().is_none() => return Attempt::Built(rehearsal),
            Ok(Ok(rehearsal)) => {
                let Ok(Ok(own)) = own() else { return Attempt::Built(rehearsal) };
                let is_new = |path: &&str| own.unwritable().all(|other| other != *path);
                let problem = rehearsal.unwritable().find(is_new).map(|path| format!("{path} {READ_ONLY}"));
                return problem.map_or(Attempt::Built(rehearsal), Attempt::Kept);
            }
            Ok(Err(Failure { is_untried: true, problem, fix, .. })) => {
                return Attempt::Untried { problem, fix };
            }
            Ok(Err(failure)) => failure.problem,
            Err(error) if Forbidden::is_reason_for(&error) => self.forbidden(),
            Err(error) => {
                return Attempt::Untried { problem: error.to_string(), fix: "run this again".into() };
            }
        };
        match own() {
            Ok(Ok(_)) => Attempt::Kept(problem),
            _ => Attempt::Failed,
        }
    }

    /// Rehearses with these parts of the confinement.
    fn with(&self, parts: &[Part]) -> io::Result<Result<Rehearsal, Failure>> {
        self.rehearsals.rehearse(self.user, &AsSshd::with(self.confined, parts))
    }

    /// Which system call the filters forbid, with the death of the process.
    fn forbidden(&self) -> String {
        let as_sshd = AsSshd::with(self.confined, &self.confined.sshd.confined).killing_nobody();
        match self.rehearsals.rehearse(self.user, &as_sshd) {
            Ok(Err(failure)) => format!("it would be killed at a system call ({})", failure.problem),
            _ => Forbidden.to_string(),
        }
    }

    /// What keeps sshd from building the jail. `is_possible`: whether another running sshd can build it.
    pub(crate) fn blame(&self, problem: &str, is_possible: bool) -> Kept {
        let alone: Vec<_> =
            self.confined.sshd.confined.iter().copied().filter(|part| self.fails_with(*part)).collect();
        let parts = if alone.is_empty() { &self.confined.sshd.confined } else { &alone };
        let missing: Vec<_> =
            NEEDED.iter().filter(|(bit, _)| self.confined.sshd.missing & (1 << bit) != 0).collect();
        let mut reasons = Vec::new();
        let mut lines = Vec::new();
        for part in parts {
            let (what, names): (_, &[&'static str]) = match part {
                Part::Mounts => ("it has mounts of its own".to_owned(), &MOUNTS),
                Part::Capabilities => {
                    (format!("it lacks {}", listed(missing.iter().map(|(_, name)| name))), &CAPABILITIES)
                }
                Part::Profile => {
                    let profile = self.confined.sshd.profile.as_ref();
                    let name: String = profile.iter().map(|profile| format!(" {profile}")).collect();
                    (format!("its profile{name} of AppArmor denies it that"), &[])
                }
                Part::Filters => ("seccomp filters forbid it system calls".to_owned(), &FILTERS),
            };
            let settings = self.confined.sshd.unit.iter().flat_map(|unit| settings(unit, names, problem));
            let settings: Vec<_> = settings.collect();
            reasons.push(match settings.is_empty() {
                true => what,
                false => format!("{what} by {}", settings.join(" and ")),
            });
            lines.extend(settings);
        }
        let name = self.confined.sshd.name();
        let whom = self.whom;
        let evidence = format!("{name} cannot let {whom} into a jail: {problem}; {}", reasons.join(", and "));
        let fix = match &self.confined.sshd.unit {
            Some(unit) if !lines.is_empty() => {
                let restart = Command::new("systemctl daemon-reload")
                    .and(&Command::new("systemctl restart").arg(Name(unit)));
                let first = "allow there what jails need, or remove it; make all other fixes about sshd, whose files a \
                             restart reads (without KillMode=process in the unit, it also ends live sessions)";
                Fix::after(first, &restart)
            }
            _ if parts.contains(&Part::Profile) => Lsm::AppArmor.fix().into(),
            _ => Fix::from("start sshd without that restriction"),
        };
        let consequence = match problem.ends_with(READ_ONLY) {
            true if is_possible => Consequence::Hindered(format!("through {name}, {problem}")),
            true => Consequence::Hindered(problem.to_owned()),
            false if is_possible => {
                Consequence::Hindered(format!("not through {name}, which cannot build the jail"))
            }
            false => Consequence::Refused("the running sshd cannot build the jail".to_owned()),
        };
        Kept { consequence, evidence, fix }
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
