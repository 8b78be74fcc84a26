//! Tries everything in one login: the steps of the table, the guard, and to write.

use super::cause::{self, Cause, Facts};
use super::complaint::complaint;
use super::connection::Connection;
use super::expected::Expected;
use super::host_directory::HostDirectory;
use super::parent::Parent;
use super::report::Report;
use super::sshd_fix::SshdFixes;
use super::steps::{FOREIGN, ROOT, StepFix};
use super::{attempt, guard, judge, steps, writing};
use crate::host::rehearsal;
use crate::report::{Consequence, Finding};
use pam_sftpjail::fix::Fix;
use std::io;

/// Tries every step of the table, and then to write. Gives names that the log must have then; `None` if no
/// session came about, and it is known why.
pub(super) fn try_steps(
    report: &mut Report,
    connection: &Connection<'_>,
    expected: &Expected,
    facts: &Facts<'_>,
    fixes: &SshdFixes<'_>,
    parent: &Parent,
) -> io::Result<Option<Vec<String>>> {
    let first = attempt::run(connection, &steps::FIRST)?;
    let is_served = first.output.success;
    let mut has_cause = false;
    if !is_served {
        let cause = cause::new_password(&connection.said(), &expected.account).or_else(|| facts.cause());
        has_cause = cause.is_some();
        let Cause { evidence, fix } = cause.unwrap_or_else(|| Cause {
            evidence: complaint(&first.output),
            fix: fix_of(&steps::SERVING, fixes),
        });
        let consequence = Consequence::KeptOut("SFTP is not served".into());
        report.add(Finding::judged("sftp", Err(format!("is not served: {evidence}")), consequence, fix));
    }
    let mut is_root_seen = false;
    let scp = connection.tools.scp;
    for step in steps::table(expected, scp) {
        parent.check()?;
        // Where no session comes about, what sshd would run in it does not show.
        if is_served || !(step.attempt.needs_sftp() || has_cause && step.attempt.needs_session()) {
            let attempted = attempt::run(connection, &step.attempt)?;
            let judgement = judge::judge(&attempted, &step.expectation, expected.user.as_str());
            let evidence = judgement.as_ref().err().map(String::as_str).unwrap_or_default();
            is_root_seen |= step.name == ROOT && (evidence.is_empty() || evidence.starts_with(FOREIGN));
            let consequence = step.expectation.consequence(evidence);
            let fix = if judgement.is_ok() { "".into() } else { fix_of(&step.fix, fixes) };
            report.add(Finding::judged(step.name, judgement, consequence, fix));
        }
    }
    if is_served && expected.fetches_by_scp() {
        if let Err(why) = scp.sftp() {
            report.add(Finding::judged("scp", Ok(why.to_owned()), Consequence::None, ""));
        }
    }
    if !is_root_seen {
        report.add(chroot(fixes));
    }
    if is_served {
        if let Some(judgement) = guard::try_to_change(connection, expected)? {
            let consequence = Consequence::NotJailed("guarded names can be changed".into());
            report.add(Finding::judged("guard", judgement, consequence, confined(fixes)));
        }
    }
    let mut names = Vec::new();
    for directory in expected.directories.iter().filter(|_| is_served) {
        parent.check()?;
        let user = expected.user.as_str();
        let try_in = |directory: &HostDirectory| writing::try_in(connection, directory, user, fixes.settings);
        let mut written = try_in(directory)?;
        let rehearsed = written.is_for_modes().then(|| rehearsal::run(fixes.path, user).ok()?.ok()).flatten();
        let portal = rehearsed.as_ref().and_then(|rehearsed| directory.portal(rehearsed));
        let within = portal.as_ref().map(try_in).transpose()?;
        if let Some(rehearsed) = rehearsed.filter(|_| portal.is_none()) {
            written.cause = directory.fix_for_many(&rehearsed);
        }
        let (place, tried) = portal.as_ref().zip(within.as_ref()).unwrap_or((directory, &written));
        report.add_written(place, tried, &expected.account, || confined(fixes));
        // What its options forbid, internal-sftp does not log.
        if !fixes.settings.is_limited() {
            names.extend([Some(written), within].into_iter().flatten().map(|written| written.name));
        }
    }
    parent.check()?;
    // Without a session there are no log entries of one.
    Ok(Some(names).filter(|_| !has_cause))
}

/// The fix where every setting is as it should be.
const BUG: &str = "report this as a bug";

fn fix_of(fix: &StepFix, fixes: &SshdFixes<'_>) -> Fix {
    match fix {
        StepFix::Sshd(keywords) => fixes.of(keywords).unwrap_or_else(|| BUG.into()),
        StepFix::Start => fixes.of(&["ChrootDirectory"]).unwrap_or_else(|| fixes.expected.start_fix()),
        StepFix::Sentence(sentence) => sentence.into(),
    }
}

/// The fix where the jail does not hold what it should: without the chroot, the session does not see the jail.
fn confined(fixes: &SshdFixes<'_>) -> Fix {
    fixes.of(&["ChrootDirectory"]).unwrap_or_else(|| BUG.into())
}

/// Where the user could not list `/`, only sshd's settings show whether the session is in the jail.
fn chroot(fixes: &SshdFixes<'_>) -> Finding {
    let Some(fix) = fixes.of(&["ChrootDirectory"]) else {
        let chroot = fixes.settings.value("ChrootDirectory").unwrap_or_default();
        let evidence = format!("sshd's ChrootDirectory is {chroot}");
        return Finding::judged("chroot", Ok(evidence), Consequence::None, "");
    };
    let (evidence, consequence) = match fixes.settings.value("ChrootDirectory") {
        Some(chroot) => {
            let words = format!("ChrootDirectory of sshd is {chroot}");
            (format!("{words}, so the session is in no jail"), Consequence::NotJailed(words))
        }
        None => {
            let words = "sshd does not say where it chroots the user to";
            (words.to_owned(), Consequence::Unknown(words.to_owned()))
        }
    };
    Finding::judged("chroot", Err(evidence), consequence, fix)
}
