//! A change to the system as data. It is shown as a diff, backed up for the journal, and then made.
//!
//! It does not decide what has to change: `module`, `sshd`, `pam`, `syslog` and the others do.

use super::atomic;
use super::group;
use super::journal::{BACKUP_PREFIX, Replaced, State, Step};
use super::target::Target;
use crate::report::Error;
use crate::writing::difference;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};
use serde::Serialize;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// One change.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Makes a directory, owned by root.
    Directory { path: PathBuf, mode: u32 },
    /// Adds a system group.
    Group { name: String },
    /// Writes a file.
    File(FileChange),
}

/// A file's content before and after.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileChange {
    pub(super) target: Target,
    /// `None`: the file is missing.
    pub(super) before: Option<Vec<u8>>,
    pub(super) after: Vec<u8>,
    /// As in [`Step::File`].
    pub(super) inserted: Vec<String>,
    /// As in [`Step::File`].
    pub(super) replaced: Vec<Replaced>,
}

/// The mode of the files that setup adds.
const MODE: u32 = 0o644;

impl FileChange {
    /// Adds a file, or replaces all of it.
    pub(super) fn whole(target: Target, before: Option<Vec<u8>>, after: impl Into<Vec<u8>>) -> Self {
        Self { target, before, after: after.into(), inserted: Vec::new(), replaced: Vec::new() }
    }
}

/// As `diff -u` prints it; directories and groups as the commands that would add them.
impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, mode } => writeln!(f, "mkdir -m {mode:04o} {}", escaped(path)),
            Self::Group { name } => {
                let add = Command::new("groupadd --system").arg(Name(name));
                writeln!(f, "{add}")
            }
            Self::File(FileChange { target, before, after, .. }) => {
                difference::write(f, target.path(), before.as_deref(), Some(after))
            }
        }
    }
}

/// In JSON, an object with the `kind` of change.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Document {
    Directory {
        path: String,
        /// Octal.
        mode: String,
    },
    Group {
        name: String,
    },
    File {
        path: String,
        is_new: bool,
        /// As `diff -u` prints it; `None` if it is not text.
        diff: Option<String>,
    },
}

impl Change {
    /// The change for JSON.
    pub(super) fn document(&self) -> Document {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        match self {
            Self::Directory { path, mode } => {
                Document::Directory { path: text(path), mode: format!("{mode:04o}") }
            }
            Self::Group { name } => Document::Group { name: name.clone() },
            Self::File(FileChange { target, before, after, .. }) => {
                let path = target.path();
                let diff = difference::text(path, before.as_deref(), Some(after));
                Document::File { path: text(path), is_new: before.is_none(), diff }
            }
        }
    }

    /// The directory that it makes.
    pub(super) fn new_directory(&self) -> Option<&Path> {
        match self {
            Self::Directory { path, .. } => Some(path),
            Self::Group { .. } | Self::File(_) => None,
        }
    }

    /// The file that it writes.
    pub(super) fn file(&self) -> Option<&Path> {
        match self {
            Self::File(file) => Some(file.target.path()),
            Self::Directory { .. } | Self::Group { .. } => None,
        }
    }

    /// Whether it writes a file whose path meets `condition`.
    pub(super) fn is_file_where(&self, condition: impl Fn(&Path) -> bool) -> bool {
        self.file().is_some_and(condition)
    }

    /// Backs up what is needed to undo it. `number`: that of the step, which the names of the backups contain.
    pub(super) fn back_up(&self, number: usize, state: &State) -> Result<Step, Error> {
        Ok(match self {
            Self::Directory { path, .. } => Step::Directory { path: path.clone() },
            Self::Group { name } => group::back_up(name, number, state)?,
            Self::File(FileChange { target, before, after, inserted, replaced }) => {
                let path = target.path();
                let name = format!("{BACKUP_PREFIX}{number}");
                let written = Some(state.back_up(format!("{name}-written"), path, after)?);
                let before = before.as_ref().map(|bytes| state.back_up(name, path, bytes)).transpose()?;
                Step::File {
                    path: path.to_owned(),
                    before,
                    after: atomic::digest(after),
                    written,
                    inserted: inserted.clone(),
                    replaced: replaced.clone(),
                    accepted: None,
                }
            }
        })
    }

    /// Does what needs room on the disk. No daemon reads any of it yet.
    pub(super) fn stage(&self) -> Result<(), Error> {
        match self {
            Self::Directory { path, mode } => atomic::make_directory(path, *mode),
            Self::Group { .. } => Ok(()),
            Self::File(file) => {
                if file.target.read()? != file.before {
                    let what = format!(
                        "{} was changed while setup was showing the changes",
                        escaped(file.target.path())
                    );
                    return Err(Error::new(what, "run this again"));
                }
                atomic::stage(&file.target, &file.after, MODE, None)
            }
        }
    }

    /// Makes the change, once [`stage`](Self::stage) has prepared it.
    pub(super) fn commit(&self) -> Result<(), Error> {
        match self {
            Self::Directory { .. } => Ok(()),
            Self::Group { name } => group::add(name),
            Self::File(file) => atomic::commit(file.target.path()),
        }
    }
}
