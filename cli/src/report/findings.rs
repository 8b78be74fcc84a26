//! Findings: what a check has seen, whether that is ok, and the fix where it is not.

use crate::report::check_name::CheckName;
use crate::report::terminal::{Mark, advice, wrapped};
use crate::report::text::listed_first;
use crate::report::{Consequence, Status};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::one_line;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::plan::{Check, CheckResult};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Display;
use std::io::{self, Write};

/// The column in which evidence begins.
const INDENT: usize = 17;

/// A fix of more bytes is not repeated.
const LONG_FIX: usize = 80;

/// Findings about a user, or about the host, in the order in which they are reported.
#[derive(Default, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Findings(Vec<Finding>);

/// What one check has seen; in JSON, an object.
#[derive(PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Finding {
    pub(super) check: CheckName,
    pub(super) outcome: Outcome,
    /// What follows for the user, if the check has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) consequence: Option<Consequence>,
    /// What was seen, or what is wrong.
    pub(super) evidence: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fix: Option<String>,
    /// The end of the fix, if that is a command to paste.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    /// Whether the fix makes sshd read its files.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(super) reloads_sshd: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Outcome {
    Passed,
    /// The user can log in and is jailed; something should be changed nevertheless.
    Warned,
    Failed,
    /// It could not be checked: that needs root, or an answer that NSS, sshd or systemd did not give.
    Unknown,
}

impl Findings {
    pub(crate) fn passed(&mut self, check: impl Display, evidence: impl Display) {
        self.push(Finding::new(Outcome::Passed, check, evidence, None));
    }

    /// `advice`: what can be done about it, though nothing has to be.
    pub(crate) fn passed_with(&mut self, check: impl Display, evidence: impl Display, advice: Option<Fix>) {
        self.push(Finding::new(Outcome::Passed, check, evidence, advice));
    }

    pub(crate) fn warned(&mut self, check: impl Display, evidence: impl Display, fix: impl Into<Fix>) {
        self.push(Finding::new(Outcome::Warned, check, evidence, Some(fix.into())));
    }

    /// `consequence`: what follows for the user.
    pub(crate) fn failed(
        &mut self,
        check: impl Display,
        consequence: Consequence,
        evidence: impl Display,
        fix: impl Into<Fix>,
    ) {
        let finding = Finding::new(Outcome::Failed, check, evidence, Some(fix.into()));
        self.push(Finding { consequence: Some(consequence), ..finding });
    }

    pub(crate) fn unknown(&mut self, check: impl Display, evidence: impl Display, fix: impl Into<Fix>) {
        self.push(Finding::new(Outcome::Unknown, check, evidence, Some(fix.into())));
    }

    /// What sshd does is unknown until it has read its files, which `fix` makes it do.
    pub(crate) fn unread_by_sshd(
        &mut self,
        check: impl Display,
        evidence: impl Display,
        fix: impl Into<Fix>,
    ) {
        let finding = Finding::new(Outcome::Unknown, check, evidence, Some(fix.into()));
        self.push(Finding { reloads_sshd: true, ..finding });
    }

    /// Whether something is wrong or unknown of which `is_meant` is true.
    pub(crate) fn any_wrong(&self, is_meant: impl Fn(&Finding) -> bool) -> bool {
        self.0.iter().filter(|finding| finding.is_wrong()).any(is_meant)
    }

    /// Gives all that is wrong or unknown, and whose fix makes sshd read its files, this fix instead.
    pub(crate) fn postpone_reload(&mut self, fix: &Fix) {
        for finding in self.0.iter_mut().filter(|finding| finding.reloads_sshd && finding.is_wrong()) {
            finding.set_fix(fix);
        }
    }

