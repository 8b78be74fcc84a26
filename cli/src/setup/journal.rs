//! The journal of what setup does, and backups of what was there before.
//!
//! It is `/var/lib/sftpjail/setup/journal.json`, with the backups beside it. It is written before anything is
//! changed, so that the next run can undo a run that was killed. `change` makes the steps, `restore` undoes
//! them.

mod step;

use super::target::Target;
use super::{atomic, timer_unit};
use crate::host::setup_journal::DIRECTORY;
pub(super) use crate::host::setup_journal::{Phase, file};
use crate::report::Error;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
pub(super) use step::{Backup, Replaced, Step};

/// How the names of backups begin.
pub(super) const BACKUP_PREFIX: &str = "before-";

/// Rises when an older program would misread the file. Since 2, lines may be replaced.
const VERSION: u32 = 2;

/// The steps of all setups, oldest first.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Journal {
    version: u32,
    /// What happens to the steps that are not settled.
    pub(super) phase: Phase,
    /// How many steps, from the first on, are settled: done, and confirmed if that was asked for.
    pub(super) settled: usize,
    pub(super) steps: Vec<Step>,
    /// The arguments of `--sshd-config`: the configurations of further sshds that were set up, and that undo has to
    /// reload. Journals before 0.2 have none.
    #[serde(default)]
    pub(super) sshd_configs: BTreeSet<PathBuf>,
    /// With `--confirm-within`: when the unsettled steps are undone, in seconds since 1970.
    pub(super) until: Option<u64>,
    /// Whether the last setup is undone: the steps are of earlier ones, or had to stay. Older journals have none.
    #[serde(default)]
    pub(super) is_last_undone: bool,
}

/// The directory of the journal, locked, so that no other setup runs.
pub(super) struct State {
    lock: Flock<File>,
}

/// What to do while another setup runs.
#[derive(Clone, Copy)]
pub(super) enum IfLocked {
    Wait,
    Refuse,
}

impl State {
    /// Locks the directory; makes it if it is missing.
    pub(super) fn open(if_locked: IfLocked) -> Result<Self, Error> {
        loop {
            // The run that had the lock before may have removed the directory: then the next run locks
            // another one.
            let state = Self::lock(if_locked)?;
            let named = Path::new(DIRECTORY).symlink_metadata().map(|stat| (stat.dev(), stat.ino()));
            let locked = state.lock.metadata().map(|stat| (stat.dev(), stat.ino()));
            if named.ok() == locked.ok() {
                return Ok(state);
            }
        }
    }

    fn lock(if_locked: IfLocked) -> Result<Self, Error> {
        let path = Path::new(DIRECTORY);
        let above = path.parent().unwrap_or(path);
        for (path, mode) in [(above, 0o755), (path, 0o700)] {
            match path.symlink_metadata() {
                Err(_) => atomic::make_directory(path, mode)?,
                // Undo copies from there into files that root relies on.
                Ok(stat) if !stat.is_dir() || stat.uid() != 0 || stat.mode() & 0o022 != 0 => {
                    let what = format!(
                        "{} is not a directory owned by root and writable by nobody else",
                        path.display()
                    );
                    return Err(Error::new(what, "find out who changed it, and move it away"));
                }
                Ok(_) => {}
            }
        }
        let directory = File::open(path).map_err(|error| Error::with(path, "be opened", &error))?;
        let how = match if_locked {
            IfLocked::Wait => FlockArg::LockExclusive,
            IfLocked::Refuse => FlockArg::LockExclusiveNonblock,
        };
        match Flock::lock(directory, how) {
            Ok(lock) => Ok(Self { lock }),
            Err((_, Errno::EWOULDBLOCK)) => {
                Err(Error::new("another `sftpjail setup` is running", "wait until it has ended"))
            }
            Err((_, errno)) => Err(Error::with(path, "be locked", &errno.into())),
        }
    }

    /// `None`: nothing was set up, or everything was undone.
    pub(super) fn journal(&self) -> Result<Option<Journal>, Error> {
        peek()
    }

    /// Notes in the journal, if there is one, that setup has found nothing to do beside what others have edited.
    pub(super) fn accept_edits(&self) -> Result<(), Error> {
        let Some(mut journal) = self.journal()? else { return Ok(()) };
        if journal.accept_edits()? { self.save(&journal) } else { Ok(()) }
    }

    /// Replaces the journal on the disk.
    pub(super) fn save(&self, journal: &Journal) -> Result<(), Error> {
        let bytes = serde_json::to_vec_pretty(journal)
            .map_err(|error| Error::new(format!("the journal cannot be written: {error}"), "report this"))?;
        atomic::replace(&Target::ours(&file())?, &bytes, 0o600, None)
    }

    /// Writes `bytes`, the content of `path`, to a backup of this name.
    pub(super) fn back_up(&self, name: String, path: &Path, bytes: &[u8]) -> Result<Backup, Error> {
        atomic::replace(&Target::ours(&Path::new(DIRECTORY).join(&name))?, bytes, 0o600, None)?;
        Ok(Backup::of(name, path, bytes))
    }

