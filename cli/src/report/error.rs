//! Why something cannot be done or known: the problem and the fix, each a sentence.

use nix::errno::Errno;
use nix::unistd::geteuid;
use pam_sftpjail::denied_by::DeniedBy;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::LookupError;
use pam_sftpjail::plan::root_path;
use std::fmt::{self, Display};
use std::io::{self, ErrorKind};
use std::path::Path;

/// The fix for what only root can check.
pub(crate) const AS_ROOT: &str = "run this as root";

/// The fix for a file that this process cannot read, with the reason for that.
pub(crate) fn unreadable_fix(error: &io::Error) -> &'static str {
    match geteuid().is_root() {
        true if is_denied(error) => DeniedBy::process().fix(),
        true => "make sure that root can read it",
        false => AS_ROOT,
    }
}

/// Whether it is EACCES: permissions do not deny root anything, and an attribute of the file is EPERM.
fn is_denied(error: &io::Error) -> bool {
    error.raw_os_error() == Some(Errno::EACCES as i32)
}

/// Sentences for people, in which names and paths are escaped already.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// The problem.
    pub(crate) what: String,
    /// What the admin should do about it.
    pub(crate) fix: Fix,
    /// What this program has done about it, or what else is wrong, if anything.
    aftermath: Option<String>,
}

impl Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}; {}", self.what, self.fix)?;
        self.aftermath.iter().try_for_each(|aftermath| write!(f, ". {aftermath}"))
    }
}

impl Error {
    pub(crate) fn new(what: impl Display, fix: impl Into<Fix>) -> Self {
        Self { what: what.to_string(), fix: fix.into(), aftermath: None }
    }

    /// `what` could not be done to `path`: "be written", for example.
    pub(crate) fn with(path: &Path, what: &str, error: &io::Error) -> Self {
        let fix = match error.kind() {
            ErrorKind::ReadOnlyFilesystem => "make its file system writable (mount -o remount,rw)".into(),
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room there".into(),
            ErrorKind::PermissionDenied if !geteuid().is_root() => AS_ROOT.into(),
            ErrorKind::PermissionDenied if is_denied(error) => DeniedBy::process().fix().into(),
            // It changes nothing, but reads what is there.
            ErrorKind::PermissionDenied => {
                let look = root_path(path.parent().unwrap_or(path)).zip(root_path(path));
                let look = look.map(|(parent, path)| Command::new("lsattr -d").arg(&parent).arg(&path));
                let words = "see whether it is immutable";
                look.map_or_else(|| Fix::from(words), |look| Fix::from(look).explained(words))
            }
            _ => "see that root can do so".into(),
        };
        Self::new(format!("{} cannot {what}: {}", escaped(path), errno(error)), fix)
    }

    /// What this program has done about it, or what else is wrong, if anything.
    pub(crate) fn aftermath(&self) -> Option<&str> {
        self.aftermath.as_deref()
    }

    /// Adds what this program has done about it, or what else is wrong.
    pub(crate) fn and(self, aftermath: impl Display) -> Self {
        let before = self.aftermath.map(|before| format!("{before}. ")).unwrap_or_default();
        Self { aftermath: Some(format!("{before}{aftermath}")), ..self }
    }
}

impl From<LookupError> for Error {
    fn from(error: LookupError) -> Self {
        Self::new(&error, error.fix())
    }
}

/// The system's words for an error, without the `(os error N)` that Rust puts behind them.
pub(crate) fn errno(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(number) => Errno::from_raw(number).desc().to_owned(),
        None => one_line(&error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_denied_to_root_is_not_blamed_on_permissions_or_attributes() {
        let fix =
            |errno: Errno| Error::with(Path::new("/etc/x"), "be written", &errno.into()).fix.to_string();
        let denied = io::Error::from(Errno::EACCES);
        if geteuid().is_root() {
            let other = DeniedBy::process().fix();
            assert_eq!([fix(Errno::EACCES).as_str(), unreadable_fix(&denied)], [other, other]);
            assert!(fix(Errno::EPERM).starts_with("see whether it is immutable"));
        } else {
            assert_eq!([fix(Errno::EACCES).as_str(), unreadable_fix(&denied)], [AS_ROOT, AS_ROOT]);
        }
        assert_eq!(fix(Errno::ENOSPC), "make room there");
    }
}
