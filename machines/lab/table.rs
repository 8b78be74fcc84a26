//! The table of what came of the scenario in each system, in Markdown.

use crate::packages::Packages;
use crate::run::{Column, Outcome};
use crate::scenario::STEPS;
use std::fmt::Write;
use std::process::Command;

/// Longer than the first sentence of a reason.
const REASON: usize = 300;

/// The page. `arguments`: those of the program.
pub fn write(columns: &[Column], packages: &Packages, arguments: &[String]) -> String {
    let mut notes = Vec::new();
    let command = match arguments {
        [word] if word == "all" => "make tested-on".to_owned(),
        names => format!("lab {}", names.join(" ")),
    };
    let mut page = format!(
        "# Tested on\n\n\
         `{command}` wrote this page on {}, from one run. Do not edit it. The run has installed\n\
         {} (SHA-256 {})\n\
         in each of these systems, and has done there what is in [scenario.rs](../machines/lab/scenario.rs), a step a row.\n\
         [machines/README.md](../machines/README.md) says what the systems are. The kernel of a container is the host's.\n\n",
        said("date", &["--utc", "+%Y-%m-%d"]),
        packages.name,
        packages.digest,
    );
    let mut row = |cells: Vec<String>| writeln!(page, "| {} |", cells.join(" | ")).expect("memory");
    row([String::new()].into_iter().chain(columns.iter().map(|column| column.name.clone())).collect());
    row(vec!["---".to_owned(); columns.len() + 1]);
    let kinds: Vec<_> = columns.iter().flat_map(|column| &column.versions).map(|(name, _)| *name).collect();
    let mut seen = Vec::new();
    for name in kinds {
        if seen.contains(&name) {
            continue;
        }
        seen.push(name);
        let version = |column: &Column| {
            let found = column.versions.iter().find(|(other, _)| *other == name);
            found.map_or_else(String::new, |(_, version)| version.clone())
        };
        row([name.to_owned()].into_iter().chain(columns.iter().map(version)).collect());
    }
    for (index, step) in STEPS.iter().enumerate() {
        let cells = columns.iter().map(|column| match column.outcomes.get(index) {
            Some(outcome) => cell(outcome, &mut notes),
            None => String::new(),
        });
        row([step.name.to_owned()].into_iter().chain(cells).collect());
    }
    page.push_str("\n✓ passed, ✗ failed, – not tried. refused: what must not work does not work.\n\n");
    for (index, note) in notes.iter().enumerate() {
        writeln!(page, "{}. {note}", index + 1).expect("memory");
    }
    page
}

/// A cell, with the number of its note. The same note is there once.
fn cell(outcome: &Outcome, notes: &mut Vec<String>) -> String {
    let note = match outcome {
        Outcome::Refused(reason) | Outcome::NotHere(reason) | Outcome::Failed(reason) => shortened(reason),
        Outcome::Passed | Outcome::NotTried => return outcome.mark().to_owned(),
    };
    let known = notes.iter().position(|other| *other == note);
    let number = known.unwrap_or_else(|| {
        notes.push(note);
        notes.len() - 1
    });
    format!("{} ({})", outcome.mark(), number + 1)
}

/// The beginning of a reason, on one line.
fn shortened(reason: &str) -> String {
    let line = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(REASON) {
        Some((end, _)) => format!("{} …", &line[..end]),
        None => line,
    }
}

/// The line that a command prints, or "unknown".
fn said(program: &str, arguments: &[&str]) -> String {
    let out = Command::new(program).args(arguments).output().ok().filter(|out| out.status.success());
    out.map_or_else(|| "unknown".to_owned(), |out| String::from_utf8_lossy(&out.stdout).trim_end().to_owned())
}
