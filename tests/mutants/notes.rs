//! The file in which the processes of a test note the mutants that they come to: a byte for each mutant.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(crate) struct Notes {
    path: PathBuf,
    mutants: usize,
}

impl Notes {
    pub(crate) fn new(path: PathBuf, mutants: usize) -> Self {
        Self { path, mutants }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Processes of users note too.
    pub(crate) fn clear(&self) -> Result<(), String> {
        let cleared = fs::write(&self.path, vec![0; self.mutants + 1]);
        let cleared = cleared.and_then(|()| fs::set_permissions(&self.path, Permissions::from_mode(0o666)));
        cleared.map_err(|error| self.error(&error))
    }

    pub(crate) fn read(&self) -> Result<Vec<usize>, String> {
        let bytes = fs::read(&self.path).map_err(|error| self.error(&error))?;
        Ok(bytes.iter().enumerate().filter(|(_, byte)| **byte != 0).map(|(number, _)| number).collect())
    }

    fn error(&self, error: &std::io::Error) -> String {
        format!("{}: {error}", self.path.display())
    }
}
