//! A file as it was read, and what is to be in it: whole at every moment, and nothing of somebody else's is overwritten.

use crate::report::Error;
use crate::writing::atomic;
use crate::writing::target::Target;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::DIRECTORY;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// How long to wait for another program that changes grants.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// One change of one file.
pub(super) struct FileEdit {
    pub(super) target: Target,
    /// `None`: it is missing.
    pub(super) before: Option<Vec<u8>>,
    /// Without any text, the file is removed.
    pub(super) after: String,
    /// That of a file that is missing so far.
    pub(super) mode: u32,
}

impl FileEdit {
    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn after(&self) -> Option<&[u8]> {
        Some(self.after.as_bytes()).filter(|_| !self.after.trim().is_empty())
    }

    pub(super) fn is_nothing(&self) -> bool {
        self.before.as_deref() == self.after()
    }

    /// The caller has the lock.
    pub(super) fn make(&self) -> Result<(), Error> {
        if self.target.read()? != self.before {
            let what = format!("{} has been changed by somebody else in the meantime", escaped(self.path()));
            return Err(Error::new(what, "run this again"));
        }
        self.write(self.after())
    }

    /// Restores what was there before.
    pub(super) fn undo(&self) -> Result<(), Error> {
        self.write(self.before.as_deref())
    }

    fn write(&self, content: Option<&[u8]>) -> Result<(), Error> {
        match content {
            Some(content) => {
                if let Some(directory) = self.path().parent() {
                    atomic::make_directory(directory, 0o755)?;
                }
                atomic::replace(&self.target, content, self.mode, None)
            }
            None => atomic::remove(self.path()),
        }
    }
}

/// Makes the directory of grants if it is missing, and locks it: whoever changes grants with this program waits.
pub(super) fn lock() -> Result<Flock<File>, Error> {
    let directory = Path::new(DIRECTORY);
    if let Some(above) = directory.parent() {
        atomic::make_directory(above, 0o755)?;
    }
    let start = Instant::now();
    loop {
        // Only root can open it, so that only root can lock it.
        atomic::make_directory(directory, 0o700)?;
        let failed = |error: std::io::Error| Error::with(directory, "be locked", &error);
        let locked = File::open(directory).map_err(failed)?;
        match Flock::lock(locked, FlockArg::LockExclusiveNonblock) {
            Ok(locked) => {
                // Whoever had the lock before may have removed the directory.
                let named = directory.symlink_metadata().map(|stat| (stat.dev(), stat.ino())).ok();
                if named == locked.metadata().map(|stat| (stat.dev(), stat.ino())).ok() {
                    return Ok(locked);
                }
            }
            Err((_, Errno::EWOULDBLOCK)) => {}
            Err((_, errno)) => return Err(failed(errno.into())),
        }
        if start.elapsed() > LOCK_TIMEOUT {
            let what = format!("another program has locked {DIRECTORY}");
            return Err(Error::new(what, "see which it is (fuser -v on that directory), and run this again"));
        }
        thread::sleep(LOCK_TIMEOUT / 200);
    }
}

/// Removes the directory of grants if it is empty. The caller has the lock.
pub(super) fn clean() -> Result<(), Error> {
    atomic::remove_directory(Path::new(DIRECTORY)).map(drop)
}
