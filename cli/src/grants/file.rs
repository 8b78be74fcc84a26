//! A user's file of grants, read as a login reads it.

use super::edit_file::FileEdit;
use crate::report::Error;
use crate::writing::target::Target;
use pam_sftpjail::grants::{Grant, load, of_text, path_of};
use pam_sftpjail::name::UserName;
use std::path::Path;

/// The mode of a file. A login reads it as root, and nobody else needs to know the terms.
const MODE: u32 = 0o600;

/// The file as it was read.
pub(super) struct GrantsFile {
    target: Target,
    /// `None`: it is missing.
    before: Option<Vec<u8>>,
    pub(super) grants: Vec<Grant>,
}

impl GrantsFile {
    /// The error: it cannot be used, so that nothing may be written there.
    pub(super) fn read(user: &UserName) -> Result<Self, Error> {
        let failed = |error| Error::new(&error, pam_sftpjail::config::ConfigError::fix(&error));
        load(user).map_err(failed)?;
        let path = path_of(user);
        let target = Target::ours(&path)?;
        let before = target.read()?;
        let text = before.as_deref().map(String::from_utf8_lossy);
        let grants = text.map(|text| of_text(&text, &path).map_err(failed)).transpose()?;
        Ok(Self { target, before, grants: grants.unwrap_or_default() })
    }

    pub(super) fn path(&self) -> &Path {
        self.target.path()
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(self.before.as_deref().unwrap_or_default()).into_owned()
    }

    /// The caller has checked what comes of it.
    pub(super) fn edit(self, after: String) -> FileEdit {
        FileEdit { target: self.target, before: self.before, after: after.into_bytes(), mode: MODE }
    }
}
