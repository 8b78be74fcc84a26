//! What a probe found, for people and for programs.

use super::expected::{Expected, Place};
use super::writing::Written;
use crate::report::json::{VERSION, document};
use crate::report::{Finding, Findings, Outcome, Status};
use pam_sftpjail::escape::escaped;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io::{self, Write};

/// All of it; the JSON document.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    version: u32,
    user: String,
    status: Status,
    /// From the client's start to the first answer, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) login_ms: Option<u64>,
    /// The module's part of it by its own measurement, in µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) module_us: Option<u64>,
    /// What building the jail takes in a rehearsal, where there is no measurement, in µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) rehearsal_us: Option<u64>,
    findings: Findings,
}

impl Report {
    pub(super) fn new(user: &str) -> Self {
        Self {
            version: VERSION,
            user: user.to_owned(),
            status: Status::Ok,
            login_ms: None,
            module_us: None,
            rehearsal_us: None,
            findings: Findings::default(),
        }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// Adds a finding. What is not known counts more than what is known to be wrong: the probe ended there.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.status = match (self.findings.has(Outcome::Unknown), self.findings.status()) {
            (true, _) => Status::Unchecked,
            (false, status) => status,
        };
    }

    /// Ends with the reason why there is no probe, or no more of it.
    pub(super) fn unable(mut self, why: &dyn Display, fix: impl Display) -> Self {
        self.findings.unknown("probe", why, fix);
        self.status = Status::Unchecked;
        self
    }

    /// Of a user who is in no profile.
    pub(super) fn in_no_profile(mut self, why: &dyn Display) -> Self {
        self.findings.passed("profile", why);
        self.status = Status::InNoProfile;
        self
    }

    /// Adds what was found of a place.
    pub(super) fn wrote(&mut self, place: &Place, written: &Written) {
        let fix = if place.read_only { "report this as a bug".to_owned() } else { place.fix.clone() };
        let at = |evidence: &String| format!("{}: {evidence}", escaped(&place.path));
        let seen = written.sftp.as_ref().map(at).map_err(at);
        self.add(Finding::judged("write", seen, fix));
        if let Some(scp) = &written.scp {
            self.add(Finding::judged("scp", scp.clone(), "let sshd serve SFTP as it does sftp"));
        }
    }

    pub(super) fn write(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            return document(self, out);
        }
        self.findings.print(out)?;
        let user = escaped(&self.user);
        if let Some(login) = self.login_ms {
            let module = match (self.module_us, self.rehearsal_us) {
                (Some(us), _) => format!("of which the module took {us} µs"),
                (None, Some(us)) => format!("and building a jail takes {us} µs in a rehearsal"),
                (None, None) => "and what the module took is not known".to_owned(),
            };
            writeln!(out, "The login took {login} ms, {module}.")?;
        }
        match self.status {
            Status::Ok => writeln!(out, "All is as it should be for {user}."),
            Status::Problems => writeln!(out, "For {user}, what is marked ✗ is not as it should be."),
            Status::Unchecked => writeln!(out, "{user} could not be probed: see what is marked !."),
            Status::InNoProfile => writeln!(out, "{user} is not jailed by this policy, and was not probed."),
        }
    }
}

pub(super) fn log_fix(expected: &Expected) -> String {
    format!(
        "see that rsyslog or the journal runs, and that ForceCommand for Match Group {} is internal-sftp -l INFO",
        expected.groups
    )
}
