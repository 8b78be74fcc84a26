//! The unit tests: which mutants each test comes to, and whether one of those tests fails with a mutant.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::list::Mutant;
use crate::notes::Notes;
use crate::tree::Program;

/// A mutant may wait for what never comes.
const LIMIT: Duration = Duration::from_secs(60);

/// A mutant can end any process, and write anywhere: it sees none but its own, and may write to /tmp only, which is its
/// own. It may not take all memory or time either. The file of what it reaches is open before that.
const APART: &str = r#"exec 999<>"$1"; shift
ulimit -v 4000000 -t 3
exec unshare --mount --pid --fork --kill-child --net sh -ec '
mount -t proc proc /proc
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs /tmp
exec "$@"' sh "$@""#;

/// A test of a program, by the program's place and the test's name.
pub(crate) type Test = (usize, String);

pub(crate) struct UnitTests<'run> {
    programs: &'run [Program],
    /// By mutant, the tests that come to it.
    pub(crate) reached: BTreeMap<usize, BTreeSet<Test>>,
}

impl<'run> UnitTests<'run> {
    /// Runs each test once, without any mutant. One that fails so, since it reads sources, is not used.
    pub(crate) fn read(programs: &'run [Program], notes: &Notes) -> Result<Self, String> {
        let mut tests = Self { programs, reached: BTreeMap::new() };
        for (place, program) in programs.iter().enumerate() {
            let output = Command::new(&program.path).args(["--list", "--format", "terse"]).output();
            let output = output.map_err(|error| format!("{}: {error}", program.path.display()))?;
            for line in String::from_utf8_lossy(&output.stdout).lines() {
                let Some(name) = line.strip_suffix(": test") else {
                    continue;
                };
                notes.clear()?;
                let test = (place, name.to_owned());
                if !tests.pass(0, &[&test], notes.path())? {
                    eprintln!("{name} fails without any mutant");
                    continue;
                }
                for number in notes.read()? {
                    tests.reached.entry(number).or_default().insert(test.clone());
                }
            }
        }
        Ok(tests)
    }

    /// Whether a test fails with this mutant. The nearest ones most likely do, and are run first.
    pub(crate) fn catch(&self, number: usize, mutant: &Mutant) -> Result<bool, String> {
        let Some(tests) = self.reached.get(&number) else {
            return Ok(false);
        };
        let nearness = |(place, name): &Test| {
            let of = self.programs.get(*place).and_then(|program| program.directory.file_name());
            mutant.nearness(&format!("{}::{name}", of.unwrap_or_default().to_string_lossy()))
        };
        let nearest = tests.iter().map(nearness).max();
        for is_near in [true, false] {
            for place in 0..self.programs.len() {
                let those = tests.iter().filter(|test| test.0 == place);
                let those: Vec<_> =
                    those.filter(|test| (Some(nearness(test)) == nearest) == is_near).collect();
                if !those.is_empty() && !self.pass(number, &those, Path::new("/dev/null"))? {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn pass(&self, mutant: usize, tests: &[&Test], reached: &Path) -> Result<bool, String> {
        let [(place, _), ..] = tests else {
            return Ok(true);
        };
        let program = &self.programs[*place];
        let mut command = Command::new("bash");
        command.args(["-ec", APART, "bash"]).arg(reached);
        command.arg(&program.path).args(["--quiet", "--exact", "--test-threads", "1"]);
        command.args(tests.iter().map(|(_, name)| name)).current_dir(&program.directory);
        command.env("MUTANT", mutant.to_string());
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let error = |error| format!("bash: {error}");
        passes(&mut command.spawn().map_err(error)?).map_err(error)
    }
}

/// Whether it succeeds in time.
fn passes(child: &mut Child) -> std::io::Result<bool> {
    let end = Instant::now() + LIMIT;
    while Instant::now() < end {
        if let Some(status) = child.try_wait()? {
            return Ok(status.success());
        }
        thread::sleep(Duration::from_millis(2));
    }
    child.kill()?;
    child.wait()?;
    Ok(false)
}
