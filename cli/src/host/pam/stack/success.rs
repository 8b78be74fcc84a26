//! Whether a stack can succeed where libpam cannot load some of its modules, as pam_dispatch.c goes through it.

use super::super::control::Action;
use super::{Line, Stack};
use std::collections::BTreeSet;

/// What libpam has made of the answers so far.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Impression {
    Undecided,
    Positive,
    /// Only a `reset` leads out of it.
    Negative,
}

/// What can become of a stack.
pub(crate) struct Outcome {
    pub(crate) can_succeed: bool,
    /// The positions of the lines whose modules may be called.
    pub(crate) called: BTreeSet<usize>,
}

/// What a module answers.
#[derive(Clone, Copy)]
enum Answer {
    Success,
    Other(Action),
}

impl Stack {
    /// What can become of this stack of `kind` if libpam cannot load the modules of the lines at these positions. It
    /// takes `module_unknown` for their answer, with and without `-` before the line: pam.conf(5). Other modules may
    /// answer anything, but pam_deny refuses and pam_permit never does.
    pub(crate) fn outcome(&self, kind: &str, missing: &BTreeSet<usize>) -> Outcome {
        let mut outcome = Outcome { can_succeed: false, called: BTreeSet::new() };
        let mut reached = BTreeSet::from([(0, Impression::Undecided)]);
        while let Some((at, impression)) = reached.pop_first() {
            let Some(line) = self.lines.get(at) else {
                outcome.can_succeed |= impression == Impression::Positive;
                continue;
            };
            if line.module.is_none() {
                reached.insert((at + 1, impression));
                continue;
            }
            outcome.called.insert(at);
            let answers = answers(line, kind, missing.contains(&at));
            reached.extend(answers.into_iter().filter_map(|answer| self.next(at, line, impression, answer)));
        }
        outcome
    }

    /// Whether libpam refuses the login where it gets to the line at this position, and cannot load its module.
    pub(crate) fn refuses_unknown(&self, at: usize) -> bool {
        let module = self.lines.get(at).and_then(|line| line.module.as_ref());
        let action = module.map(|module| module.control.on("module_unknown"));
        matches!(action, Some(Action::Bad | Action::Die | Action::Ok | Action::Done))
    }

    /// Where an answer of the line at this position leads. `None`: the stack cannot succeed.
    fn next(
        &self,
        at: usize,
        line: &Line,
        impression: Impression,
        answer: Answer,
    ) -> Option<(usize, Impression)> {
        let (action, is_success) = match answer {
            Answer::Success => (line.module.as_ref()?.control.on("success"), true),
            Answer::Other(action) => (action, false),
        };
        match action {
            Action::Ignore => Some((at + 1, impression)),
            // The state at the beginning of the substack, which may have been better.
            Action::Reset => Some((at + 1, Impression::Undecided)),
            Action::Bad => Some((at + 1, Impression::Negative)),
            Action::Die => Some((self.after_stack(at, line.level), Impression::Negative)),
            Action::Jump(count) => Some((self.after_jump(at, line.level, count)?, impression)),
            // What such a module has answered becomes the answer of the stack.
            Action::Ok | Action::Done if !is_success => None,
            Action::Ok | Action::Done if impression == Impression::Negative => Some((at + 1, impression)),
            Action::Ok => Some((at + 1, Impression::Positive)),
            Action::Done => Some((self.after_stack(at, line.level), Impression::Positive)),
        }
    }
}

/// What the module of a line of this kind may answer.
fn answers(line: &Line, kind: &str, is_missing: bool) -> Vec<Answer> {
    let Some(module) = &line.module else { return Vec::new() };
    let on = |answer| vec![Answer::Other(module.control.on(answer))];
    match kind {
        _ if is_missing => on("module_unknown"),
        // pam_deny.c.
        "session" if line.is("pam_deny.so") => on("session_err"),
        _ if line.is("pam_deny.so") => on("auth_err"),
        // pam_permit.c.
        _ if line.is("pam_permit.so") => vec![Answer::Success],
        _ => module.control.otherwise().map(Answer::Other).chain([Answer::Success]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::Reader;
    use super::*;
    use std::path::Path;

    /// Whether a stack of these account lines can succeed without pam_x.so.
    fn can_succeed(text: &str) -> bool {
        let mut stack = Stack::default();
        let reader = Reader { kind: "account", named_at: None, top: None, level: 0, depth: 0 };
        reader.lines(Path::new("/etc/pam.d/sshd"), text, &mut stack);
        let missing = stack.positions("pam_x.so").into_iter().collect();
        stack.outcome("account", &missing).can_succeed
    }

    #[test]
    fn a_module_that_cannot_be_loaded_answers_module_unknown() {
        for (lines, expected) in [
            ("account required pam_x.so\naccount required pam_permit.so", false),
            ("-account required pam_x.so\naccount required pam_permit.so", false),
            ("account required pam_permit.so\naccount requisite pam_x.so", false),
            ("account optional pam_x.so\naccount required pam_permit.so", true),
            // Nothing has succeeded.
            ("account optional pam_x.so", false),
            ("account sufficient pam_x.so\naccount required pam_permit.so", true),
            ("account sufficient pam_localuser.so\naccount required pam_x.so", true),
            (
                "account [success=ok module_unknown=ignore default=bad] pam_x.so\naccount required pam_a.so",
                true,
            ),
            ("account [success=ok default=bad] pam_x.so\naccount required pam_a.so", false),
            // Debian's common-account.
            (
                "account [success=1 default=ignore] pam_x.so\naccount requisite pam_deny.so\naccount required pam_permit.so",
                false,
            ),
            (
                "account [success=1 default=ignore] pam_unix.so\naccount requisite pam_deny.so\naccount required pam_permit.so",
                true,
            ),
            (
                "account [success=1 default=ignore] pam_a.so\naccount required pam_x.so\naccount required pam_b.so",
                true,
            ),
            ("account required pam_x.so\naccount sufficient pam_permit.so", false),
            // The answer that is taken for the stack's is still no success.
            ("account [module_unknown=ok default=ignore] pam_x.so\naccount required pam_a.so", false),
            // As libpam reads a control field that it does not know.
            ("account required pam_a.so\naccount requird pam_b.so", false),
            ("account [success=die default=ignore] pam_permit.so\naccount required pam_a.so", false),
            ("account [success=die default=ignore] pam_localuser.so\naccount required pam_a.so", true),
        ] {
            assert_eq!(can_succeed(lines), expected, "{lines}");
        }
    }
}
