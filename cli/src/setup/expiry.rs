//! Installs what runs `sftpjail expire` each minute.
//!
//! What its files say is in `desired::expiry`.

use super::change::{Change, FileChange};
use super::own_file::{OwnFile, adapted};
use super::target::Target;
use super::{directory, program};
use crate::desired::expiry::Means;
use crate::report::Error;

/// What is needed for it.
#[derive(Default)]
pub(super) struct Needed {
    pub(super) changes: Vec<Change>,
    /// Sentences for the admin.
    pub(super) notes: Vec<String>,
}

impl Needed {
    pub(super) fn find() -> Result<Self, Error> {
        let means = Means::of_host();
        let mut needed = Self::default();
        if means == Means::None {
            needed.notes.push(
                "neither systemd nor cron can run `sftpjail expire` here: let something run it each minute, or a session \
                 goes on with a folder that is no longer granted"
                    .to_owned(),
            );
            return Ok(needed);
        }
        for (path, text) in means.files(&program::path(means.name())?) {
            match OwnFile::read(path, &text)? {
                OwnFile::Ok => {}
                OwnFile::Needed(before) => {
                    if let Some(above) = path.parent() {
                        needed.changes.extend(directory::change(above, 0o755)?);
                    }
                    needed.changes.push(Change::File(FileChange::whole(Target::ours(path)?, before, text)));
                }
                OwnFile::Adapted => needed.notes.push(adapted(path, "settings")),
            }
        }
        Ok(needed)
    }
}
