//! A user's file of grants: read as a login reads it, and replaced at once, unless somebody else has changed it since.

use crate::report::Error;
use crate::writing::atomic;
use crate::writing::target::Target;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{DIRECTORY, Grant, load, of_text, path_of};
use pam_sftpjail::name::UserName;
use std::fs::File;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The mode of a file. A login reads it as root, and nobody else needs to know the terms.
const MODE: u32 = 0o600;

/// How long to wait for another program that changes grants.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The file as it was read.
pub(super) struct GrantsFile {
    target: Target,
    /// `None`: it is missing.
    before: Option<Vec<u8>>,
    pub(super) grants: Vec<Grant>,
}

impl GrantsFile {
    /// The error: it cannot be used, so that nothing may be written there.
    pub(super) fn read(user: &UserName) -> Result<Self, Error> {
        let failed = |error| Error::new(&error, pam_sftpjail::config::ConfigError::fix(&error));
        load(user).map_err(failed)?;
        let path = path_of(user);
        let target = Target::ours(&path)?;
        let before = target.read()?;
        let text = before.as_deref().map(String::from_utf8_lossy);
        let grants = text.map(|text| of_text(&text, &path).map_err(failed)).transpose()?;
        Ok(Self { target, before, grants: grants.unwrap_or_default() })
    }

    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn bytes(&self) -> Option<&[u8]> {
        self.before.as_deref()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.bytes().unwrap_or_default()).into_owned()
    }

    /// The file and its directories are made where they are missing. An `after` without any text removes the file, and
    /// the directory if it is empty then.
    pub(super) fn replace(&self, after: &str) -> Result<(), Error> {
        let directory = Path::new(DIRECTORY);
        if let Some(above) = directory.parent() {
            atomic::make_directory(above, 0o755)?;
        }
        let _lock = lock(directory)?;
        if self.target.read()? != self.before {
            let what = format!("{} has been changed by somebody else in the meantime", escaped(self.path()));
            return Err(Error::new(what, "run this again"));
        }
        if after.trim().is_empty() {
            atomic::remove(self.path())?;
            return atomic::remove_directory(directory).map(drop);
        }
        atomic::replace(&self.target, after.as_bytes(), MODE, None)
    }
}

/// Makes the directory if it is missing, and locks it: whoever changes grants with this program waits.
fn lock(directory: &Path) -> Result<Flock<File>, Error> {
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
