//! One step of a setup: what was there before, and what undoing it takes. It changes nothing.

use super::{BACKUP_PREFIX, DIRECTORY};
use crate::report::Error;
use crate::setup::atomic;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One change, with what undoing it takes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(in crate::setup) enum Step {
    /// A directory that was made.
    Directory { path: PathBuf },
    /// A file that was written.
    File {
        path: PathBuf,
        /// `None`: it was missing.
        before: Option<Backup>,
        /// The digest of the new content.
        after: String,
        /// The new content, for who wants to see what others have edited since. Journals before 0.2 have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        written: Option<Backup>,
        /// The texts that were inserted between lines of others. If it and `replaced` are empty, all of the
        /// file was written.
        inserted: Vec<String>,
        /// The lines of others that were replaced. Journals of version 1 have none.
        #[serde(default)]
        replaced: Vec<Replaced>,
        /// The digest of another content, which others have written since and a later setup has accepted. Journals
        /// before 0.2 have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        accepted: Option<String>,
    },
    /// A group that was added, and the files that the tool wrote for that.
    Group { name: String, files: Vec<(PathBuf, Option<Backup>)> },
}

/// A line before and after, each with its newline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::setup) struct Replaced {
    pub(in crate::setup) was: String,
    pub(in crate::setup) is: String,
}

/// The copy of a file's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::setup) struct Backup {
    /// Its name in [`DIRECTORY`].
    #[serde(rename = "backup")]
    name: String,
    digest: String,
    /// When the file was last changed.
    pub(in crate::setup) modified: Option<SystemTime>,
}

impl Backup {
    /// That of this name, which holds `bytes`, the content of `path`.
    pub(super) fn of(name: String, path: &Path, bytes: &[u8]) -> Self {
        Self { name, digest: atomic::digest(bytes), modified: atomic::modified(path) }
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Where it is; `None` if it is lost.
    pub(in crate::setup) fn found(&self) -> Result<Option<PathBuf>, Error> {
        Ok(self.read()?.map(|_| self.path()))
    }

    fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.name)
    }

    /// Whether the file had this content.
    pub(in crate::setup) fn is_of(&self, bytes: &[u8]) -> bool {
        self.digest == atomic::digest(bytes)
    }

    /// The content; `None` if it is lost.
    pub(in crate::setup) fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        let bytes = atomic::read(&self.path())?;
        Ok(bytes.filter(|bytes| self.is_of(bytes)))
    }

    /// The number of the step that it belongs to.
    pub(super) fn number(&self) -> Option<usize> {
        self.name.strip_prefix(BACKUP_PREFIX)?.split('-').next()?.parse().ok()
    }
}

impl Step {
    /// The groups that these steps added.
    pub(in crate::setup) fn groups(steps: &[Self]) -> Vec<&str> {
        let names = steps.iter().filter_map(|step| match step {
            Self::Group { name, .. } => Some(name.as_str()),
            Self::File { .. } | Self::Directory { .. } => None,
        });
        names.collect()
    }

    /// The file that it wrote.
    pub(in crate::setup) fn file(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Directory { .. } | Self::Group { .. } => None,
        }
    }

    /// Notes what the file holds now, if all of it was written and others have edited it. Gives whether that is new.
    pub(super) fn accept_edits(&mut self) -> Result<bool, Error> {
        let Self::File { path, after, inserted, replaced, accepted, .. } = self else { return Ok(false) };
        if !inserted.is_empty() || !replaced.is_empty() {
            return Ok(false);
        }
        let now = atomic::read(path)?.map(|bytes| atomic::digest(&bytes)).filter(|now| now != after);
        let is_new = *accepted != now;
        *accepted = now;
        Ok(is_new)
    }

    pub(super) fn backups(&self) -> Vec<&Backup> {
        match self {
            Self::Directory { .. } => Vec::new(),
            Self::File { before, written, .. } => before.iter().chain(written).collect(),
            Self::Group { files, .. } => files.iter().filter_map(|(_, before)| before.as_ref()).collect(),
        }
    }
}
