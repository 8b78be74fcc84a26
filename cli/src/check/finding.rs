//! What was found: the one interface of everything that looks.

use crate::Status;
use crate::terminal::{Mark, wrapped};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::plan::{Check, CheckResult};
use serde::Serialize;
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};

/// What is said where a fix is not to be had without being root.
pub(super) const AS_ROOT: &str = "run this as root";

/// As many names stand beside a finding that is so for many.
const MAX_NAMES: usize = 20;

/// The findings about a user, or about the host, in the order in which they are told.
#[derive(Default, Serialize)]
#[serde(transparent)]
pub(super) struct Findings(Vec<Finding>);

#[derive(PartialEq, Eq, Hash, Serialize)]
struct Finding {
    check: String,
    outcome: Outcome,
    /// What was seen, or what is wrong.
    evidence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    fix: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Passed,
    /// The user can log in and is jailed; yet something should be otherwise.
    Warned,
    Failed,
    /// Not to be seen without being root, or without an answer from NSS or sshd.
    Unseen,
}

impl Findings {
    pub(super) fn passed(&mut self, check: impl Display, evidence: impl Display) {
        self.add(Outcome::Passed, check, evidence, None);
    }

    pub(super) fn warned(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Warned, check, evidence, Some(fix.to_string()));
    }

    pub(super) fn failed(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Failed, check, evidence, Some(fix.to_string()));
    }

    pub(super) fn unseen(&mut self, check: impl Display, evidence: impl Display, fix: impl Display) {
        self.add(Outcome::Unseen, check, evidence, Some(fix.to_string()));
    }

    fn add(&mut self, outcome: Outcome, check: impl Display, evidence: impl Display, fix: Option<String>) {
        let (check, evidence) = (check.to_string(), evidence.to_string());
        self.0.push(Finding { check, outcome, evidence, fix });
    }

    /// What one of a login's own checks has seen. `is_root`: whether whoever asks is root.
    pub(super) fn seen(&mut self, check: Check, seen: CheckResult<'_>, is_root: bool) {
        match seen {
            CheckResult::Passed(evidence) => self.passed(check, evidence),
            CheckResult::Warned(evidence, fix) => self.warned(check, evidence, fix),
            CheckResult::Failed(refusal) => match refusal {
                Refusal::NoSuchUser { .. } | Refusal::Lookup(_) => {
                    self.unseen(check, refusal, refusal.fix());
                }
                Refusal::Denied { .. } if !is_root => self.unseen(check, refusal, refusal.fix()),
                // A login waits for it, too.
                _ if refusal.retry_when().is_some() => self.warned(check, refusal, refusal.fix()),
                _ => self.failed(check, refusal, refusal.fix()),
            },
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Adds all of `others` at the end.
    pub(super) fn append(&mut self, others: Self) {
        self.0.extend(others.0);
    }

    pub(super) fn status(&self) -> Status {
        let has = |outcome| self.0.iter().any(|finding| finding.outcome == outcome);
        if has(Outcome::Failed) {
            Status::Problems
        } else if has(Outcome::Unseen) {
            Status::Unchecked
        } else {
            Status::Ok
        }
    }

    /// For people.
    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        self.0.iter().try_for_each(|finding| finding.print(out))
    }

    /// For people, what has not passed, of many users at once: each finding once.
    pub(super) fn print_together<'r>(
        users: impl Iterator<Item = (&'r str, &'r Self)>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let mut findings = Vec::new();
        let mut names: HashMap<&Finding, Vec<String>> = HashMap::new();
        for (user, own) in users {
            for finding in own.0.iter().filter(|finding| finding.outcome != Outcome::Passed) {
                let users = names.entry(finding).or_default();
                if users.is_empty() {
                    findings.push(finding);
                }
                users.push(escaped(user).to_string());
            }
        }
        for finding in findings {
            finding.print(out)?;
            let users = names.remove(finding).unwrap_or_default();
            let (shown, more) = users.split_at(users.len().min(MAX_NAMES));
            write!(out, "  {:<14} so it is for {}", "", shown.join(", "))?;
            match more.len() {
                0 => writeln!(out)?,
                more => writeln!(out, " and {more} more")?,
            }
        }
        Ok(())
    }
}

impl Finding {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mark = match self.outcome {
            Outcome::Passed => Mark::Good,
            Outcome::Failed => Mark::Bad,
            Outcome::Warned | Outcome::Unseen => Mark::Attention,
        };
        // A fix is not broken: it is to be pasted.
        writeln!(out, "{mark} {:<14} {}", self.check, wrapped(&one_line(&self.evidence), 17))?;
        match &self.fix {
            Some(fix) => writeln!(out, "  {:<14} → {}", "", one_line(fix)),
            None => Ok(()),
        }
    }
}

/// Such as `1 file` and `3 files`.
pub(super) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
