//! `sftpjail check USER`.

use crate::Verdict;
use crate::rehearse::{self, Rehearsal};
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::plan::{Check, Seen};
use pam_sftpjail::session::{Standing, examine};
use serde::Serialize;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write};
use std::path::Path;

/// The version of the JSON document; it grows when a key changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    version: u32,
    user: String,
    verdict: Verdict,
    findings: Vec<Finding>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rehearsal: Option<Rehearsal>,
}

#[derive(Serialize)]
struct Finding {
    check: String,
    outcome: Outcome,
    /// What was seen, or what is wrong.
    evidence: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cure: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum Outcome {
    Passed,
    /// The user can log in; yet something should be otherwise.
    Warned,
    Failed,
    /// Not to be seen without being root, or without an answer from NSS.
    Unseen,
}

/// Checks, and writes the report to `out`. A reader who has seen enough does not change the verdict.
pub(crate) fn run(
    config: Option<&Path>,
    user: &str,
    json: bool,
    out: &mut impl Write,
) -> io::Result<Verdict> {
    let report = examined(config, user);
    let written = if json {
        serde_json::to_writer_pretty(&mut *out, &report).map_err(io::Error::from).and_then(|()| writeln!(out))
    } else {
        print(&report, out)
    };
    match written.and_then(|()| out.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
        _ => Ok(report.verdict),
    }
}

fn examined(path: Option<&Path>, user: &str) -> Report {
    let mut findings = Vec::new();
    let mut rehearsal = None;
    let not_jailed = match Config::load(path) {
        Err(error) => {
            let cure = "mend it; until then no jail is built, and sshd refuses whoever it is told to chroot";
            let (outcome, cure) = if error.is_denied() && !geteuid().is_root() {
                (Outcome::Unseen, "run this as root")
            } else {
                (Outcome::Failed, cure)
            };
            findings.push(Finding::new("configuration", outcome, &error, Some(cure.into())));
            None
        }
        Ok(config) => {
            let file = path.unwrap_or(Path::new(DEFAULT_PATH));
            let origin = if file.exists() { "is sound" } else { "is missing: the built-in default holds" };
            let evidence = format!("{} {origin}", escaped(file));
            findings.push(Finding::new("configuration", Outcome::Passed, &evidence, None));
            let standing = examine(&config, user, &mut |check, seen| {
                findings.push(Finding::of(check, seen));
            });
            match standing {
                Ok(Standing::NotJailed(why)) => Some(why),
                Ok(Standing::Member(member)) => {
                    // Its finding says it.
                    let _ = member.check_sessions(&mut |check, seen| {
                        findings.push(Finding::of(check, seen));
                    });
                    let (finding, seen) = rehearsed(path, user);
                    findings.push(finding);
                    for place in seen.iter().flat_map(|seen| &seen.procfs) {
                        let evidence = format!(
                            "a procfs is mounted at {place} in the jail; through it a process of the user's \
                             that is not jailed leads out"
                        );
                        let cure = Some("unmount it on the host".into());
                        findings.push(Finding::new("rehearsal", Outcome::Warned, &evidence, cure));
                    }
                    rehearsal = seen;
                    None
                }
                // Its finding is in the list already.
                Err(_) => None,
            }
        }
    };
    let has = |outcome| findings.iter().any(|f: &Finding| f.outcome == outcome);
    let verdict = match not_jailed {
        Some(why) => {
            findings.push(Finding::new("profile", Outcome::Passed, &why, None));
            Verdict::NotJailed
        }
        None if has(Outcome::Failed) => Verdict::Problems,
        None if has(Outcome::Unseen) => Verdict::Unchecked,
        None => Verdict::Sound,
    };
    Report { version: VERSION, user: user.to_owned(), verdict, findings, rehearsal }
}

fn rehearsed(config: Option<&Path>, user: &str) -> (Finding, Option<Rehearsal>) {
    let finding = |outcome, evidence: &dyn Display, cure| Finding::new("rehearsal", outcome, evidence, cure);
    if !geteuid().is_root() {
        let evidence = "only root can build a jail";
        return (finding(Outcome::Unseen, &evidence, Some("run this as root".into())), None);
    }
    match rehearse::run(config, user) {
        Ok(Ok(seen)) => {
            let evidence =
                format!("built in {} µs; {} enters it at {}", seen.microseconds, escaped(user), seen.home);
            (finding(Outcome::Passed, &evidence, None), Some(seen))
        }
        Ok(Err(failure)) => (finding(Outcome::Failed, &failure.problem, Some(failure.cure)), None),
        Err(error) => (finding(Outcome::Unseen, &error, Some("run this again".into())), None),
    }
}

impl Finding {
    fn new(check: impl Into<String>, outcome: Outcome, evidence: &dyn Display, cure: Option<String>) -> Self {
        Self { check: check.into(), outcome, evidence: evidence.to_string(), cure }
    }

    fn of(check: Check, seen: Seen<'_>) -> Self {
        let key = check.to_string();
        match seen {
            Seen::Passed(evidence) => Self::new(key, Outcome::Passed, evidence, None),
            Seen::Warned(evidence, cure) => Self::new(key, Outcome::Warned, evidence, Some(cure.into())),
            Seen::Failed(refusal) => {
                let outcome = match refusal {
                    Refusal::NoSuchUser { .. } | Refusal::Lookup { .. } => Outcome::Unseen,
                    Refusal::Denied { .. } if !geteuid().is_root() => Outcome::Unseen,
                    // It passes.
                    Refusal::TooManySessions { .. } => Outcome::Warned,
                    _ => Outcome::Failed,
                };
                Self::new(key, outcome, refusal, Some(refusal.cure()))
            }
        }
    }
}

fn print(report: &Report, out: &mut impl Write) -> io::Result<()> {
    for finding in &report.findings {
        let mark = match finding.outcome {
            Outcome::Passed => '✓',
            Outcome::Failed => '✗',
            Outcome::Warned | Outcome::Unseen => '!',
        };
        writeln!(out, "{mark} {:<14} {}", finding.check, finding.evidence)?;
        if let Some(cure) = &finding.cure {
            writeln!(out, "  {:<14} → {cure}", "")?;
        }
    }
    if let Some(rehearsal) = &report.rehearsal {
        rehearsal.print(out)?;
    }
    let user = escaped(&report.user);
    match report.verdict {
        Verdict::Sound => {
            writeln!(
                out,
                "A jail can be built for {user}. (Whether sshd and PAM send {user} there is not looked at yet.)"
            )
        }
        Verdict::Problems => writeln!(out, "{user} is refused until what is marked ✗ is mended."),
        Verdict::Unchecked => writeln!(out, "{user} could not be checked: see what is marked !."),
        Verdict::NotJailed => writeln!(out, "{user} is not jailed by this policy."),
    }
}
