//! Stacks through which no login can get: one wrong control field refuses everybody.

use crate::host::pam::stack::{Line, Stack};
use pam_sftpjail::escape::{escaped, one_line};
use std::collections::BTreeSet;

const DENY: &str = "pam_deny.so";

/// Why no login can get through a stack whose modules can be loaded.
pub(crate) struct Closed {
    /// The lines, for a sentence.
    pub(crate) at: String,
    /// What is so.
    pub(crate) evidence: String,
    pub(crate) fix: String,
}

impl Closed {
    /// `None`: a login can get through, or one of the module's own lines is the reason, or not all lines are known.
    pub(crate) fn find(kind: &str, stack: &Stack) -> Option<Self> {
        let is_read = stack.unreadable.is_empty() && stack.illegal.is_empty();
        let outcome = stack.outcome(kind, &BTreeSet::new());
        if outcome.can_succeed || !is_read {
            return None;
        }
        let called: Vec<&Line> = outcome.called.iter().filter_map(|at| stack.lines.get(*at)).collect();
        // Where libpam does not understand the control field, it does so for each answer.
        if let Some(line) = called.iter().find(|line| line.refuses_on("success")) {
            let module = line.module.as_ref().filter(|_| !line.is_ours())?;
            let at = line.location.to_string();
            let (text, path) = (one_line(&module.control.text), escaped(&module.path));
            let evidence =
                format!("{at}: with {text}, libpam refuses everybody, root too, also where {path} succeeds");
            let meant = module.control.meant().map(|meant| format!(" (did you mean {meant}?)"));
            let meant = meant.unwrap_or_default();
            let fix = format!("correct the control field at {at}{meant}, or remove that line");
            return Some(Self { at, evidence, fix });
        }
        let denying: Vec<_> =
            called.iter().filter(|line| line.is(DENY)).map(|line| line.location.to_string()).collect();
        let at = (!denying.is_empty()).then(|| denying.join(" or "))?;
        let evidence = format!("every login gets to {DENY} at {at}, which refuses everybody, root too");
        let fix = "remove the line that should not be there, if users should be able to log in".to_owned();
        Some(Self { at, evidence, fix })
    }
}
