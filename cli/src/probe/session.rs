//! Tries everything in one login: the steps of the table, the guard, and to write.

use super::cause::{self, Cause, Facts};
use super::complaint::complaint;
use super::connection::Connection;
use super::expected::Expected;
use super::parent::Parent;
use super::report::Report;
use super::{attempt, guard, judge, steps, writing};
use crate::report::{Consequence, Finding};
use std::io;

/// Tries every step of the table, and then to write. Gives names that the log must have then; `None` if no
/// session came about, and it is known why.
pub(super) fn try_steps(
    report: &mut Report,
    connection: &Connection<'_>,
    expected: &Expected,
    facts: &Facts<'_>,
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
            fix: steps::not_served_fix(expected).into(),
        });
        let consequence = Consequence::KeptOut("SFTP is not served".into());
        report.add(Finding::judged("sftp", Err(format!("is not served: {evidence}")), consequence, fix));
    }
    for step in steps::table(expected) {
        parent.check()?;
        // Where no session comes about, what sshd would run in it does not show.
        if is_served || !(step.attempt.needs_sftp() || has_cause && step.attempt.needs_session()) {
            let attempted = attempt::run(connection, &step.attempt)?;
            let judgement = judge::judge(&attempted, &step.expectation, expected.user.as_str());
            let evidence = judgement.as_ref().err().map(String::as_str).unwrap_or_default();
            let consequence = step.expectation.consequence(evidence);
            report.add(Finding::judged(step.name, judgement, consequence, step.fix));
        }
    }
    if is_served && let Some(judgement) = guard::try_to_change(connection, expected)? {
        let consequence = Consequence::NotJailed("guarded names can be changed".into());
        report.add(Finding::judged("guard", judgement, consequence, "report this as a bug"));
    }
    let mut names = Vec::new();
    for directory in expected.directories.iter().filter(|_| is_served) {
        parent.check()?;
        let written = writing::try_in(connection, directory, expected.user.as_str())?;
        report.add_written(directory, &written, &expected.account);
        names.push(written.name);
    }
    parent.check()?;
    // Without a session there are no log entries of one.
    Ok(Some(names).filter(|_| !has_cause))
}
