//! Mutants: cargo-mutants lists small changes of the sources, and for each of them a test should fail. Says for which
//! none does.
//!
//! All mutants of a file are built at once (`embed`), so that each costs one run of the tests that come to it. The
//! page of results is docs/mutants.md.

mod e2e;
mod each;
mod embed;
mod list;
mod notes;
mod places;
mod results;
mod tree;
mod unit;

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Mutex;
use std::time::Instant;

use e2e::E2eTests;
use each::each;
use list::list;
use notes::Notes;
use results::{Outcome, Results};
use tree::Tree;
use unit::UnitTests;

/// How many mutants unit tests are run with at once.
const UNIT_TESTS: usize = 2;

/// Globs of sources; behind `--`, what the names of tests in sandboxes contain.
fn main() -> ExitCode {
    let all: Vec<String> = env::args().skip(1).collect();
    let mut parts = all.split(|argument| argument == "--").map(<[String]>::to_vec);
    let [globs, filters] = [parts.next(), parts.next()].map(Option::unwrap_or_default);
    match run(&globs, &filters) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("mutants: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(globs: &[String], filters: &[String]) -> Result<(), String> {
    // Set by `cargo run`.
    let manifest = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let project = manifest.as_deref().and_then(Path::parent).ok_or("run it with make mutants")?;
    let directory =
        env::var_os("CARGO_TARGET_DIR").map_or(project.join("target"), PathBuf::from).join("mutants");
    let copy = directory.join("tree");
    fs::create_dir_all(&copy).map_err(|error| format!("{}: {error}", copy.display()))?;
    let mutants = list(project, globs)?;
    let mut tree =
        Tree { project, copy, mutants: &mutants, alone: Default::default(), broken: Default::default() };
    let sources = tree.sources()?;
    let mut results = Results::open(&mutants, &directory.join("results.tsv"), sources)?;
    tree.broken.extend(results.with(&[Outcome::DoesNotCompile]));

    let start = Instant::now();
    let programs =
        tree.build(&["test", "--no-run", "-p", "pam_sftpjail", "-p", "sftpjail", "--lib", "--bins"])?;
    eprintln!("{} mutants built in {:.0?}", mutants.len(), start.elapsed());
    let tests = UnitTests::read(&programs, &Notes::new(directory.join("reached"), mutants.len()))?;
    eprintln!("unit tests come to {}: {:.0?}", tests.reached.len(), start.elapsed());
    let unknown: Vec<_> = (1..).zip(&mutants).filter(|(number, _)| !results.is_known(*number)).collect();
    let shared = Mutex::new(&mut results);
    each(&[(); UNIT_TESTS], &unknown, |(), (number, mutant)| {
        let outcome = if tree.alone.contains(number) {
            Outcome::Alone
        } else if tree.broken.contains(number) {
            Outcome::DoesNotCompile
        } else if !tests.reached.contains_key(number) {
            Outcome::NotReached
        } else if tests.catch(*number, mutant)? {
            Outcome::Caught
        } else {
            Outcome::Survived
        };
        shared.lock().map_err(|error| error.to_string())?.set(*number, outcome)
    })?;
    eprintln!("tried with unit tests: {:.0?}", start.elapsed());

    if !filters.is_empty() {
        tree.build(&["build", "--workspace"])?;
        let programs = tree.build(&["test", "--no-run", "-p", "sftpjail-tests", "--test", "e2e"])?;
        let program = programs.first().ok_or("no tests in sandboxes")?;
        let tests = E2eTests::read(program, filters, mutants.len(), &directory, sources)?;
        eprintln!("run in sandboxes without a mutant: {:.0?}", start.elapsed());
        let open = results.with(&[Outcome::Survived, Outcome::NotReached]);
        let shared = Mutex::new(&mut results);
        tests.catch(&open, |number, caught| {
            let outcome = if caught { Outcome::CaughtInSandbox } else { Outcome::SurvivedInSandbox };
            shared.lock().map_err(|error| error.to_string())?.set(number, outcome)
        })?;
        eprintln!("tried in sandboxes: {:.0?}", start.elapsed());
    }
    print!("{}", results.page());
    Ok(())
}
