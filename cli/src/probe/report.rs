//! What a probe found, for people and for programs.

use super::expected::{Expected, Place};
use super::judge::Judgement;
use super::writing::Written;
use crate::Verdict;
use pam_sftpjail::escape::escaped;
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, Write};

/// The version of the JSON document; it grows when a key changes its meaning or goes.
const VERSION: u32 = 1;

/// All of it.
pub(super) struct Report {
    user: String,
    pub(super) findings: Vec<Finding>,
    is_not_jailed: bool,
    /// From the client's start to the first answer, in ms.
    pub(super) login_ms: Option<u64>,
    /// The module's part of it by its own measurement, in µs.
    pub(super) module_us: Option<u64>,
    /// What building the jail takes in a rehearsal, where there is no measurement, in µs.
    pub(super) rehearsal_us: Option<u64>,
}

#[derive(Serialize)]
struct Document<'r> {
    version: u32,
    user: &'r str,
    verdict: Verdict,
    #[serde(skip_serializing_if = "Option::is_none")]
    login_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    module_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal_us: Option<u64>,
    findings: &'r [Finding],
}

/// What was tried, and what came of it.
#[derive(Serialize)]
pub(super) struct Finding {
    step: String,
    outcome: Outcome,
    evidence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Expected,
    Unexpected,
    /// The probe could not go on.
    Unseen,
}

impl Finding {
    pub(super) fn new(step: impl Into<String>, seen: Judgement, cure: String) -> Self {
        let step = step.into();
        match seen {
            Ok(evidence) => Self { step, outcome: Outcome::Expected, evidence, cure: None },
            Err(evidence) => Self { step, outcome: Outcome::Unexpected, evidence, cure: Some(cure) },
        }
    }

    /// Why there is no probe.
    pub(super) fn unable(why: &dyn Display, cure: &str) -> Self {
        let (step, evidence) = ("probe".to_owned(), why.to_string());
        Self { step, outcome: Outcome::Unseen, evidence, cure: Some(cure.to_owned()) }
    }
}

impl Report {
    pub(super) fn new(user: &str) -> Self {
        Self {
            user: user.to_owned(),
            findings: Vec::new(),
            is_not_jailed: false,
            login_ms: None,
            module_us: None,
            rehearsal_us: None,
        }
    }

    pub(super) fn verdict(&self) -> Verdict {
        let has = |outcome| self.findings.iter().any(|finding| finding.outcome == outcome);
        match () {
            () if self.is_not_jailed => Verdict::NotJailed,
            () if has(Outcome::Unseen) => Verdict::Unchecked,
            () if has(Outcome::Unexpected) => Verdict::Problems,
            () => Verdict::Sound,
        }
    }

    /// Of a user who is none of ours.
    pub(super) fn not_jailed(mut self, why: &dyn Display) -> Self {
        self.is_not_jailed = true;
        self.findings.push(Finding::new("profile", Ok(why.to_string()), String::new()));
        self
    }

    /// Adds what was found of a place.
    pub(super) fn wrote(&mut self, place: &Place, written: &Written) {
        let cure = if place.read_only { "report this as a bug".to_owned() } else { place.cure.clone() };
        let step = format!("write {}", escaped(&place.path));
        self.findings.push(Finding::new(step, written.sftp.clone(), cure));
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
            let &Self { login_ms, module_us, rehearsal_us, .. } = self;
            let (user, verdict, findings) = (&self.user, self.verdict(), &self.findings);
            let document =
                Document { version: VERSION, user, verdict, login_ms, module_us, rehearsal_us, findings };
            serde_json::to_writer_pretty(&mut *out, &document)?;
            return writeln!(out);
        }
        for finding in &self.findings {
            let mark = match finding.outcome {
                Outcome::Expected => '✓',
                Outcome::Unexpected => '✗',
                Outcome::Unseen => '!',
            };
            writeln!(out, "{mark} {:<14} {}", finding.step, finding.evidence)?;
            if let Some(cure) = &finding.cure {
                writeln!(out, "  {:<14} → {cure}", "")?;
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
        match self.verdict() {
            Verdict::Sound => writeln!(out, "All is as it should be for {user}."),
            Verdict::Problems => writeln!(out, "For {user}, what is marked ✗ is not as it should be."),
            Verdict::Unchecked => writeln!(out, "{user} could not be probed: see what is marked !."),
            Verdict::NotJailed => writeln!(out, "{user} is not jailed by this policy, and was not probed."),
        }
    }
}

pub(super) fn log_cure(expected: &Expected) -> String {
    format!(
        "see that rsyslog or the journal runs, and that ForceCommand for Match Group {} is internal-sftp -l INFO",
        expected.groups
    )
}
