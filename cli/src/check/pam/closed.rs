//! Checks that a login can get through PAM's lines at all: one wrong control field refuses everybody.

use crate::host::pam::stack::{Line, Stack};
use crate::report::{Consequence, Findings};
use pam_sftpjail::escape::{escaped, one_line};
use std::collections::BTreeSet;

const DENY: &str = "pam_deny.so";

/// Checks the lines of one kind, whose modules can be loaded. The module's own lines are checked elsewhere.
pub(super) fn examine(kind: &str, stack: &Stack, findings: &mut Findings) {
    let is_read = stack.unreadable.is_empty() && stack.illegal.is_empty();
    let outcome = stack.outcome(kind, &BTreeSet::new());
    if outcome.can_succeed || !is_read {
        return;
    }
    let called: Vec<&Line> = outcome.called.iter().filter_map(|at| stack.lines.get(*at)).collect();
    let check = format!("pam {kind}");
    let reason = |at: &str| Consequence::KeptOut(format!("PAM refuses every login because of {at}"));
    // Where libpam does not understand the control field, it does so for each answer.
    if let Some(line) = called.iter().find(|line| line.refuses_on("success")) {
        let Some(module) = line.module.as_ref().filter(|_| !line.is_ours()) else { return };
        let location = &line.location;
        let (text, path) = (one_line(&module.control.text), escaped(&module.path));
        let evidence = format!(
            "{location}: with {text}, libpam refuses everybody, root too, also where {path} succeeds"
        );
        let fix = format!("correct the control field at {location}, or remove that line");
        findings.failed(check, reason(&location.to_string()), evidence, fix);
    } else if called.iter().any(|line| line.is(DENY)) {
        let denying = called.iter().filter(|line| line.is(DENY));
        let at = denying.map(|line| line.location.to_string()).collect::<Vec<_>>().join(" or ");
        let evidence = format!("every login gets to {DENY} at {at}, which refuses everybody, root too");
        let fix = "remove the line that should not be there, if users should be able to log in";
        findings.failed(check, reason(&at), evidence, fix);
    }
}
