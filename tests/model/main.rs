//! Random sequences of what can happen on a host, done to a model of who may see what and to the host itself. After each
//! step both must agree: who was let in, which sessions live, what each sees, can write, and to whom that belongs then,
//! and which jails the host has mounted. Where they do not, the fewest steps that show it are printed.
//!
//! `SEED` and `STEPS` choose the sequences; the seed is printed.

mod files;
mod model;
mod sftp;
mod shrink;
mod step;
mod system;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::time::{Instant, SystemTime};
use step::{Namespace, Random, Step};
use system::System;
use world::{Grant, Model};

/// Of one sequence.
const LENGTH: usize = 100;

/// Of one that is expected to fail: each of its shorter ones is done, too.
const SHORT: usize = 40;

/// How often each kind of step was done.
type Counts = BTreeMap<String, usize>;

#[test]
fn what_sessions_see_is_what_the_model_says() {
    let number = |name: &str| env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let (seed, steps) = match env::var_os("EXHAUSTIVE") {
        Some(_) => (SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()), 10_000),
        None => (14, 800),
    };
    let (seed, steps) = (number("SEED").unwrap_or(seed), number("STEPS").unwrap_or(steps));
    println!("SEED={seed} STEPS={steps}");
    let begun = Instant::now();
    let (mut system, mut counts) = (System::new(), Counts::new());
    for n in 0..steps.div_ceil(LENGTH as u64) {
        if let Some((begin, steps, why)) =
            try_sequence(&mut system, seed.wrapping_add(n), LENGTH, &mut counts, |step| step)
        {
            panic!("SEED={} STEPS={LENGTH}, {begin:?} at first:\n{steps}{why}", seed.wrapping_add(n));
        }
    }
    println!("{counts:#?}");
    println!(
        "{} steps in {:?}, and none that the model does not say",
        counts.values().sum::<usize>(),
        begun.elapsed()
    );
}

/// A host that breaks a promise is noticed, and few steps show it: or the test above would prove nothing.
#[test]
fn a_host_that_breaks_a_promise_is_noticed_in_a_few_steps() {
    type Change = fn(Step) -> Step;
    let changes: [(&str, usize, Change); 6] = [
        ("a grant has no end", 4, |step| match step {
            Step::Grant(user, folder, grant) => Step::Grant(user, folder, Grant { until: None, ..grant }),
            step => step,
        }),
        ("a grant counts with each key", 2, |step| match step {
            Step::Grant(user, folder, grant) => Step::Grant(user, folder, Grant { key: None, ..grant }),
            step => step,
        }),
        ("what is made in a folder belongs to whoever made it", 2, |step| match step {
            Step::Grant(user, folder, grant) => Step::Grant(user, folder, Grant { owned: false, ..grant }),
            step => step,
        }),
        ("sessions survive a revocation", 3, |step| match step {
            Step::Revoke(user, folder) => Step::Withdraw(user, folder),
            step => step,
        }),
        ("nothing ends sessions at the end of a grant", 4, |step| match step {
            Step::Expire => Step::Wait(0),
            step => step,
        }),
        ("a killed session leaves no jail", 2, |step| match step {
            Step::Kill(n) => Step::Logout(n),
            step => step,
        }),
    ];
    let mut system = System::new();
    for (promise, fewest, change) in changes {
        let found =
            (0..100).find_map(|seed| try_sequence(&mut system, seed, SHORT, &mut Counts::new(), change));
        let (begin, steps, why) = found.unwrap_or_else(|| panic!("nobody notices that {promise}"));
        println!("{promise}, {begin:?} at first:\n{steps}{why}\n");
        assert!(steps.lines().count() <= fewest, "{promise}: more than {fewest} steps:\n{steps}{why}");
    }
}

/// Does a random sequence. If it fails, how it began, its fewest steps, and what is wrong. `changed`: what happens on the
/// host in place of a step.
fn try_sequence(
    system: &mut System,
    seed: u64,
    length: usize,
    counts: &mut Counts,
    changed: impl Fn(Step) -> Step,
) -> Option<(Namespace, String, String)> {
    let begin = if seed % 2 == 0 { Namespace::Private } else { Namespace::Host };
    let (mut random, mut model) = (Random(seed), Model::new(begin));
    let mut next = |id| {
        let step = random.step(&model);
        model.step(&step, id);
        step
    };
    let steps: Vec<_> = (0..).take(length).map(&mut next).collect();
    let mut fails = |steps: &[Step], counts: &mut Counts| failure(system, begin, steps, counts, &changed);
    let why = fails(&steps, counts)?;
    let (fewest, why) = shrink::shrunk(steps, why, |steps| fails(steps, &mut Counts::new()));
    let numbered = fewest.iter().enumerate().map(|(n, step)| format!("{n:>3} {step:?}\n"));
    Some((begin, numbered.collect(), why))
}

/// What is wrong with the host after one of the steps; `None`: nothing.
fn failure(
    system: &mut System,
    begin: Namespace,
    steps: &[Step],
    counts: &mut Counts,
    changed: &impl Fn(Step) -> Step,
) -> Option<String> {
    // What the host is set up to do; without a change, it is the model.
    let (mut model, mut on_host) = (Model::new(begin), Model::new(begin));
    system.begin(&on_host);
    let mut is_done = |model: &mut Model, step: Step, id| {
        let before = on_host.clone();
        let due = model.step(&step, id);
        let step = changed(step);
        on_host.step(&step, id);
        let (answer, said) = system.step(&step, id, &before, &on_host);
        if answer != due {
            return Err(format!("{step:?}: due is {due:?}, and it was {answer:?} ({said})"));
        }
        let (seen, due) = (system.seen(), system.due(model));
        let lines = |one: &BTreeSet<_>, other: &BTreeSet<String>| {
            one.difference(other).map(|line| format!("\n  {line}")).collect::<String>()
        };
        match seen == due {
            true => Ok(answer),
            false => Err(format!(
                "{step:?} ({said}): due is{}\nand there is{}",
                lines(&due, &seen),
                lines(&seen, &due)
            )),
        }
    };
    for (id, step) in (0..).zip(steps) {
        match is_done(&mut model, *step, id) {
            Err(why) => return Some(format!("step {id}, {why}")),
            Ok(answer) => *counts.entry(kind(step, answer)).or_default() += 1,
        }
    }
    let ends = (0..model.sessions.len()).map(|n| if n % 2 == 0 { Step::Logout(0) } else { Step::Kill(0) });
    for step in [Step::BreakConfig(false), Step::Outage(None)].into_iter().chain(ends) {
        if let Err(why) = is_done(&mut model, step, u32::MAX) {
            return Some(format!("at the end, {why}"));
        }
    }
    let left = system.left();
    (!left.is_empty()).then(|| format!("at the end, these are left: {left:?}"))
}

fn kind(step: &Step, answer: Option<model::Answer>) -> String {
    let kind = format!("{step:?}").split('(').next().unwrap_or_default().to_owned();
    answer.map_or_else(|| kind.clone(), |answer| format!("{kind}, {answer:?}"))
}
