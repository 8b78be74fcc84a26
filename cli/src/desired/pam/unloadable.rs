//! Lines of PAM whose modules libpam cannot load, and what follows for logins.

use super::OURS;
use crate::host::pam::module::{names, unloadable};
use crate::host::pam::stack::{Line, Stack};
use crate::report::Location;
use crate::report::error::unreadable_fix;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::suggestion::nearest;
use std::collections::BTreeSet;
use std::path::Path;

/// A line whose module libpam cannot load.
pub(crate) struct Unloadable<'s> {
    pub(crate) line: &'s Line,
    pub(crate) effect: Effect,
    /// What is so.
    pub(crate) evidence: String,
    pub(crate) fix: String,
}

/// What libpam does without the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It refuses everybody, root too.
    RefusesEverybody,
    /// It refuses those for whom it gets to the line.
    RefusesSome,
    Ignored,
}

/// A module's file that could not be read: the line that names it, the error and its fix.
pub(crate) struct Unread<'s> {
    pub(crate) location: &'s Location,
    pub(crate) why: String,
    pub(crate) fix: &'static str,
}

/// The lines of this stack of `kind` whose modules libpam cannot load, and those for which that is unknown. The
/// module's own lines are among them only where libpam then refuses logins.
pub(crate) fn find<'s>(kind: &str, stack: &'s Stack) -> (Vec<Unloadable<'s>>, Vec<Unread<'s>>) {
    let (mut all, mut unread) = (Vec::new(), Vec::new());
    for (at, line) in stack.lines.iter().enumerate() {
        let Some(module) = &line.module else { continue };
        match unloadable(&module.path) {
            Ok(None) => {}
            Ok(Some(why)) => all.push((at, line, module.path.as_str(), why)),
            Err(error) => {
                let why = format!("whether libpam can load {} is unknown: {error}", escaped(&module.path));
                unread.push(Unread { location: &line.location, why, fix: unreadable_fix(&error) });
            }
        }
    }
    let positions: BTreeSet<_> = all.iter().map(|(at, ..)| *at).collect();
    let intact = stack.outcome(kind, &BTreeSet::new());
    let together = stack.outcome(kind, &positions);
    let refuses = |at: usize| !stack.outcome(kind, &BTreeSet::from([at])).can_succeed;
    // None of them alone may be the reason.
    let is_any_alone = positions.iter().any(|at| refuses(*at));
    let found = all.into_iter().map(|(at, line, path, why)| {
        let is_reason = refuses(at) || !is_any_alone;
        let effect = match stack.refuses_unknown(at) {
            _ if intact.can_succeed && !together.can_succeed && is_reason => Effect::RefusesEverybody,
            true if intact.called.contains(&at) => Effect::RefusesSome,
            _ => Effect::Ignored,
        };
        let follows = match (effect, kind) {
            (Effect::RefusesEverybody, "auth") => "libpam refuses every password, root's too",
            (Effect::RefusesEverybody, _) => "libpam refuses every login, root's too",
            (Effect::RefusesSome, _) => "libpam refuses every login for which it gets to this line",
            (Effect::Ignored, _) => "libpam goes on without it, and logs that at every login",
        };
        let location = &line.location;
        let evidence = format!("{location} names {why}: {follows}");
        Unloadable { line, effect, evidence, fix: fix(path, location) }
    });
    let is_reported = |one: &Unloadable<'_>| match one.effect {
        Effect::Ignored => !one.line.is_ours() && !one.line.is_silent,
        Effect::RefusesEverybody | Effect::RefusesSome => true,
    };
    (found.filter(is_reported).collect(), unread)
}

/// The line may be what keeps others out, so no command removes it.
fn fix(path: &str, location: &Location) -> String {
    let names = names();
    let known = names.iter().map(String::as_str).chain([OURS]);
    let name = Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or(path);
    let meant = nearest(name, known).filter(|known| *known != name);
    let meant = meant.map(|known| format!(" (did you mean {}?)", escaped(known))).unwrap_or_default();
    format!("correct the module's name at {location}{meant}, or install the package that has it")
}
