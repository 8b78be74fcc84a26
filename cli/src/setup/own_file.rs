//! A file of a daemon's that setup writes as a whole, and that an admin may adapt: whether it has to be written.

use super::atomic;
use super::journal;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::path::Path;

/// The state of such a file.
pub(super) enum OwnFile {
    /// It says the same as this version's, whatever its comments say.
    Ok,
    /// It is missing, or it is just as an earlier version has written it: the content that is to be replaced.
    Needed(Option<Vec<u8>>),
    /// Somebody has adapted it, and it stays.
    Adapted,
}

impl OwnFile {
    /// `text`: this version's.
    pub(super) fn read(path: &Path, text: &str) -> Result<Self, Error> {
        let Some(bytes) = atomic::read(path)? else { return Ok(Self::Needed(None)) };
        if settings(&String::from_utf8_lossy(&bytes)).eq(settings(text)) {
            return Ok(Self::Ok);
        }
        let written = journal::peek()?.and_then(|journal| journal.written(path).map(str::to_owned));
        let is_earlier = !path.is_symlink() && written.is_some_and(|digest| digest == atomic::digest(&bytes));
        Ok(if is_earlier { Self::Needed(Some(bytes)) } else { Self::Adapted })
    }
}

/// The sentence about one that somebody has adapted. `what`: what is in it.
pub(super) fn adapted(path: &Path, what: &str) -> String {
    format!(
        "{} has other {what} than this version writes, and stays, since somebody has adapted it; to get this version's, \
         move it away and run this again",
        escaped(path)
    )
}

/// The lines that are neither empty nor comments.
fn settings(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}
