//! What was done and what was there before: `/var/lib/sftpjail/setup/journal.json` and, beside it,
//! the former content of each file. It is written before anything is touched, so that whatever ends
//! a run, the next one knows what to put back.

use super::atomic;
use super::target::Target;
use crate::report::Error;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Root's, mode 0700.
const DIRECTORY: &str = "/var/lib/sftpjail/setup";

/// How names of backups begin.
pub(super) const BACKUP: &str = "before-";

/// Grows when an older program would misread the file. 2: lines may be replaced.
const VERSION: u32 = 2;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    pub(super) phase: Phase,
    /// So many of the steps stand; those after them are what `phase` speaks of.
    pub(super) settled: usize,
    pub(super) steps: Vec<Step>,
    /// Of `Unconfirmed`: when all is put back, in seconds since 1970.
    pub(super) until: Option<u64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Phase {
    /// Steps are being made.
    Applying,
    /// All is made, and put back at a certain time.
    Unconfirmed,
    /// All stands.
    Applied,
    /// Steps are being put back.
    Undoing,
}

/// One thing that is done, with what it takes to put it back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Step {
    /// Was not there before.
    Directory { path: PathBuf },
    File {
        path: PathBuf,
        before: Option<Before>,
        /// Digest.
        after: String,
        /// What was put between the former lines, if that is all that was done.
        inserted: Vec<String>,
        /// And what was put in the place of a former line. Version 1 had none.
        #[serde(default)]
        replaced: Vec<Replaced>,
    },
    /// A group, and the files that the tool which adds it writes.
    Group { name: String, files: Vec<(PathBuf, Option<Before>)> },
}

/// A line, with its newline, before and after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Replaced {
    pub(super) was: String,
    pub(super) is: String,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Before {
    /// Its name in [`DIRECTORY`].
    backup: String,
    digest: String,
    pub(super) modified: Option<SystemTime>,
}

impl Before {
    pub(super) fn is(&self, bytes: &[u8]) -> bool {
        self.digest == atomic::digest(bytes)
    }
}

/// The state directory, while nobody else sets anything up.
pub(super) struct State {
    lock: Flock<File>,
}

/// Whether to wait for another run to end.
#[derive(Clone, Copy)]
pub(super) enum Patience {
    Wait,
    Refuse,
}

impl State {
    /// Makes it where it is missing.
    pub(super) fn open(patience: Patience) -> Result<Self, Error> {
        loop {
            // Whoever had it before may have removed it: a lock on what has no name any more keeps nobody out.
            let state = Self::taken(patience)?;
            let named = Path::new(DIRECTORY).symlink_metadata().map(|stat| (stat.dev(), stat.ino()));
            let locked = state.lock.metadata().map(|stat| (stat.dev(), stat.ino()));
            if named.ok() == locked.ok() {
                return Ok(state);
            }
        }
    }

    fn taken(patience: Patience) -> Result<Self, Error> {
        let path = Path::new(DIRECTORY);
        let above = path.parent().unwrap_or(path);
        for (path, mode) in [(above, 0o755), (path, 0o700)] {
            match path.symlink_metadata() {
                Err(_) => atomic::make_directory(path, mode)?,
                // What lies there is put into root's files.
                Ok(stat) if !stat.is_dir() || stat.uid() != 0 || stat.mode() & 0o022 != 0 => {
                    let what = format!("{} is no directory of root's alone", path.display());
                    return Err(Error::new(what, "see who made it so, and move it away"));
                }
                Ok(_) => {}
            }
        }
        let directory = File::open(path).map_err(|error| Error::with(path, "be opened", &error))?;
        let how = match patience {
            Patience::Wait => FlockArg::LockExclusive,
            Patience::Refuse => FlockArg::LockExclusiveNonblock,
        };
        match Flock::lock(directory, how) {
            Ok(lock) => Ok(Self { lock }),
            Err((_, Errno::EWOULDBLOCK)) => {
                Err(Error::new("another `sftpjail setup` is running", "wait until it is done"))
            }
            Err((_, errno)) => Err(Error::with(path, "be locked", &errno.into())),
        }
    }

