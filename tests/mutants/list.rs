//! The mutants, as cargo-mutants lists them.

use std::collections::HashSet;
use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// One change of a file. Its number, from 1 on, is its place in the list.
#[derive(Debug, Clone)]
pub(crate) struct Mutant {
    pub(crate) file: PathBuf,
    /// Line and column of what is replaced, both from 1 on.
    pub(crate) start: (usize, usize),
    pub(crate) kind: Kind,
    pub(crate) replacement: String,
    /// cargo-mutants' own name for it: where and what.
    pub(crate) name: String,
}

impl Mutant {
    /// How much of the path of this file the path of a test has, such as `pam_sftpjail::plan::walk::…`.
    pub(crate) fn nearness(&self, test: &str) -> usize {
        let file = self.file.with_extension("");
        let place = file.iter().filter(|part| *part != "src");
        place.zip(test.split("::")).take_while(|(part, name)| *part == *name).count()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A function returns this at once.
    Function,
    Binary,
    Unary,
    /// A match arm is never taken.
    Arm,
    Guard,
    /// A field of a struct expression is left to what follows `..`.
    Field,
}

/// Those of the files that these globs match, in the order of the globs. The error says what is missing.
pub(crate) fn list(project: &Path, globs: &[String]) -> Result<Vec<Mutant>, String> {
    let mut all: Vec<Mutant> = Vec::new();
    for glob in globs {
        let those = of_glob(project, glob)?;
        let known: HashSet<PathBuf> = all.iter().map(|mutant| mutant.file.clone()).collect();
        all.extend(those.into_iter().filter(|mutant| !known.contains(&mutant.file)));
    }
    Ok(all)
}

fn of_glob(project: &Path, glob: &str) -> Result<Vec<Mutant>, String> {
    let cargo_mutants = env::var_os("CARGO_MUTANTS").map_or("cargo-mutants".into(), PathBuf::from);
    let mut command = Command::new(&cargo_mutants);
    command.args(["mutants", "--list", "--json", "--colors", "never", "--file", glob]).current_dir(project);
    let output = command.output().map_err(|error| {
        format!("{}: {error}. Run: cargo install cargo-mutants --locked", cargo_mutants.display())
    })?;
    if !output.status.success() {
        return Err(format!("cargo-mutants: {}", String::from_utf8_lossy(&output.stderr)));
    }
    let list: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("its list: {error}"))?;
    let mutants = list.as_array().into_iter().flatten();
    mutants
        .map(|value| mutant(value).ok_or_else(|| format!("cargo-mutants lists what is unknown: {value}")))
        .collect()
}

fn mutant(value: &Value) -> Option<Mutant> {
    let text = |key: &str| value.get(key)?.as_str().map(str::to_owned);
    let number = |key: &str| usize::try_from(value.pointer(&format!("/span/start/{key}"))?.as_u64()?).ok();
    let kind = match text("genre")?.as_str() {
        "FnValue" => Kind::Function,
        "BinaryOperator" => Kind::Binary,
        "UnaryOperator" => Kind::Unary,
        "MatchArm" => Kind::Arm,
        "MatchArmGuard" => Kind::Guard,
        "StructField" => Kind::Field,
        _ => return None,
    };
    Some(Mutant {
        file: text("file")?.into(),
        start: (number("line")?, number("column")?),
        kind,
        replacement: text("replacement")?,
        name: text("name")?,
    })
}
