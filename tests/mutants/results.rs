//! What became of each mutant: a file to read on, and the table of docs/mutants.md.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::list::Mutant;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Caught,
    CaughtInSandbox,
    Survived,
    /// No test that was run comes to it.
    NotReached,
    DoesNotCompile,
    /// It cannot stand beside the original, and was not tried.
    Alone,
}

const OUTCOMES: usize = 6;

pub(crate) struct Results<'run> {
    mutants: &'run [Mutant],
    outcomes: BTreeMap<usize, Outcome>,
    path: PathBuf,
}

impl<'run> Results<'run> {
    pub(crate) fn new(mutants: &'run [Mutant], path: &Path) -> Self {
        let _ = fs::remove_file(path);
        Self { mutants, outcomes: BTreeMap::new(), path: path.to_owned() }
    }

    /// What is known so far is in the file at each moment. A later line of a mutant counts.
    pub(crate) fn set(&mut self, number: usize, outcome: Outcome) -> Result<(), String> {
        let name = self.mutants.get(number - 1).map(|mutant| &*mutant.name).unwrap_or_default();
        let file = File::options().append(true).create(true).open(&self.path);
        let written = file.and_then(|mut file| writeln!(file, "{outcome:?}\t{name}"));
        self.outcomes.insert(number, outcome);
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    pub(crate) fn not_caught(&self) -> Vec<usize> {
        let open = |outcome: &Outcome| matches!(outcome, Outcome::Survived | Outcome::NotReached);
        self.outcomes.iter().filter(|(_, outcome)| open(outcome)).map(|(number, _)| *number).collect()
    }

    /// A row of numbers for each file, and those that no test fails for.
    pub(crate) fn page(&self) -> String {
        let mut files: BTreeMap<&Path, [usize; OUTCOMES]> = BTreeMap::new();
        let mut survivors = String::new();
        for (number, outcome) in &self.outcomes {
            let Some(mutant) = self.mutants.get(number - 1) else { continue };
            files.entry(&mutant.file).or_default()[*outcome as usize] += 1;
            if *outcome == Outcome::Survived {
                let _ = writeln!(survivors, "{}", mutant.name);
            }
        }
        let mut page = String::from(
            "| file | mutants | caught by unit tests | caught in sandboxes | survived | not reached | do not compile | not tried |\n|---|---|---|---|---|---|---|---|\n",
        );
        let mut total = [0; OUTCOMES];
        let row = |page: &mut String, name: &str, numbers: [usize; OUTCOMES]| {
            let cells = numbers.map(|number| number.to_string()).join(" | ");
            let _ = writeln!(page, "| {name} | {} | {cells} |", numbers.iter().sum::<usize>());
        };
        for (file, numbers) in files {
            row(&mut page, &file.display().to_string(), numbers);
            for (total, number) in total.iter_mut().zip(numbers) {
                *total += number;
            }
        }
        row(&mut page, "all", total);
        page + "\n" + &survivors
    }
}
