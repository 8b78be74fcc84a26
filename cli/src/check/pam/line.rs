//! Checks one line of the module's: its control field, its arguments, and whether PAM reaches it.

use super::Service;
use crate::desired::pam::{Flaw, flaw};
use crate::host::pam::stack::{Line, Module, Stack};
use crate::report::location::{Edit, Location};
use crate::report::{Consequence, Findings};
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::session::SessionLine;
use std::path::Path;

impl Service<'_> {
    /// Whether one of the module's lines is ok. Reports what is not.
    pub(super) fn line(
        &self,
        kind: &str,
        stack: &Stack,
        (position, line, module): (usize, &Line, &Module),
        maker: Option<&(usize, Location)>,
        findings: &mut Findings,
    ) -> bool {
        let check = format!("pam {kind}");
        let location = &line.location;
        let rewritten = module.rewritten(kind, None);
        let mut is_ok = true;
        let mut failed_with = |consequence: Consequence, evidence: String, fix: Edit| {
            is_ok = false;
            findings.failed(&check, consequence, evidence, fix);
        };
        let mut failed = |evidence, fix| failed_with(Consequence::None, evidence, fix);
        match (maker, kind) {
            (Some((_, maker)), "account") => {
                let evidence = format!(
                    "{location}: refuses users whose home is missing, though {maker} makes homes in the session"
                );
                failed(evidence, location.delete());
            }
            (Some((after, maker)), _) if *after > position => {
                let evidence = format!("{location}: stands above the line that makes homes ({maker})");
                let added = self.added(stack, None, Some(&rewritten));
                failed(evidence, added.and(location.delete()));
            }
            _ => {}
        }
        let text = escaped(&module.control.text);
        // A first line never refuses.
        let is_first = kind == "session" && line.part() == SessionLine::Close;
        match flaw(&module.control).filter(|flaw| !(is_first && *flaw == Flaw::RefusalIsNotFinal)) {
            None => {}
            Some(Flaw::RefusalIsNotFinal) => {
                let evidence = format!("{location}: {text} does not make a refusal final");
                failed(evidence, location.replace(&rewritten));
            }
            Some(flaw @ (Flaw::RefusesEverybody | Flaw::RefusesMembers)) => {
                let (whom, logins) = match flaw {
                    Flaw::RefusesEverybody => ("everybody, root too", "every login"),
                    _ => ("the members whom the module lets in", "members"),
                };
                let consequence = Consequence::KeptOut(format!("PAM refuses {logins} because of {location}"));
                let evidence = format!("{location}: {text} refuses {whom}");
                failed_with(consequence, evidence, location.replace(&rewritten));
            }
            Some(Flaw::RefusesOthers) => {
                let evidence = format!("{location}: {text} refuses everybody who is not a member, root too");
                failed(evidence, location.replace(&rewritten));
            }
            Some(Flaw::RefusesIfUnloadable) => {
                let evidence = format!(
                    "{location}: with {text}, everybody is refused, root too, if the module's file is missing or cannot be loaded"
                );
                is_ok = false;
                findings.warned(&check, evidence, location.replace(&rewritten));
            }
        }
        if let Some((problem, consequence)) = self.arguments(module, is_first) {
            let fix = "the module takes the arguments config=PATH, debug, open and close; this program takes --config PATH";
            is_ok = false;
            findings.failed(&check, consequence, format!("{location}: {problem}"), fix);
        }
        let skips = stack.skips(position);
        let worst = skips.iter().find(|skip| skip.on_success).or(skips.first());
        let skipped = worst.and_then(|skip| {
            let other = stack.lines.get(skip.line)?;
            Some((skip, other, other.module.as_ref()?))
        });
        if let Some((skip, other, skipper)) = skipped {
            let when = if skip.on_success { "succeeds" } else { "does not succeed" };
            let evidence = format!(
                "{location} is skipped when {} ({}) at {} {when}",
                escaped(&skipper.path),
                one_line(&skipper.control.text),
                other.location
            );
            // Above the line of the service's own file that includes the other one.
            let moved = location.delete().and(other.top.insert(&[&rewritten]));
            is_ok = false;
            if skip.on_success && !is_first {
                let consequence = match kind {
                    "session" => Consequence::NoJail(format!("PAM skips {location}")),
                    _ => Consequence::None,
                };
                findings.failed(&check, consequence, evidence, moved.explained("move it up"));
            } else {
                findings.warned(&check, evidence, moved.explained("if that is not intended, move it up"));
            }
        }
        is_ok
    }

    /// What is wrong with the arguments of a line, if anything, and what follows. The first line reads no
    /// configuration.
    fn arguments(&self, module: &Module, is_first: bool) -> Option<(String, Consequence)> {
        let arguments = module.parsed();
        if let Some(argument) = arguments.unknown {
            let why = format!("the module does not know the argument {argument}");
            let problem = format!("unknown argument {argument}, so the module refuses members");
            return Some((problem, Consequence::Refused(why)));
        }
        let usual = Path::new(DEFAULT_PATH);
        let named = arguments.config.as_deref().unwrap_or(usual);
        let checked = self.config.unwrap_or(usual);
        (named != checked && !is_first).then(|| {
            let why = format!("the module uses another configuration, {}", escaped(named));
            let problem =
                format!("the module uses {}, but this check uses {}", escaped(named), escaped(checked));
            (problem, Consequence::Unknown(why))
        })
    }
}
