//! One entry of a profile's `guard`: a path below the home.

use crate::path::Normalised;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A path below the home that a session can neither change nor make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardEntry {
    path: Normalised,
    is_directory: bool,
}

/// Names that programs use for directories only.
pub(crate) const DIRECTORIES: [&str; 8] = [
    ".ssh",
    ".gnupg",
    ".config",
    ".local",
    ".config/systemd",
    ".config/environment.d",
    ".config/autostart",
    ".local/share/systemd",
];

impl GuardEntry {
    /// The error is the rest of a sentence about the entry, such as "is absolute".
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let bare = text.strip_suffix('/').unwrap_or(text);
        if bare.is_empty() {
            return Err("names nothing below the home");
        }
        if bare.starts_with('/') {
            return Err("is absolute, but a guard is for paths below the home");
        }
        if bare.starts_with('~') || bare.contains('%') {
            return Err("contains ~ or %, but every guard is below the home anyway");
        }
        if bare.split('/').any(|component| matches!(component, "" | ".")) {
            return Err("has an empty component or '.'");
        }
        let path = Normalised::parse(format!("/{bare}").as_ref())?;
        let is_directory = text.ends_with('/') || DIRECTORIES.contains(&bare);
        Ok(Self { path, is_directory })
    }

    /// Relative to the home.
    pub fn path(&self) -> PathBuf {
        self.path.relative()
    }

    /// The components below the home, outermost first.
    pub fn components(&self) -> &[OsString] {
        self.path.components()
    }

    /// Whether a missing one is made as a directory: the entry ends in a slash, or its name is a known one.
    pub(crate) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Whether a path below the home, given by its components, is equal to this one, lies in it, or
    /// contains it.
    pub(crate) fn overlaps(&self, other: &[OsString]) -> bool {
        self.components().starts_with(other) || other.starts_with(self.components())
    }

    /// Whether no session can change what is at a path below the home, because it is this one or lies in
    /// it.
    pub fn covers(&self, path: &Path) -> bool {
        path.starts_with(self.path())
    }
}
