//! Checks the order of the module's session lines among the others.

use super::Service;
use crate::desired::pam::{Example, OURS, order};
use crate::host::pam::stack::Stack;
use crate::report::Findings;
use pam_sftpjail::fix::Fix;

impl Service<'_> {
    /// Whether the order is right. Reports what is not. `firsts`: the positions of the lines with `close`; `last`: that
    /// of the line that opens.
    pub(super) fn order(
        &self,
        stack: &Stack,
        firsts: &[&usize],
        last: usize,
        findings: &mut Findings,
    ) -> bool {
        let check = "pam session";
        let mut is_ok = true;
        let mut warned = |evidence: String, fix: Fix| {
            is_ok = false;
            findings.warned(check, evidence, fix);
        };
        let line = |i: usize| stack.lines.get(i).and_then(|line| Some((line, line.module.as_ref()?)));
        let first = firsts.first().map(|i| **i);
        match first.and_then(|first| Some((first, line(first)?))) {
            None => {
                if let Some(other) = order::needs_first(stack, last) {
                    let evidence = format!("no `{OURS} close` line at the top: {}", other);
                    warned(evidence, self.added(stack, Some(Example::new().close), None).into());
                }
            }
            Some((first, (ours, module))) => {
                let close = module.rewritten("session", None);
                let above = order::needs_first(stack, first.min(last));
                let fix = || ours.location.delete().and(self.added(stack, Some(&close), None)).into();
                if first > last {
                    let evidence = format!(
                        "the line that closes, {}, stands below the one that opens, so it does nothing",
                        ours.location
                    );
                    warned(evidence, fix());
                } else if let Some(other) = above {
                    warned(format!("{}: stands too low: {}", ours.location, other), fix());
                }
                if let Some((builder, other)) = line(last) {
                    if module.file() != other.file() {
                        let evidence = format!(
                            "{}: names another file than {}, but both lines must name the same one to work together",
                            ours.location, builder.location
                        );
                        let same = format!("session {} {} close", Example::new().control(), other.path);
                        warned(evidence, ours.location.replace(&same).into());
                    }
                }
            }
        }
        if let Some((second, _)) = firsts.get(1).and_then(|i| line(**i)) {
            warned(
                format!("{}: a second line with `close`, which does nothing", second.location),
                second.location.delete().into(),
            );
        }
        if let Some(other) = order::below_last(stack, last) {
            if let Some((ours, module)) = line(last) {
                let added = self.added(stack, None, Some(&module.rewritten("session", None)));
                let fix = added.and(ours.location.delete()).explained("move this line below it");
                warned(format!("{}: {}", ours.location, other), fix);
            }
        }
        is_ok
    }
}
