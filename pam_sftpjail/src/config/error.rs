//! Why a configuration cannot be used, and what an admin can do about it.

use super::Config;
use super::problem::Problem;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::sys::process_fix;
use nix::errno::Errno;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// Why the configuration cannot be used. `Display` names the file and the line, and what is so.
#[derive(Debug, Error)]
#[error("{}: {}", escaped(path), cause.sentence())]
pub struct ConfigError {
    pub(crate) path: PathBuf,
    pub(crate) cause: Cause,
    /// The text in which there may be more than one fault.
    pub(super) text: Option<String>,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum Cause {
    Unreadable(Errno),
    /// Others than root can write it.
    Untrusted(&'static str),
    Problem(Problem),
}

impl Cause {
    fn sentence(&self) -> String {
        match self {
            Self::Unreadable(errno) => format!("cannot be read: {}", errno.desc()),
            Self::Untrusted(what) => (*what).to_owned(),
            Self::Problem(problem) => problem.sentence(),
        }
    }
}

impl ConfigError {
    pub(crate) fn new(path: &Path, cause: Cause) -> Self {
        Self { path: path.to_owned(), cause, text: None }
    }

    /// The further faults of the configuration, by their lines.
    pub fn others(&self) -> Vec<Self> {
        let all = self.text.as_deref().map(Config::problems).unwrap_or_default();
        all.into_iter().skip(1).map(|problem| Self::new(&self.path, Cause::Problem(problem))).collect()
    }

    /// Whether this process may not read it. That says nothing about the file.
    pub fn is_denied(&self) -> bool {
        matches!(self.cause, Cause::Unreadable(Errno::EACCES | Errno::EPERM))
    }

    /// Whether the file could not be read, so that nothing is known of what is in it.
    pub fn is_unread(&self) -> bool {
        matches!(self.cause, Cause::Unreadable(_))
    }

    /// The errno, where the process ran out of descriptors or memory. That says nothing about the file, so
    /// it must not turn members into non-members.
    pub fn exhaustion(&self) -> Option<Errno> {
        match self.cause {
            Cause::Unreadable(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Some(errno),
            _ => None,
        }
    }

    /// Whether others than root could have written the file.
    pub fn is_untrusted(&self) -> bool {
        matches!(self.cause, Cause::Untrusted(_))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What an admin can do about it.
    pub fn fix(&self) -> Fix {
        match &self.cause {
            Cause::Untrusted(_) => {
                "look at what is in it, because others could change it; then run chown root and chmod go-w on it".into()
            }
            Cause::Problem(problem) => problem.fix.as_str().into(),
            Cause::Unreadable(Errno::ENOENT) => "write the file, or correct its path".into(),
            Cause::Unreadable(errno) => process_fix(*errno).unwrap_or("make sure that root can read it").into(),
        }
    }
}
