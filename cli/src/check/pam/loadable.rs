//! Checks that libpam finds the modules of all lines: without one, it may refuse everybody.

use crate::desired::pam::unloadable::{Effect, find};
use crate::host::pam::stack::Stack;
use crate::report::{Consequence, Findings};

/// Checks the lines of one kind. Returns whether libpam refuses everybody because of one that it does not find.
pub(super) fn examine(kind: &str, stack: &Stack, findings: &mut Findings) -> bool {
    let check = format!("pam {kind}");
    let (unloadable, unread) = find(kind, stack);
    let refuses = unloadable.iter().any(|one| one.effect == Effect::RefusesEverybody);
    for one in unloadable {
        let location = &one.line.location;
        match (one.effect, kind) {
            (Effect::RefusesEverybody, "auth") => {
                // Who logs in with a key is not asked for a password.
                let consequence =
                    Consequence::Hindered(format!("PAM refuses passwords because of {location}"));
                findings.failed(&check, consequence, one.evidence, one.fix);
            }
            (Effect::RefusesEverybody, _) => {
                let consequence =
                    Consequence::KeptOut(format!("PAM refuses every login because of {location}"));
                findings.failed(&check, consequence, one.evidence, one.fix);
            }
            (Effect::Ignored, _) | (Effect::RefusesSome, "auth") => {
                findings.warned(&check, one.evidence, one.fix);
            }
            // Such as those whom pam_localuser above it does not know.
            (Effect::RefusesSome, _) => findings.unknown(&check, one.evidence, one.fix),
        }
    }
    for one in unread {
        findings.unknown(&check, format!("{}: {}", one.location, one.why), one.fix);
    }
    refuses
}
