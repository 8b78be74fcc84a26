//! `/etc/sftpjail/grants.d/USER.toml` → [`Grant`]s: folders that root lets one user have, until when, and on which
//! terms.
//!
//! Only the file of the user who logs in is read. A missing one means no grants; one that cannot be used refuses that
//! user and nobody else. Nothing of the folders is looked at here: a grant becomes a volume of the
//! [`plan`](crate::plan), beside those of the profile.
#![forbid(unsafe_code)]

mod fingerprint;
mod moment;
mod network;
mod read;
mod standing;

use crate::config::ConfigError;
use crate::config::error::Cause;
use crate::config::{root_file, user_file};
use crate::name::UserName;
use crate::path::Normalised;
pub use fingerprint::Fingerprint;
pub use moment::Moment;
pub use network::Network;
pub use standing::{Address, Circumstances, Keys, Standing, now};
use std::path::{Path, PathBuf};

/// Where the files are.
pub const DIRECTORY: &str = "/etc/sftpjail/grants.d";

/// What the name of each file ends in.
const EXTENSION: &str = ".toml";

/// One `[[grant]]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The line of its header.
    pub line: usize,
    /// The folder on the host.
    pub folder: Normalised,
    /// Where it appears in the jail.
    pub at: Normalised,
    pub read_only: bool,
    /// The account to which everything in it belongs on disk, and which the user sees as itself.
    pub owner: Option<String>,
    /// It cannot be used before. `None`: when it was given is not on record.
    pub since: Option<Moment>,
    pub until: Option<Moment>,
    /// The login must come from one of these. Empty: from anywhere.
    pub from: Vec<Network>,
    /// The login must be with this key.
    pub key: Option<Fingerprint>,
    pub note: Option<String>,
}

/// The file of a user.
pub fn path_of(user: &UserName) -> PathBuf {
    Path::new(DIRECTORY).join(file_name(user))
}

fn file_name(user: &UserName) -> String {
    format!("{}{EXTENSION}", user.as_str())
}

/// Reads and checks the grants of a user. There are none where the file, or the directory, is missing.
///
/// The directory and the file must be owned by root and writable by nobody else, and the file a regular one: neither a
/// symlink nor a FIFO, which would block.
pub fn load(user: &UserName) -> Result<Vec<Grant>, ConfigError> {
    let path = path_of(user);
    match user_file::read(Path::new(DIRECTORY), &file_name(user))? {
        None => Ok(Vec::new()),
        Some(bytes) => {
            let text = root_file::text(bytes).map_err(|cause| ConfigError::new(&path, cause))?;
            of_text(&text, &path)
        }
    }
}

/// Whether there is a directory for the files. The error: it cannot be used, so that each login of a member is refused.
pub fn has_directory() -> Result<bool, ConfigError> {
    user_file::is_there(Path::new(DIRECTORY))
}

/// Checks the text of a file that will be written to `path`.
pub fn of_text(text: &str, path: &Path) -> Result<Vec<Grant>, ConfigError> {
    read::grants(text).map_err(|problem| ConfigError::new(path, Cause::Problem(problem)))
}

#[cfg(test)]
mod tests;
