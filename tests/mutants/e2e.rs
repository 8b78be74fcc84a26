//! The tests in sandboxes: which mutants each of them comes to, and whether one of them fails with a mutant.

use std::collections::{BTreeSet, HashMap};
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::each::each;
use crate::notes::Notes;
use crate::tree::Program;

/// What a sandbox gets of the build and can be a mutant.
const FILES: [&str; 2] = ["sftpjail", "libpam_sftpjail.so"];
const MARK: &[u8] = b"sftpjail-mutant:";
/// How many bytes of bits are behind it.
const BITS: usize = 1024;
/// Most of the time, a test waits.
const WORKERS: usize = 4;

/// The mutants that a test comes to are noted by way of a descriptor, which what it runs inherits.
const NOTED: &str = r#"exec 999<>"$1"; shift; ulimit -v 8000000; exec timeout --signal KILL "$@""#;

pub(crate) struct E2eTests {
    workers: Vec<Worker>,
    tests: Vec<Test>,
}

struct Test {
    name: String,
    time: Duration,
    reached: BTreeSet<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Passed,
    Failed,
    TooSlow,
}

impl E2eTests {
    /// Runs each test that a filter names once, without any mutant. One that fails so is not used. What each comes to
    /// is kept for another run with the same sources.
    pub(crate) fn read(
        program: &Program,
        filters: &[String],
        mutants: usize,
        directory: &Path,
        sources: u64,
    ) -> Result<Self, String> {
        let workers = (0..WORKERS).map(|number| Worker::new(program, mutants, directory, number));
        let workers = workers.collect::<Result<Vec<_>, _>>()?;
        let kept = directory.join("reached-in-sandboxes").join(format!("{sources:016x}"));
        let at = |error| format!("{}: {error}", kept.display());
        fs::create_dir_all(&kept).map_err(at)?;
        let output = Command::new(&program.path).args(["--list", "--format", "terse"]).args(filters).output();
        let output = output.map_err(|error| format!("{}: {error}", program.path.display()))?;
        let list = String::from_utf8_lossy(&output.stdout);
        let names: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let tests = Mutex::new(Vec::new());
        each(&workers, &names, |worker, name| {
            let kept = kept.join(name);
            let mut numbers = fs::read_to_string(&kept).unwrap_or_default();
            if numbers.is_empty() {
                worker.notes.clear()?;
                let start = Instant::now();
                let verdict = worker.run(name, worker.notes.path(), Duration::from_secs(300))?;
                let time = start.elapsed().as_millis();
                if verdict != Verdict::Passed {
                    eprintln!("{name} without any mutant: {verdict:?}");
                    return Ok(());
                }
                let reached = worker.notes.read()?.into_iter().map(|number| format!(" {number}"));
                numbers = format!("{time}{}", reached.collect::<String>());
                fs::write(&kept, &numbers).map_err(at)?;
            }
            let mut numbers = numbers.split(' ').filter_map(|number| number.parse().ok());
            let time = Duration::from_millis(numbers.next().unwrap_or_default() as u64);
            let test = Test { name: (*name).to_owned(), time, reached: numbers.collect() };
            tests.lock().map_err(|error| error.to_string())?.push(test);
            Ok(())
        })?;
        let mut tests = tests.into_inner().map_err(|error| error.to_string())?;
        sort(&mut tests);
        Ok(Self { workers, tests })
    }

    /// Says of each of these mutants that a test comes to whether one fails with it.
    ///
    /// Each test is run with all of them at once that it comes to. If it fails, then with one half of them, and with the
    /// other, until it has failed with one alone. What several hide from each other counts as not noticed.
    pub(crate) fn catch(
        &self,
        numbers: &[usize],
        say: impl Fn(usize, bool) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        let is_reached = |number: &usize| self.tests.iter().any(|test| test.reached.contains(number));
        let open = Open(Mutex::new(numbers.iter().copied().filter(is_reached).collect()));
        each(&self.workers, &self.tests, |worker, test| {
            let mut all: Vec<_> = test.reached.iter().copied().collect();
            // Otherwise, all workers would begin with the same mutants.
            let begin = test.name.len() * 31 % all.len().max(1);
            all.rotate_left(begin);
            let mut groups = vec![all];
            while let Some(group) = groups.pop() {
                let group = open.of(&group)?;
                if group.is_empty() || !worker.fails(test, &group)? {
                    continue;
                }
                if let [number] = group[..] {
                    if open.remove(number)? {
                        say(number, true)?;
                    }
                    continue;
                }
                let (one, other) = group.split_at(group.len() / 2);
                groups.extend([other.to_vec(), one.to_vec()]);
            }
            Ok(())
        })?;
        let left = open.0.into_inner().map_err(|error| error.to_string())?;
        left.into_iter().try_for_each(|number| say(number, false))
    }
}

