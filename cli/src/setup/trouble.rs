//! Why setting up cannot go on: one sentence, with the fix.

use pam_sftpjail::escape::{escaped, one_line, word};
use pam_sftpjail::nss::LookupError;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind};
use std::path::Path;

/// What is in the way, and what to do.
#[derive(Debug)]
pub(crate) struct Trouble(String);

impl Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Trouble {
    pub(super) fn new(what: impl Display, fix: impl Display) -> Self {
        Self(format!("{what}; {fix}"))
    }

    /// Something could not be done to `path`, such as "be written".
    pub(super) fn with(path: &Path, what: &str, error: &io::Error) -> Self {
        let fix = match error.kind() {
            ErrorKind::ReadOnlyFilesystem => "make its file system writable (mount -o remount,rw)".to_owned(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there".to_owned(),
            ErrorKind::PermissionDenied => {
                let place = path.parent().unwrap_or(path);
                format!("see whether it is immutable: lsattr -d {} {}", word(place), word(path))
            }
            _ => "see that root can do so".to_owned(),
        };
        Self(format!("{} cannot {what}: {}; {fix}", escaped(path), errno(error)))
    }

    /// Adds what was done about it.
    pub(super) fn and(self, what: impl Display) -> Self {
        Self(format!("{}. {what}", self.0))
    }
}

impl From<LookupError> for Trouble {
    fn from(error: LookupError) -> Self {
        Self::new(&error, error.fix())
    }
}

/// The system's words, without Rust's number behind them.
pub(super) fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => nix::errno::Errno::from_raw(number).desc().to_owned(),
        None => one_line(&error.to_string()),
    }
}
