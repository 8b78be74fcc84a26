//! The tests in sandboxes: which mutants each of them comes to, and whether it fails with a mutant.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::tree::Program;

/// What a sandbox gets of the build, beside the test program's directory.
const FILES: [&str; 2] = ["sftpjail", "libpam_sftpjail.so"];
const MARK: &[u8] = b"sftpjail-mutant:";
/// A mutant that two tests which come to it do not notice is rarely noticed by a third.
const TESTS: usize = 2;

/// The mutants that a test comes to are noted by way of a descriptor, which what it runs inherits.
const NOTED: &str = r#"exec 999>>"$1"; shift; exec "$@""#;

pub(crate) struct E2eTests<'run> {
    program: &'run Program,
    /// By mutant, the tests that come to it, and how many others each comes to.
    reached: BTreeMap<usize, Vec<(usize, String)>>,
}

impl<'run> E2eTests<'run> {
    /// Runs each test that a filter names once, without any mutant. One that fails so is not used.
    pub(crate) fn read(program: &'run Program, filters: &[String], scratch: &Path) -> Result<Self, String> {
        let mut tests = Self { program, reached: BTreeMap::new() };
        tests.become_mutant(0)?;
        let output = Command::new(&program.path).args(["--list", "--format", "terse"]).args(filters).output();
        let output = output.map_err(|error| format!("{}: {error}", program.path.display()))?;
        for line in String::from_utf8_lossy(&output.stdout).lines() {
            let Some(name) = line.strip_suffix(": test") else { continue };
            let file = scratch.join("reached");
            fs::write(&file, "").map_err(|error| format!("{}: {error}", file.display()))?;
            if !tests.pass(name, &file)? {
                eprintln!("{name} fails without any mutant");
                continue;
            }
            let numbers = fs::read_to_string(&file).map_err(|error| error.to_string())?;
            let mut numbers: Vec<usize> = numbers.lines().filter_map(|line| line.parse().ok()).collect();
            numbers.sort_unstable();
            numbers.dedup();
            for number in &numbers {
                tests.reached.entry(*number).or_default().push((numbers.len(), name.to_owned()));
            }
        }
        for of_mutant in tests.reached.values_mut() {
            of_mutant.sort();
        }
        Ok(tests)
    }

    pub(crate) fn reach(&self, mutant: usize) -> bool {
        self.reached.contains_key(&mutant)
    }

    /// Whether a test fails with this mutant.
    pub(crate) fn catch(&self, mutant: usize) -> Result<bool, String> {
        self.become_mutant(mutant)?;
        for (_, name) in self.reached.get(&mutant).into_iter().flatten().take(TESTS) {
            if !self.pass(name, Path::new("/dev/null"))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn pass(&self, name: &str, reached: &Path) -> Result<bool, String> {
        let mut command = Command::new("bash");
        command.args(["-ec", NOTED, "bash"]).arg(reached).args(["timeout", "300"]).arg(&self.program.path);
        command.args(["--quiet", "--exact", name]).current_dir(&self.program.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().map_err(|error| format!("bash: {error}"))?.success())
    }

    /// Writes the number into the files that sandboxes get.
    fn become_mutant(&self, mutant: usize) -> Result<(), String> {
        let beside =
            self.program.path.parent().and_then(Path::parent).map(Path::to_owned).unwrap_or_default();
        for path in FILES.map(|name| beside.join(name)) {
            mark(&path, mutant).map_err(|error| format!("{}: {error}", path.display()))?;
        }
        Ok(())
    }
}

/// A program has one for each crate in it.
fn mark(path: &Path, mutant: usize) -> std::io::Result<()> {
    let mut bytes = fs::read(path)?;
    let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
    let starts: Vec<_> = marks.map(|(start, _)| start + MARK.len()).collect();
    if starts.is_empty() {
        return Err(std::io::Error::other("no mutants in it"));
    }
    let number = format!("{mutant:08}");
    for start in starts {
        bytes[start..start + number.len()].copy_from_slice(number.as_bytes());
    }
    fs::write(path, bytes)
}
