//! What a record says, for people and for programs.

use super::{DIRECTORY, LiveRecord};
use crate::config::Namespace;
use crate::escape::escaped;
use crate::sys::{attribute, directory};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Records are some hundred bytes, most of it the key; anything of this size (bytes) is something else.
const MAX_RECORD: u64 = 64 << 10;

/// A session, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub user: String,
    pub uid: u32,
    /// Of the process that opened the session: sshd's monitor.
    pub pid: u32,
    /// When it was opened, in seconds since the epoch.
    pub since: u64,
    /// PAM_RHOST, escaped.
    pub rhost: String,
    /// PAM_SERVICE
    pub service: String,
    pub profile: String,
    pub namespace: Namespace,
    /// Escaped, as the home is.
    pub jail: String,
    pub home: String,
    /// How the user logged in, as sshd says in SSH_AUTH_INFO_0: a line for each method, with the key.
    pub authentication: Vec<String>,
    /// Whether there is no session, but a connection that was refused and that the service keeps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Record {
    /// The version that this crate writes and reads; it grows when a key changes its meaning or goes.
    pub const VERSION: u32 = 1;
}

impl LiveRecord {
    /// What it says; `None` if it has just ended. The error is a sentence about it.
    pub fn read(self) -> Result<Option<Record>, String> {
        let name = escaped(&self.name).to_string();
        let failed = |error: io::Error| format!("the record {name} cannot be read: {error}");
        let path = Path::new(DIRECTORY).join(&self.user).join(&self.name);
        let file = match directory::open_file(AT_FDCWD, path.as_os_str()) {
            Err(Errno::ENOENT) => return Ok(None),
            file => file.map_err(|errno| failed(errno.into()))?,
        };
        // Where the service could write no file, it is the whole record.
        let text = match attribute::get(&file).map_err(|errno| failed(errno.into()))? {
            Some(text) => text,
            None => {
                let mut text = String::new();
                File::from(file).take(MAX_RECORD).read_to_string(&mut text).map_err(failed)?;
                text
            }
        };
        let record: Record = toml::from_str(&text).map_err(|_| {
            format!("the record {name} is not one of this version of sftpjail; the session itself goes on")
        })?;
        if record.version == Record::VERSION {
            Ok(Some(record))
        } else {
            let (theirs, ours) = (record.version, Record::VERSION);
            Err(format!("the record {name} has version {theirs}, and this sftpjail reads {ours}"))
        }
    }
}
