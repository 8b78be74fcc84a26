//! A file as it was read, and what is to be in it: whole at every moment, and nothing of somebody else's is overwritten.

use crate::report::Error;
use crate::writing::atomic;
use crate::writing::target::Target;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::DIRECTORY;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// It is locked, and has no content.
const LOCK: &str = "/run/sftpjail-grants";

/// How long to wait for another program that changes grants.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// One change of one file.
pub(super) struct FileEdit {
    pub(super) target: Target,
    /// `None`: it is missing.
    pub(super) before: Option<Vec<u8>>,
    /// Without any text, the file is removed.
    pub(super) after: Vec<u8>,
    /// That of a file that is missing so far.
    pub(super) mode: u32,
}

impl FileEdit {
    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn after(&self) -> Option<&[u8]> {
        Some(&self.after[..]).filter(|after| !after.trim_ascii().is_empty())
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
                // Whoever may read the file may enter its directory.
                let mode = self.mode | (self.mode & 0o444) >> 2;
                let mut above: Vec<_> = self.path().ancestors().skip(1).take(2).zip([mode, 0o755]).collect();
                above.reverse();
                above
                    .into_iter()
                    .try_for_each(|(directory, mode)| atomic::make_directory(directory, mode))?;
                atomic::replace(&self.target, content, self.mode, None)
            }
            None => atomic::remove(self.path()),
        }
    }
}

/// The right to change grants with this program, which one process has at a time.
pub(super) struct Lock {
    _held: Flock<File>,
}

/// Waits until nobody else changes grants.
pub(super) fn lock() -> Result<Lock, Error> {
    let path = Path::new(LOCK);
    let failed = |error: std::io::Error| Error::with(path, "be locked", &error);
    let start = Instant::now();
    loop {
        // Whoever can open a file can lock it: only root may, which is not so for a directory that an admin has made.
        let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        match Flock::lock(file.map_err(failed)?, FlockArg::LockExclusiveNonblock) {
            Ok(held) => {
                // Whoever had the lock before has removed the file.
                let named = path.symlink_metadata().map(|stat| (stat.dev(), stat.ino())).ok();
                if named == held.metadata().map(|stat| (stat.dev(), stat.ino())).ok() {
                    return Ok(Lock { _held: held });
                }
            }
            Err((_, Errno::EWOULDBLOCK)) => {}
            Err((_, errno)) => return Err(failed(errno.into())),
        }
        if start.elapsed() > LOCK_TIMEOUT {
            let what = format!("another program has locked {LOCK}");
            return Err(Error::new(what, format!("see which it is (fuser -v {LOCK}), and run this again")));
        }
        thread::sleep(LOCK_TIMEOUT / 200);
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // If this fails, the next one finds it there.
        let _ = fs::remove_file(LOCK);
    }
}

/// Removes the directory of grants if it is empty. The caller has the lock.
pub(super) fn clean() -> Result<(), Error> {
    atomic::remove_directory(Path::new(DIRECTORY)).map(drop)
}