    /// Ends an undo: of the unsettled steps, only those remain for which `stays` is true at their place, and they
    /// are settled. Removes the backups of the others, and the journal itself if no step remains.
    pub(super) fn forget_undone(&self, mut journal: Journal, stays: &[bool]) -> Result<(), Error> {
        let unsettled = journal.steps.split_off(journal.settled.min(journal.steps.len()));
        let remaining = unsettled.into_iter().zip(stays).filter(|(_, stays)| **stays);
        journal.steps.extend(remaining.map(|(step, _)| step));
        journal.settled = journal.steps.len();
        journal.phase = Phase::Applied;
        journal.until = None;
        journal.is_last_undone = true;
        if journal.steps.is_empty() {
            return atomic::remove(&file());
        }
        self.save(&journal)?;
        let needed: Vec<_> = journal.steps.iter().flat_map(Step::backups).map(Backup::name).collect();
        remove_leftovers(|name| needed.contains(&name));
        Ok(())
    }

    /// Removes the directory if there is no journal, with all backups, and the timer unless something waits for it.
    /// What cannot be removed stays, and does no harm. If the journal cannot be read, everything stays.
    pub(super) fn close(self) {
        let Ok(journal) = self.journal() else { return };
        if journal.as_ref().is_none_or(|journal| journal.until.is_none()) {
            timer_unit::remove();
        }
        if journal.is_some() {
            return;
        }
        let path = Path::new(DIRECTORY);
        remove_leftovers(|_| false);
        if atomic::remove_directory(path).is_ok_and(|removed| removed) {
            let _ = atomic::remove_directory(path.parent().unwrap_or(path));
        }
    }
}

/// Removes staged files, and the backups that are not `needed`, by name. Those that cannot be removed stay, and do
/// no harm.
fn remove_leftovers(needed: impl Fn(&str) -> bool) {
    for entry in Path::new(DIRECTORY).read_dir().into_iter().flatten().flatten() {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if name.starts_with('.') || (name.starts_with(BACKUP_PREFIX) && !needed(&name)) {
            let _ = atomic::remove(&entry.path());
        }
    }
}

/// Whether there is a directory for the journal, or the one above it.
pub(super) fn has_directory() -> bool {
    Path::new(DIRECTORY).parent().is_some_and(Path::exists)
}

/// Reads the journal without the lock.
pub(super) fn peek() -> Result<Option<Journal>, Error> {
    let Some(bytes) = atomic::read(&file())? else { return Ok(None) };
    let unreadable = |why: &str| {
        let fix = "use the version of sftpjail that wrote it, or restore by hand from the backups beside it";
        Error::new(format!("{} {why}", file().display()), fix)
    };
    let journal: Journal =
        serde_json::from_slice(&bytes).map_err(|_| unreadable("is not a journal of setup"))?;
    if !(1..=VERSION).contains(&journal.version) {
        let why = format!("has version {}, but this sftpjail knows up to {VERSION}", journal.version);
        return Err(unreadable(&why));
    }
    Ok(Some(Journal { version: VERSION, ..journal }))
}

impl Journal {
    /// The digest of what the latest setup has written into this file.
    pub(super) fn written(&self, file: &Path) -> Option<&str> {
        self.steps.iter().rev().find_map(|step| match step {
            Step::File { path, after, .. } if path == file => Some(after.as_str()),
            _ => None,
        })
    }

    pub(super) fn new() -> Self {
        Self {
            version: VERSION,
            phase: Phase::Applied,
            settled: 0,
            steps: Vec::new(),
            until: None,
            is_last_undone: false,
            sshd_configs: BTreeSet::new(),
        }
    }

    /// The number of the next step, which the names of its backups contain. Undo may have left later steps and
    /// removed earlier ones.
    pub(super) fn next_number(&self) -> usize {
        let numbers = self.steps.iter().flat_map(Step::backups).filter_map(Backup::number);
        numbers.map(|number| number + 1).max().unwrap_or(0).max(self.steps.len())
    }

    /// Notes what others have edited in files that setup has written as a whole: setup has read them, and set up the
    /// rest for them as they are. Gives whether that is new.
    pub(super) fn accept_edits(&mut self) -> Result<bool, Error> {
        let mut paths = BTreeSet::new();
        let mut is_new = false;
        // The newest step of each file.
        for step in self.steps.iter_mut().rev() {
            if step.file().is_some_and(|path| paths.insert(path.to_owned())) {
                is_new |= step.accept_edits()?;
            }
        }
        Ok(is_new)
    }

    /// The steps that are being done or undone, or wait to be confirmed.
    pub(super) fn unsettled(&self) -> &[Step] {
        self.steps.get(self.settled..).unwrap_or_default()
    }
}
