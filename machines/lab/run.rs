//! Runs the scenario in systems, step by step, and keeps what came of each.

use crate::lab::Lab;
use crate::packages::Packages;
use crate::scenario::{STEPS, Step};
use crate::systems::Kind;
use machines::System;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook};
use std::sync::Mutex;
use std::thread;
use std::time::Instant;

/// Systems that run at once: a system waits about half of its time.
const AT_ONCE: usize = 2;

/// What came of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Passed,
    /// What must not work there does not work there, and this is said.
    Refused(String),
    /// The step is not for this system: why.
    NotHere(String),
    /// A step before it has failed without which it cannot be tried.
    NotTried,
    Failed(String),
}

/// A system of the table.
pub struct Column {
    pub name: String,
    /// Versions of what matters, each with its name; none if it has not booted.
    pub versions: Vec<(&'static str, String)>,
    /// An outcome for each of `STEPS`, if it has booted.
    pub outcomes: Vec<Outcome>,
}

impl Column {
    pub fn has_failed(&self) -> bool {
        self.outcomes.iter().any(|outcome| matches!(outcome, Outcome::Failed(_)))
    }
}

thread_local! {
    /// What this thread panicked with last.
    static PANIC: RefCell<String> = const { RefCell::new(String::new()) };
}

/// What `run` returns, or what it panicked with, which `keep_panics` has kept.
fn caught<T>(run: impl FnOnce() -> T) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(run)).map_err(|_| PANIC.take())
}

/// Lets a panic be kept, and not printed.
fn keep_panics() {
    set_hook(Box::new(|info| {
        let payload = info.payload();
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("a panic without text");
        let location = info.location().map(ToString::to_string).unwrap_or_default();
        PANIC.with_borrow_mut(|panic| *panic = format!("{location}: {text}"));
    }));
}

/// Runs the scenario in each of these. The columns have their order.
pub fn scenarios(kinds: &[&Kind], packages: &Packages) -> Vec<Column> {
    keep_panics();
    let next = Mutex::new(kinds.iter().enumerate());
    let take = || next.lock().expect("no thread panics with the lock").next();
    let work = || {
        std::iter::from_fn(take).map(|(index, kind)| (index, scenario(kind, packages))).collect::<Vec<_>>()
    };
    let mut columns: Vec<_> = thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().flat_map(|worker| worker.join().expect("a scenario keeps its panics")).collect()
    });
    columns.sort_by_key(|(index, _)| *index);
    columns.into_iter().map(|(_, column)| column).collect()
}

/// Boots a system and runs the scenario in it.
fn scenario(kind: &Kind, packages: &Packages) -> Column {
    eprintln!("{}: boots", kind.name);
    let system = match caught(kind.boot) {
        Ok(system) => system,
        Err(reason) => {
            eprintln!("{}: ✗ boot\n{reason}", kind.name);
            let mut outcomes = vec![Outcome::NotTried; STEPS.len()];
            if let Some(first) = outcomes.first_mut() {
                *first = Outcome::Failed(format!("it does not boot: {reason}"));
            }
            return Column { name: kind.name.to_owned(), versions: Vec::new(), outcomes };
        }
    };
    let name = system.name();
    let versions = versions(&*system);
    let mut lab = Lab::new(system, packages);
    let mut outcomes: Vec<Outcome> = Vec::new();
    for step in STEPS {
        let start = Instant::now();
        let outcome = what_it_lacks(step, &outcomes)
            .unwrap_or_else(|| caught(|| (step.run)(&mut lab)).unwrap_or_else(Outcome::Failed));
        let seconds = start.elapsed().as_secs_f32();
        eprintln!("{}: {} {} ({seconds:.1} s)", kind.name, outcome.mark(), step.name);
        match &outcome {
            Outcome::Failed(reason) => {
                let log = caught(|| lab.try_sh("journalctl --no-pager --lines 40").stdout);
                eprintln!("{reason}\n-- end of the journal of {}\n{}--", kind.name, log.unwrap_or_default());
            }
            Outcome::Refused(reason) | Outcome::NotHere(reason) => eprintln!("{}: {reason}", kind.name),
            Outcome::Passed | Outcome::NotTried => {}
        }
        outcomes.push(outcome);
    }
    Column { name, versions, outcomes }
}

/// Why it cannot be tried: the step that it needs has not passed.
fn what_it_lacks(step: &Step, outcomes: &[Outcome]) -> Option<Outcome> {
    let needed = step.needs?;
    let outcome =
        STEPS.iter().zip(outcomes).find(|(other, _)| other.name == needed).map(|(_, outcome)| outcome);
    match outcome {
        Some(Outcome::Passed) => None,
        Some(Outcome::Refused(_)) => Some(Outcome::NotHere(format!("`{needed}` is refused there"))),
        _ => Some(Outcome::NotTried),
    }
}

/// The versions that the table has.
fn versions(system: &dyn System) -> Vec<(&'static str, String)> {
    let of = |package| format!("dpkg-query -Wf '${{Version}}' {package} 2>/dev/null || echo none");
    let asked = [
        ("OpenSSH", of("openssh-server")),
        ("systemd", of("systemd")),
        // Debian's name of a kernel has the number of the series only: 6.1.0.
        (
            "Linux",
            "{ uname -v | sed 's/.* Debian //'; uname -r; } | grep -o '^[0-9.]*[0-9]' | head -n 1".to_owned(),
        ),
        ("glibc", of("libc6")),
        ("rsyslog", of("rsyslog")),
    ];
    asked
        .into_iter()
        .map(|(name, command)| (name, system.sh(&command).stdout.trim_end().to_owned()))
        .collect()
}

impl Outcome {
    pub fn mark(&self) -> &'static str {
        match self {
            Self::Passed => "✓",
            Self::Refused(_) => "refused",
            Self::NotHere(_) | Self::NotTried => "–",
            Self::Failed(_) => "✗",
        }
    }
}
