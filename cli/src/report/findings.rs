//! Findings: what a check saw, whether that is ok, and the fix where it is not.

use crate::report::Status;
use crate::report::terminal::{Mark, wrapped};
use crate::report::text::listed_first;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::one_line;
use pam_sftpjail::plan::{Check, CheckResult};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};

/// The column in which evidence begins.
const INDENT: usize = 17;

/// Findings about a user, or about the host, in the order in which they are reported.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

/// One of them; in JSON an object.
#[derive(PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Finding {
    check: String,
    outcome: Outcome,
    /// What was seen, or what is wrong.
    evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Passed,
    /// The user can log in and is jailed, but something should be changed.
    Warned,
    Failed,
    /// It needs root, or an answer from NSS, sshd or systemd that did not come.
    Unknown,
}

impl Findings {
    pub(crate) fn passed(&mut self, check: impl Display, evidence: impl Display) {
        self.add(Outcome::Passed, check, evidence, None);
    }

    pub(crate) fn warned(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Warned, check, evidence, Some(fix.to_string()));
    }

    pub(crate) fn failed(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Failed, check, evidence, Some(fix.to_string()));
    }

    pub(crate) fn unknown(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Unknown, check, evidence, Some(fix.to_string()));
    }

    fn add(&mut self, outcome: Outcome, check: impl Display, evidence: impl Display, fix: Option<String>) {
        let (check, evidence) = (check.to_string(), evidence.to_string());
        self.0.push(Finding { check, outcome, evidence, fix });
    }

    /// Adds a finding at the end.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// What one of a login's own checks has seen. `is_root`: whether whoever asks is root.
    pub(crate) fn seen(&mut self, check: Check, seen: CheckResult<'_>, is_root: bool) {
        match seen {
            CheckResult::Passed(evidence) => self.passed(check, evidence),
            CheckResult::Warned(evidence, fix) => self.warned(check, evidence, fix),
            CheckResult::Failed(refusal) => match refusal {
                Refusal::NoSuchUser { .. } | Refusal::Lookup(_) => {
                    self.unknown(check, refusal, refusal.fix());
                }
                Refusal::Denied { .. } if !is_root => self.unknown(check, refusal, refusal.fix()),
                // A login waits for it, too.
                _ if refusal.retry_when().is_some() => self.warned(check, refusal, refusal.fix()),
                _ => self.failed(check, refusal, refusal.fix()),
            },
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of `others` at the end.
    pub(crate) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    /// Whether one of them has this outcome.
    pub(crate) fn has(&self, outcome: Outcome) -> bool {
        self.0.iter().any(|finding| finding.outcome == outcome)
    }

    /// What is known to be wrong counts more than what is not known.
    pub(crate) fn status(&self) -> Status {
        if self.has(Outcome::Failed) {
            Status::Problems
        } else if self.has(Outcome::Unknown) {
            Status::Unchecked
        } else {
            Status::Ok
        }
    }

    /// For people.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.0.iter().try_for_each(|finding| finding.print(out))
    }

    /// For people, what has not passed, of many users at once: each finding once.
    pub(crate) fn print_together<'r>(
        users: impl Iterator<Item = (&'r str, &'r Self)>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut findings = Vec::new();
        let mut names: HashMap<&Finding, Vec<&str>> = HashMap::new();
        for (user, own) in users {
            for finding in own.0.iter().filter(|finding| finding.outcome != Outcome::Passed) {
                let users = names.entry(finding).or_default();
                if users.is_empty() {
                    findings.push(finding);
                }
                users.push(user);
            }
        }
        for finding in findings {
            finding.print(out)?;
            let users = names.remove(finding).unwrap_or_default();
            writeln!(out, "  {:<14} so it is for {}", "", listed_first(users.iter()))?;
        }
        Ok(())
    }
}

impl Finding {
    /// What was seen, if that is ok; or else what is wrong, with this fix.
    pub(crate) fn judged(check: impl Display, seen: Result<String, String>, fix: impl Display) -> Self {
        let check = check.to_string();
        match seen {
            Ok(evidence) => Self { check, outcome: Outcome::Passed, evidence, fix: None },
            Err(evidence) => Self { check, outcome: Outcome::Failed, evidence, fix: Some(fix.to_string()) },
        }
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mark = match self.outcome {
            Outcome::Passed => Mark::Good,
            Outcome::Failed => Mark::Bad,
            Outcome::Warned | Outcome::Unknown => Mark::Attention,
        };
        // A fix is not broken: it is to be pasted.
        writeln!(out, "{mark} {:<14} {}", self.check, wrapped(&one_line(&self.evidence), INDENT))?;
        match &self.fix {
            Some(fix) => writeln!(out, "  {:<14} → {}", "", one_line(fix)),
            None => Ok(()),
        }
    }
}
