//! What a probe found, for people and for programs.

use super::expected::{Expected, Place};
use super::judge::Judgement;
use super::writing::Written;
use crate::Status;
use crate::json::document;
use crate::terminal::{Mark, wrapped};
use pam_sftpjail::escape::{escaped, one_line};
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io::{self, Write};

/// The version of the JSON document; it grows when a key changes its meaning or goes.
const VERSION: u32 = 2;

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
    findings: Vec<Finding>,
}

/// What was tried, and what came of it.
#[derive(Serialize, Deserialize)]
pub(super) struct Finding {
    step: String,
    outcome: Outcome,
    evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Expected,
    Unexpected,
    /// The probe could not go on.
    Unseen,
}

impl Finding {
    pub(super) fn new(step: impl Into<String>, seen: Judgement, fix: String) -> Self {
        let step = step.into();
        match seen {
            Ok(evidence) => Self { step, outcome: Outcome::Expected, evidence, fix: None },
            Err(evidence) => Self { step, outcome: Outcome::Unexpected, evidence, fix: Some(fix) },
        }
    }

    /// Why there is no probe.
    pub(super) fn unable(why: &dyn Display, fix: &str) -> Self {
        let (step, evidence) = ("probe".to_owned(), why.to_string());
        Self { step, outcome: Outcome::Unseen, evidence, fix: Some(fix.to_owned()) }
    }
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
            findings: Vec::new(),
        }
    }

    pub(super) fn status(&self) -> Status {
        self.status
    }

    /// Adds a finding. The status is the worst.
    pub(super) fn add(&mut self, finding: Finding) {
        self.status = self.status.max(match finding.outcome {
            Outcome::Expected => Status::Ok,
            Outcome::Unexpected => Status::Problems,
            Outcome::Unseen => Status::Unchecked,
        });
        self.findings.push(finding);
    }

    /// Of a user who is none of ours.
    pub(super) fn not_jailed(mut self, why: &dyn Display) -> Self {
        self.add(Finding::new("profile", Ok(why.to_string()), String::new()));
        self.status = Status::InNoProfile;
        self
    }

    /// Adds what was found of a place.
    pub(super) fn wrote(&mut self, place: &Place, written: &Written) {
        let fix = if place.read_only { "report this as a bug".to_owned() } else { place.fix.clone() };
        let at = |evidence: &String| format!("{}: {evidence}", escaped(&place.path));
        let seen = written.sftp.as_ref().map(at).map_err(at);
        self.add(Finding::new("write", seen, fix));
        if let Some(scp) = &written.scp {
            self.findings.push(Finding::new(
                "scp",
                scp.clone(),
                "let sshd serve SFTP as it does sftp".into(),
            ));
        }
    }

    pub(super) fn write(&self, json: bool, out: &mut impl Write) -> io::Result<()> {
        if json {
            return document(self, out);
        }
        for finding in &self.findings {
            let mark = match finding.outcome {
                Outcome::Expected => Mark::Good,
                Outcome::Unexpected => Mark::Bad,
                Outcome::Unseen => Mark::Attention,
            };
            writeln!(out, "{mark} {:<14} {}", finding.step, wrapped(&one_line(&finding.evidence), 17))?;
            if let Some(fix) = &finding.fix {
                writeln!(out, "  {:<14} → {}", "", wrapped(&one_line(fix), 19))?;
            }
        }
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
