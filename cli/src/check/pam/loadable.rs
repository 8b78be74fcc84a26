//! Checks that libpam finds the modules of all lines: without one, it may refuse everybody.

use crate::desired::pam::unloadable::{Effect, find};
use crate::host::pam::stack::Stack;
use crate::report::error::unreadable_fix;
use crate::report::{Consequence, Findings};

/// Checks the lines of one kind.
pub(super) fn examine(kind: &str, stack: &Stack, findings: &mut Findings) {
    let check = format!("pam {kind}");
    let (unloadable, unread) = find(kind, stack);
    for one in unloadable {
        let location = &one.line.location;
        let consequence = match (one.effect, kind) {
            (Effect::Ignored, _) => {
                findings.warned(&check, one.evidence, one.fix);
                continue;
            }
            // Who logs in with a key is not asked for a password.
            (_, "auth") => Consequence::Hindered(format!("PAM refuses passwords because of {location}")),
            (Effect::RefusesEverybody, _) => {
                Consequence::KeptOut(format!("PAM refuses every login because of {location}"))
            }
            (Effect::RefusesSome, _) => {
                Consequence::Unknown(format!("PAM may refuse the login because of {location}"))
            }
        };
        findings.failed(&check, consequence, one.evidence, one.fix);
    }
    for one in unread {
        findings.unknown(&check, format!("{}: {}", one.location, one.why), unreadable_fix());
    }
}
