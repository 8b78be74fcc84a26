//! The report of a probe, as text and as JSON.

use super::host_directory::HostDirectory;
use super::sshd_fix::SshdFixes;
use super::writing::Written;
use crate::desired::home_access::Need;
use crate::report::conclusion::Standing;
use crate::report::json::{VERSION, document};
use crate::report::terminal::wrapped;
use crate::report::{Conclusion, Consequence, Finding, Findings, Outcome, Status};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use serde::{Deserialize, Serialize};
use std::fmt::Display;
use std::io::{self, Write};

/// The report. It is the JSON document, too.
#[derive(Serialize, Deserialize)]
pub(super) struct Report {
    version: u32,
    user: String,
    status: Status,
    /// The time from the client's start to the first answer, in ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) login_ms: Option<u64>,
    /// The time that the module took of it, by its own measurement, in µs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) module_us: Option<u64>,
    /// The time to build the jail in a rehearsal, where there is no measurement of the login, in µs.
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

    /// Adds a finding. An unknown outcome counts more than a failed one, because the probe ended there.
    pub(super) fn add(&mut self, finding: Finding) {
        self.findings.push(finding);
        self.status = match (self.findings.has(Outcome::Unknown), self.findings.status()) {
            (true, _) => Status::Unchecked,
            (false, status) => status,
        };
    }

    /// Adds a warning, which changes no status.
    pub(super) fn warn(&mut self, check: impl Display, evidence: impl Display, fix: impl Into<Fix>) {
        self.findings.warned(check, evidence, fix);
    }

    /// Adds what a probe cannot tell.
    pub(super) fn unknown(&mut self, check: impl Display, evidence: impl Display, fix: impl Into<Fix>) {
        self.findings.unknown(check, evidence, fix);
        self.status = Status::Unchecked;
    }

    /// Ends with the reason why the probe could not be started or finished.
    pub(super) fn unable(mut self, why: &dyn Display, fix: impl Into<Fix>) -> Self {
        self.unknown("probe", why, fix);
        self
    }

    /// Ends with the reason why the user is in no profile. `advice`: how to get into one.
    pub(super) fn in_no_profile(mut self, why: &dyn Display, advice: Option<Fix>) -> Self {
        self.findings.passed_with("profile", why, advice);
        self.status = Status::InNoProfile;
        self
    }

    /// Adds what came of writing into a directory.
    /// `confined`: the fix where the jail does not hold what it should.
    pub(super) fn add_written(
        &mut self,
        directory: &HostDirectory,
        written: &Written,
        account: &Account,
        confined: impl FnOnce() -> Fix,
    ) {
        let fix = match &written.cause {
            _ if written.sftp.is_ok() => "".into(),
            _ if directory.read_only => confined(),
            Some(fix) => fix.clone(),
            None => directory.fix(account, Need::Write),
        };
        let shown = escaped(&directory.path);
        let consequence = match directory.read_only {
            true => Consequence::NotJailed(format!("{shown}, which is read-only, can be written")),
            false => Consequence::Hindered(format!("cannot write in {shown}")),
        };
        let at = |evidence: &String| format!("{shown}: {evidence}");
        let judgement = written.sftp.as_ref().map(at).map_err(at);
        self.add(Finding::judged("write", judgement, consequence, fix));
        if let Some(scp) = &written.scp {
            let fix = "let sshd serve scp by SFTP, as it serves sftp";
            self.add(Finding::judged("scp", scp.clone(), Consequence::None, fix));
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
                (None, None) => "and the time that the module took is unknown".to_owned(),
            };
            writeln!(out, "{}", wrapped(&format!("The login took {login} ms, {module}."), 0))?;
        }
        match self.status {
            Status::Ok | Status::Problems | Status::CannotLogIn => {
                // Where a login is refused, nothing shows whether the user would be jailed.
                let membership = match self.login_ms {
                    Some(_) => Standing::Member,
                    None => Standing::Undecided,
                };
                Conclusion::of(&self.user, membership, &self.findings, &Findings::default()).print(out)
            }
            Status::Unchecked => {
                writeln!(out, "{}", wrapped(&format!("{user} could not be probed: see what is marked !."), 0))
            }
            Status::InNoProfile => {
                writeln!(out, "{}", wrapped(&format!("{user} is in no profile, and was not probed."), 0))
            }
        }
    }
}

/// The fix where log entries are missing.
pub(super) fn log_fix(fixes: &SshdFixes<'_>) -> Fix {
    fixes.of_log().unwrap_or_else(|| "check that rsyslog or the journal runs".into())
}
