//! Entries of a profile's `guard`: paths below the home.

use crate::path::Normalised;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// A name below the home that a session can neither change nor make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuardEntry {
    path: Normalised,
    is_directory: bool,
}

/// What is a directory wherever it is known.
const DIRECTORIES: [&str; 8] = [
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
    /// The error is the rest of a sentence about the entry: "is absolute".
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        let bare = text.strip_suffix('/').unwrap_or(text);
        if bare.is_empty() {
            return Err("names nothing below the home");
        }
        if bare.starts_with('/') {
            return Err("is absolute, and what is guarded lies below the home");
        }
        if bare.starts_with('~') || bare.contains('%') {
            return Err("holds a ~ or %, and what is guarded lies below the home anyway");
        }
        if bare.split('/').any(|component| matches!(component, "" | ".")) {
            return Err("has an empty component or a '.'");
        }
        let path = Normalised::parse(format!("/{bare}").as_ref())?;
        let is_directory = text.ends_with('/') || DIRECTORIES.contains(&bare);
        Ok(Self { path, is_directory })
    }

    /// Below the home.
    pub fn path(&self) -> PathBuf {
        self.path.relative()
    }

    /// The components, outermost first.
    pub fn components(&self) -> &[OsString] {
        self.path.components()
    }

    /// Whether it is to be a directory where it is missing: it was written with a slash at the end, or it
    /// is known to be one.
    pub(crate) fn is_directory(&self) -> bool {
        self.is_directory
    }

    /// Whether a path below the home, by its components, is this one, lies in it, or holds it.
    pub(crate) fn overlaps(&self, other: &[OsString]) -> bool {
        self.components().starts_with(other) || other.starts_with(self.components())
    }

    /// Whether it holds a path below the home, so that no session can change what is there.
    pub fn covers(&self, path: &Path) -> bool {
        path.starts_with(self.path())
    }
}
