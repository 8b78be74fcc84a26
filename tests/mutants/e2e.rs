//! The tests in sandboxes: which mutants each of them comes to, and whether one of them fails with a mutant.

use std::cmp::Reverse;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::list::Mutant;
use crate::notes::Notes;
use crate::tree::Program;

/// What a sandbox gets of the build and can be a mutant.
const FILES: [&str; 2] = ["sftpjail", "libpam_sftpjail.so"];
const MARK: &[u8] = b"sftpjail-mutant:";
/// Most of the time, a test waits.
const WORKERS: usize = 2;
/// How many tests are run with a mutant that none notices: first the one that most likely notices it, then the others
/// together.
const TESTS: usize = 8;

/// The mutants that a test comes to are noted by way of a descriptor, which what it runs inherits.
const NOTED: &str = r#"exec 999<>"$1"; shift; exec timeout --signal KILL "$@""#;

pub(crate) struct E2eTests<'run> {
    mutants: &'run [Mutant],
    workers: Vec<Worker>,
    tests: Vec<Test>,
}

struct Test {
    name: String,
    time: Duration,
    reached: Vec<usize>,
}

impl<'run> E2eTests<'run> {
    /// Runs each test that a filter names once, without any mutant. One that fails so is not used.
    pub(crate) fn read(
        program: &Program,
        filters: &[String],
        mutants: &'run [Mutant],
        directory: &Path,
    ) -> Result<Self, String> {
        let workers = (0..WORKERS).map(|number| Worker::new(program, mutants.len(), directory, number));
        let workers = workers.collect::<Result<Vec<_>, _>>()?;
        let output = Command::new(&program.path).args(["--list", "--format", "terse"]).args(filters).output();
        let output = output.map_err(|error| format!("{}: {error}", program.path.display()))?;
        let list = String::from_utf8_lossy(&output.stdout);
        let names: Vec<_> = list.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        let tests = Mutex::new(Vec::new());
        each(&workers, &names, |worker, name| {
            worker.notes.clear()?;
            let start = Instant::now();
            if !worker.pass(&[name], worker.notes.path(), Duration::from_secs(300))? {
                eprintln!("{name} fails without any mutant");
                return Ok(());
            }
            let test =
                Test { name: (*name).to_owned(), time: start.elapsed(), reached: worker.notes.read()? };
            tests.lock().map_err(|error| error.to_string())?.push(test);
            Ok(())
        })?;
        let tests = tests.into_inner().map_err(|error| error.to_string())?;
        Ok(Self { mutants, workers, tests })
    }

    /// Says of each of these mutants that a test comes to whether one fails with it.
    pub(crate) fn catch(
        &self,
        numbers: &[usize],
        say: impl Fn(usize, bool) -> Result<(), String> + Sync,
    ) -> Result<(), String> {
        each(&self.workers, numbers, |worker, number| {
            let tests = self.of(*number);
            let Some((first, others)) = tests.split_first() else { return Ok(()) };
            worker.become_mutant(*number)?;
            let others = &others[..others.len().min(TESTS - 1)];
            let caught = !worker.all_pass(&[first])? || (!others.is_empty() && !worker.all_pass(others)?);
            say(*number, caught)
        })
    }

    /// The tests that come to a mutant. First those whose folder is that of the mutant's file, and of these the ones
    /// that come to the fewest others.
    fn of(&self, number: usize) -> Vec<&Test> {
        let Some(mutant) = self.mutants.get(number - 1) else { return Vec::new() };
        let mut tests: Vec<_> = self.tests.iter().filter(|test| test.reached.contains(&number)).collect();
        tests.sort_by_key(|test| (Reverse(mutant.nearness(&test.name)), test.reached.len(), test.time));
        tests
    }
}

/// Does the work with each item, several at once.
fn each<T: Sync>(
    workers: &[Worker],
    items: &[T],
    work: impl Fn(&Worker, &T) -> Result<(), String> + Sync,
) -> Result<(), String> {
    let next = AtomicUsize::new(0);
    let all = |worker| {
        while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
            work(worker, item)?;
        }
        Ok(())
    };
    let all = &all;
    thread::scope(|scope| {
        let running: Vec<_> = workers.iter().map(|worker| scope.spawn(move || all(worker))).collect();
        running.into_iter().try_for_each(|worker| worker.join().unwrap_or(Err("a worker panicked".into())))
    })
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

    fn all_pass(&self, tests: &[&Test]) -> Result<bool, String> {
        let names: Vec<_> = tests.iter().map(|test| &*test.name).collect();
        let time: Duration = tests.iter().map(|test| test.time).sum();
        self.pass(&names, Path::new("/dev/null"), Duration::from_secs(20) + time * 4)
    }

    fn pass(&self, names: &[&str], noted: &Path, limit: Duration) -> Result<bool, String> {
        let mut command = Command::new("bash");
        command.args(["-ec", NOTED, "bash"]).arg(noted).arg(limit.as_secs().to_string()).arg(&self.program);
        command.args(["--quiet", "--test-threads", "2", "--exact"]).args(names).current_dir(&self.directory);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(command.status().map_err(|error| format!("bash: {error}"))?.success())
    }

    fn become_mutant(&self, mutant: usize) -> Result<(), String> {
        let written = self.marked.iter().try_for_each(|file| file.become_mutant(mutant));
        written.map_err(|error| format!("the number of a mutant: {error}"))
    }
}

/// A built file, and where in it the number stands: once for each crate in it.
struct Marked {
    file: File,
    starts: Vec<u64>,
}

impl Marked {
    fn open(path: &Path) -> io::Result<Self> {
        let bytes = fs::read(path)?;
        let marks = bytes.windows(MARK.len()).enumerate().filter(|(_, window)| *window == MARK);
        let starts: Vec<_> = marks.map(|(start, _)| (start + MARK.len()) as u64).collect();
        if starts.is_empty() {
            return Err(io::Error::other("no mutants in it"));
        }
        Ok(Self { file: File::options().write(true).open(path)?, starts })
    }

    fn become_mutant(&self, mutant: usize) -> io::Result<()> {
        let number = format!("{mutant:08}");
        self.starts.iter().try_for_each(|start| self.file.write_all_at(number.as_bytes(), *start))
    }
}