/// The tests that most likely notice something come first: those that come to what few others come to, in little time.
fn sort(tests: &mut [Test]) {
    let mut comers: HashMap<usize, f64> = HashMap::new();
    for number in tests.iter().flat_map(|test| &test.reached) {
        *comers.entry(*number).or_default() += 1.0;
    }
    let worth = |test: &Test| {
        let rare: f64 =
            test.reached.iter().filter_map(|number| comers.get(number)).map(|comers| 1.0 / comers).sum();
        rare / test.time.as_secs_f64()
    };
    tests.sort_by(|one, other| worth(other).total_cmp(&worth(one)));
}

/// The mutants that no test has noticed yet.
struct Open(Mutex<BTreeSet<usize>>);

impl Open {
    /// Those of a group.
    fn of(&self, group: &[usize]) -> Result<Vec<usize>, String> {
        let open = self.0.lock().map_err(|error| error.to_string())?;
        Ok(group.iter().copied().filter(|number| open.contains(number)).collect())
    }

    /// Whether it was open until now.
    fn remove(&self, number: usize) -> Result<bool, String> {
        Ok(self.0.lock().map_err(|error| error.to_string())?.remove(&number))
    }
}

/// The built files once more, so that several mutants can be tried at once.
struct Worker {
    /// That the tests look beside.
    program: PathBuf,
    /// In which they run.
    directory: PathBuf,
    marked: Vec<Marked>,
    notes: Notes,
}

impl Worker {
    /// `directory` is `mutants` in cargo's target directory.
    fn new(program: &Program, mutants: usize, directory: &Path, number: usize) -> Result<Self, String> {
        let own = directory.join(format!("worker-{number}"));
        let at = |error| format!("{}: {error}", own.display());
        let built = program.path.parent().and_then(Path::parent).ok_or("a test program is not in deps")?;
        let ours = own.join("debug");
        let _ = fs::remove_dir_all(&own);
        fs::create_dir_all(ours.join("deps")).map_err(at)?;
        for entry in fs::read_dir(built).map_err(at)?.flatten() {
            let name = entry.file_name();
            if !entry.path().is_file() {
                continue;
            }
            if FILES.iter().any(|file| name == *file) {
                fs::copy(entry.path(), ours.join(name)).map(drop).map_err(at)?;
            } else {
                fs::hard_link(entry.path(), ours.join(name)).map_err(at)?;
            }
        }
        let copy = ours.join("deps/e2e");
        fs::hard_link(&program.path, &copy).map_err(at)?;
        // Packages that `make deps` has downloaded.
        symlink(directory.with_file_name("debian"), own.join("debian")).map_err(at)?;
        let notes = Notes::new(own.join("reached"), mutants);
        let marked = FILES.iter().map(|name| Marked::open(&ours.join(name)));
        let marked = marked.collect::<Result<_, _>>().map_err(at)?;
        Ok(Self { program: copy, directory: program.directory.clone(), marked, notes })
    }

    /// Whether a test fails with these mutants. With one alone, what takes too long gets twice the time before it counts.
    fn fails(&self, test: &Test, mutants: &[usize]) -> Result<bool, String> {
        self.become_mutants(mutants)?;
        let limit = Duration::from_secs(10) + 4 * test.time;
        let run = |limit| self.run(&test.name, Path::new("/dev/null"), limit);
        let verdict = match run(limit)? {
            Verdict::TooSlow if mutants.len() == 1 => run(limit * 2)?,
            other => other,
        };
        Ok(verdict != Verdict::Passed)
    }

    fn run(&self, name: &str, noted: &Path, limit: Duration) -> Result<Verdict, String> {
        let limit = limit.as_secs();
        let mut command = Command::new("bash");
        command.args(["-ec", NOTED, "bash"]).arg(noted).arg(limit.to_string()).arg(&self.program);
        command.args(["--quiet", "--exact", name]).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let start = Instant::now();
        let status = command.status().map_err(|error| format!("bash: {error}"))?;
        Ok(match status.success() {
            true => Verdict::Passed,
            false if start.elapsed().as_secs() >= limit => Verdict::TooSlow,
            false => Verdict::Failed,
        })
    }

    fn become_mutants(&self, mutants: &[usize]) -> Result<(), String> {
        let mut bits = [0; BITS];
        for mutant in mutants {
            let byte = bits.get_mut(mutant / 8).ok_or("more mutants than bits")?;
            *byte |= 1 << (mutant % 8);
        }
        let written = self.marked.iter().try_for_each(|file| file.write(&bits));
        written.map_err(|error| format!("the bits of mutants: {error}"))
    }
}

/// A built file, and where in it the bits are: once for each crate in it.
struct Marked {
    file: File,
    starts: Vec<u64>,
}

impl Marked {
    fn open(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
        let behind = marks.map(|(start, _)| start + MARK.len());
        let is_bits = |start: &usize| bytes.get(*start..*start + BITS) == Some(&[0; BITS]);
        let starts: Vec<_> = behind.filter(is_bits).map(|start| start as u64).collect();
        if starts.is_empty() {
            return Err(io::Error::other("no mutants in it"));
        }
        Ok(Self { file: File::options().write(true).open(path)?, starts })
    }

    fn write(&self, bits: &[u8; BITS]) -> io::Result<()> {
        self.starts.iter().try_for_each(|start| self.file.write_all_at(bits, *start))
    }
}
