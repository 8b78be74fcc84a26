//! Where setup keeps its journal, and whether that says that it was interrupted. What else is in there, `setup` reads.

use crate::report::Error;
use crate::report::error::{errno, unreadable_fix};
use nix::fcntl::{Flock, FlockArg};
use pam_sftpjail::escape::escaped;
use serde::{Deserialize, Serialize};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Owned by root, mode 0700. A setup that runs has it locked.
pub(crate) const DIRECTORY: &str = "/var/lib/sftpjail/setup";

/// What happens to the steps that are not settled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Phase {
    /// They are being done.
    Applying,
    /// They are done, and wait to be confirmed.
    Unconfirmed,
    /// There are none.
    Applied,
    /// They are being undone.
    Undoing,
}

/// What the journal says of itself.
#[derive(Deserialize)]
struct Head {
    phase: Phase,
    until: Option<u64>,
}

/// Where the journal is.
pub(crate) fn file() -> PathBuf {
    Path::new(DIRECTORY).join("journal.json")
}

/// What was interrupted: a setup that was not finished, or not undone in time, or an undo. `None`: nothing was, or it
/// runs now.
pub(crate) fn interrupted() -> Result<Option<Phase>, Error> {
    let path = file();
    let failed = |error: io::Error| {
        Error::new(format!("{} cannot be read: {}", escaped(&path), errno(&error)), unreadable_fix(&error))
    };
    let bytes = match fs::read(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        bytes => bytes.map_err(failed)?,
    };
    let head: Head = serde_json::from_slice(&bytes).map_err(|_| {
        Error::new(format!("{} is not a journal of setup", escaped(&path)), "see what `sftpjail setup` says")
    })?;
    let is_interrupted = match head.phase {
        Phase::Applied => false,
        Phase::Applying | Phase::Undoing => true,
        Phase::Unconfirmed => head.until.is_none_or(|until| until <= now()),
    };
    if !is_interrupted {
        return Ok(None);
    }
    let directory = File::open(DIRECTORY).map_err(failed)?;
    Ok(Flock::lock(directory, FlockArg::LockSharedNonblock).is_ok().then_some(head.phase))
}

/// Seconds since 1970.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
