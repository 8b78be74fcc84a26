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
    /// It was not tried in sandboxes, or no test there comes to it.
    Survived,
    SurvivedInSandbox,
    /// No test that was run comes to it.
    NotReached,
    DoesNotCompile,
    /// It cannot stand beside the original, and was not tried.
    Alone,
}

impl Outcome {
    const ALL: [Self; 7] = [
        Self::Caught,
        Self::CaughtInSandbox,
        Self::Survived,
        Self::SurvivedInSandbox,
        Self::NotReached,
        Self::DoesNotCompile,
        Self::Alone,
    ];

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| format!("{outcome:?}") == text)
    }
}

pub(crate) struct Results<'run> {
    mutants: &'run [Mutant],
    outcomes: BTreeMap<usize, Outcome>,
    path: PathBuf,
}

impl<'run> Results<'run> {
    /// Goes on with what an earlier run with the same sources, which `sources` stands for, has found. Otherwise it
    /// begins anew.
    pub(crate) fn open(mutants: &'run [Mutant], path: &Path, sources: u64) -> Result<Self, String> {
        let head = format!("{sources:016x}");
        let before = fs::read_to_string(path).unwrap_or_default();
        let mut lines = before.lines();
        if lines.next() != Some(&head) {
            lines = "".lines();
            fs::write(path, head + "\n").map_err(|error| format!("{}: {error}", path.display()))?;
        }
        let outcome = |line: &str| {
            let (outcome, rest) = line.split_once('\t')?;
            Some((rest.split_once('\t')?.0.parse().ok()?, Outcome::parse(outcome)?))
        };
        Ok(Self { mutants, outcomes: lines.filter_map(outcome).collect(), path: path.to_owned() })
    }

    /// What is known so far is in the file at each moment. A later line of a mutant counts.
    pub(crate) fn set(&mut self, number: usize, outcome: Outcome) -> Result<(), String> {
        let name = self.mutants.get(number - 1).map(|mutant| &*mutant.name).unwrap_or_default();
        let file = File::options().append(true).open(&self.path);
        let written = file.and_then(|mut file| writeln!(file, "{outcome:?}\t{number}\t{name}"));
        self.outcomes.insert(number, outcome);
        written.map_err(|error| format!("{}: {error}", self.path.display()))
    }

    pub(crate) fn is_known(&self, number: usize) -> bool {
        self.outcomes.contains_key(&number)
    }

    /// The mutants with one of these outcomes.
    pub(crate) fn with(&self, outcomes: &[Outcome]) -> Vec<usize> {
        let those = self.outcomes.iter().filter(|(_, outcome)| outcomes.contains(outcome));
        those.map(|(number, _)| *number).collect()
    }

    /// A row of numbers for each module with what is below it, and those that no test fails for.
    pub(crate) fn page(&self) -> String {
        let mut modules: BTreeMap<String, [usize; Outcome::ALL.len()]> = BTreeMap::new();
        let mut survivors = String::new();
        for (number, outcome) in &self.outcomes {
            let Some(mutant) = self.mutants.get(number - 1) else {
                continue;
            };
            for row in [module(&mutant.file), "all".to_owned()] {
                modules.entry(row).or_default()[*outcome as usize] += 1;
            }
            if matches!(outcome, Outcome::Survived | Outcome::SurvivedInSandbox) {
                let _ = writeln!(survivors, "{}", mutant.name);
            }
        }
        let mut page = String::from(
            "| | mutants | caught by unit tests | caught in sandboxes | survived | survived in sandboxes | not reached | do not compile | not tried |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        let all = modules.remove_entry("all");
        for (name, numbers) in modules.into_iter().chain(all) {
            let cells = numbers.map(|number| number.to_string()).join(" | ");
            let _ = writeln!(page, "| {name} | {} | {cells} |", numbers.iter().sum::<usize>());
        }
        page + "\n" + &survivors
    }
}

/// `plan` for `pam_sftpjail/src/plan/walk.rs`, and `host/sshd` for `cli/src/host/sshd/files.rs`.
fn module(file: &Path) -> String {
    let depth = if file.starts_with("cli") { 2 } else { 1 };
    let file = file.with_extension("");
    let below = file.iter().skip_while(|part| *part != "src").skip(1).take(depth);
    format!("`{}`", below.collect::<PathBuf>().display())
}