    /// Adds a finding at the end.
    pub(crate) fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }

    /// Adds the result of a check that a login makes, too. `is_root`: whether this program runs as root.
    pub(crate) fn add_result(&mut self, check: Check, result: CheckResult<'_>, is_root: bool) {
        match result {
            CheckResult::Passed(evidence) => self.passed(check, evidence),
            CheckResult::Warned(evidence, fix) => self.warned(check, evidence, fix()),
            CheckResult::Failed(refusal) => match refusal {
                Refusal::NoSuchUser { .. } | Refusal::Lookup(_) => {
                    self.unknown(check, refusal, refusal.fix());
                }
                Refusal::Denied { .. } if !is_root => self.unknown(check, refusal, refusal.fix()),
                // A login waits until this passes.
                _ if refusal.retry_when().is_some() => self.warned(check, refusal, refusal.fix()),
                _ => self.failed(check, refusal.into(), refusal, refusal.fix()),
            },
        }
    }

    /// In the order of the report.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Finding> + Clone {
        self.0.iter()
    }

    /// Whether the admin has closed the account.
    pub(crate) fn say_closed(&self) -> bool {
        self.0.iter().any(|finding| matches!(finding.consequence, Some(Consequence::Closed(_))))
    }

    /// Whether anything is to be done or known.
    pub(crate) fn has_other_than_passed(&self) -> bool {
        self.0.iter().any(|finding| finding.outcome != Outcome::Passed)
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

    /// The status of a report that has these findings.
    pub(crate) fn status(&self) -> Status {
        status(self.iter())
    }

    /// Prints every finding, for people. A long fix stands there once.
    pub(crate) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let mut shown: HashMap<&str, &CheckName> = HashMap::new();
        for finding in &self.0 {
            let long = finding.fix.as_deref().filter(|fix| fix.len() > LONG_FIX);
            let earlier = long.and_then(|fix| shown.get(fix).copied());
            finding.print(earlier, out)?;
            shown.extend(long.filter(|_| earlier.is_none()).map(|fix| (fix, &finding.check)));
        }
        Ok(())
    }

    /// Prints what has not passed for these users, each finding once, with the users that it applies to.
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
            finding.print(None, out)?;
            let users = names.remove(finding).unwrap_or_default();
            let users = format!("applies to {}", listed_first(users.iter()));
            writeln!(out, "  {:<14} {}", "", wrapped(&users, INDENT))?;
        }
        Ok(())
    }
}

/// The status of a report that has these findings. A known problem counts more than an unknown outcome.
pub(super) fn status<'f>(findings: impl Iterator<Item = &'f Finding> + Clone) -> Status {
    let has = |outcome| findings.clone().any(|finding| finding.outcome == outcome);
    match (has(Outcome::Failed), has(Outcome::Unknown)) {
        (true, _) => Status::Problems,
        (false, true) => Status::Unchecked,
        (false, false) => Status::Ok,
    }
}

impl Finding {
    fn new(outcome: Outcome, check: impl Display, evidence: impl Display, fix: Option<Fix>) -> Self {
        let (check, evidence) = (check.to_string().into(), evidence.to_string());
        let mut new = Self {
            check,
            outcome,
            consequence: None,
            evidence,
            fix: None,
            command: None,
            reloads_sshd: false,
        };
        fix.iter().for_each(|fix| new.set_fix(fix));
        new
    }

    fn set_fix(&mut self, fix: &Fix) {
        self.fix = Some(fix.to_string());
        self.command = fix.command().map(str::to_owned);
    }

    /// A finding that has passed with the evidence of `Ok`, or failed with that of `Err`, from which `consequence`
    /// follows and for which `fix` is given.
    pub(crate) fn judged(
        check: impl Display,
        result: Result<String, String>,
        consequence: Consequence,
        fix: impl Into<Fix>,
    ) -> Self {
        match result {
            Ok(evidence) => Self::new(Outcome::Passed, check, evidence, None),
            Err(evidence) => Self {
                consequence: Some(consequence),
                ..Self::new(Outcome::Failed, check, evidence, Some(fix.into()))
            },
        }
    }

    pub(crate) fn evidence(&self) -> &str {
        &self.evidence
    }

    fn is_wrong(&self) -> bool {
        matches!(self.outcome, Outcome::Failed | Outcome::Unknown)
    }

    /// Whether it is of this check of a login.
    pub(crate) fn is_of(&self, check: Check) -> bool {
        self.check == CheckName::from(check.to_string())
    }

    /// Whether it is about sshd, its files or its processes.
    pub(crate) fn is_about_sshd(&self) -> bool {
        self.check.is_about_sshd()
    }

    /// Whether its fix makes sshd read its files.
    pub(crate) fn reloads_sshd(&self) -> bool {
        self.reloads_sshd
    }

    /// Whether it is a fault in how the host is set up for all of its users, also where it was found for one of them.
    pub(crate) fn is_fault_of_host(&self) -> bool {
        self.outcome == Outcome::Failed && self.check.is_about_host()
    }

    /// `same`: the check before that has the same fix.
    fn print(&self, same: Option<&CheckName>, out: &mut impl Write) -> io::Result<()> {
        let mark = match self.outcome {
            Outcome::Passed => Mark::Good,
            Outcome::Failed => Mark::Bad,
            Outcome::Warned | Outcome::Unknown => Mark::Attention,
        };
        writeln!(out, "{mark} {:<14} {}", self.check, wrapped(&one_line(&self.evidence), INDENT))?;
        let Some(fix) = &self.fix else { return Ok(()) };
        let advice = match same {
            Some(check) => advice(&format!("the same as for {check}"), None, INDENT),
            None => advice(fix, self.command.as_deref(), INDENT),
        };
        writeln!(out, "  {:<14} {advice}", "")
    }
}