    /// `None`: nothing was set up, or all is put back.
    pub(super) fn journal(&self) -> Result<Option<Journal>, Error> {
        peek()
    }

    pub(super) fn save(&self, journal: &Journal) -> Result<(), Error> {
        let bytes = serde_json::to_vec_pretty(journal)
            .map_err(|error| Error::new(format!("the journal cannot be written: {error}"), "report this"))?;
        atomic::replace(&Target::ours(&file())?, &bytes, 0o600, None)
    }

    /// Keeps what `path` holds.
    pub(super) fn keep(&self, name: String, path: &Path, bytes: &[u8]) -> Result<Before, Error> {
        atomic::replace(&Target::ours(&Path::new(DIRECTORY).join(&name))?, bytes, 0o600, None)?;
        Ok(Before { backup: name, digest: atomic::digest(bytes), modified: atomic::modified(path) })
    }

    /// What a file held.
    pub(super) fn kept(&self, before: &Before) -> Result<Vec<u8>, Error> {
        let path = Path::new(DIRECTORY).join(&before.backup);
        match atomic::read(&path)? {
            Some(bytes) if before.is(&bytes) => Ok(bytes),
            _ => Err(Error::new(
                format!("the backup {} is missing or changed", path.display()),
                "put the file back from a backup of your own",
            )),
        }
    }

    /// Forgets all steps but the settled ones, and the journal itself if there are none.
    pub(super) fn forget(&self, mut journal: Journal) -> Result<(), Error> {
        let forgotten = journal.steps.split_off(journal.settled.min(journal.steps.len()));
        journal.phase = Phase::Applied;
        journal.until = None;
        if journal.steps.is_empty() {
            atomic::remove(&file())?;
        } else {
            self.save(&journal)?;
        }
        let mut backups = forgotten.iter().flat_map(Step::befores);
        backups.try_for_each(|before| atomic::remove(&Path::new(DIRECTORY).join(&before.backup)))
    }

    /// Removes the directory if nothing was set up, with what a run left there that ended before it
    /// changed anything. What cannot be removed is in nobody's way.
    pub(super) fn close(self) {
        let path = Path::new(DIRECTORY);
        if file().exists() {
            return;
        }
        let leftovers = path.read_dir().into_iter().flatten().flatten().map(|entry| entry.path());
        for file in leftovers.filter(|path| is_ours(path)) {
            let _ = atomic::remove(&file);
        }
        if atomic::remove_directory(path).is_ok_and(|removed| removed) {
            let _ = atomic::remove_directory(path.parent().unwrap_or(path));
        }
    }
}

/// A backup, or something that was staged.
fn is_ours(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(BACKUP) || name.starts_with('.')
}

/// The journal as it is now, whoever may be writing it.
pub(super) fn peek() -> Result<Option<Journal>, Error> {
    let Some(bytes) = atomic::read(&file())? else { return Ok(None) };
    let unreadable = |why: &str| {
        Error::new(
            format!("{} {why}", file().display()),
            "use the program that wrote it, or put back by hand what lies beside it",
        )
    };
    let journal: Journal =
        serde_json::from_slice(&bytes).map_err(|_| unreadable("is not what setup writes"))?;
    if !(1..=VERSION).contains(&journal.version) {
        return Err(unreadable(&format!("is of version {}, and not {VERSION}", journal.version)));
    }
    Ok(Some(Journal { version: VERSION, ..journal }))
}

fn file() -> PathBuf {
    Path::new(DIRECTORY).join("journal.json")
}

impl Journal {
    pub(super) fn new() -> Self {
        Self { version: VERSION, phase: Phase::Applied, settled: 0, steps: Vec::new(), until: None }
    }

    /// Those that are being made or put back, or wait to be confirmed.
    pub(super) fn unsettled(&self) -> &[Step] {
        self.steps.get(self.settled..).unwrap_or_default()
    }
}

impl Step {
    fn befores(&self) -> Vec<&Before> {
        match self {
            Self::Directory { .. } => Vec::new(),
            Self::File { before, .. } => before.iter().collect(),
            Self::Group { files, .. } => files.iter().filter_map(|(_, before)| before.as_ref()).collect(),
        }
    }
}
