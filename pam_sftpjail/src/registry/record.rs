//! The text of a record: what people and programs can read about a session.

use super::LiveRecord;
use crate::config::Namespace;
use crate::escape::escaped;
use crate::sys::{attribute, directory};
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{self, Read};

/// In bytes. A record has some hundreds, most of them for the key; no more than this is read.
const MAX_RECORD: u64 = 64 << 10;

/// A session or a refused connection, as its record describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub user: String,
    pub uid: u32,
    /// The process that opened the session: sshd's monitor.
    pub pid: u32,
    /// When it was opened, in seconds since the epoch.
    pub since: u64,
    /// PAM_RHOST, escaped.
    pub rhost: String,
    /// PAM_SERVICE
    pub service: String,
    pub profile: String,
    pub namespace: Namespace,
    /// Escaped, like the home.
    pub jail: String,
    pub home: String,
    /// The earliest end of the grants that the jail holds, in seconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<i64>,
    /// The folder of that grant, escaped like all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_with: Option<String>,
    /// The folders of those grants on the host, escaped.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<String>,
    /// How the user logged in: the lines of sshd's SSH_AUTH_INFO_0, one for each method, with the key.
    pub authentication: Vec<String>,
    /// Whether this is no session, but a refused connection that sshd keeps.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
}

impl Record {
    /// The version that this crate writes and reads. It rises when a key changes its meaning or is removed.
    pub const VERSION: u32 = 1;
}

impl LiveRecord {
    /// Reads it. `None`: the session has just ended. The error is a sentence about the record.
    pub fn read(self) -> Result<Option<Record>, String> {
        let name = escaped(self.name()).to_string();
        let failed = |error: io::Error| format!("the record {name} cannot be read: {error}");
        let path = self.path();
        let file = match directory::open_file(AT_FDCWD, path.as_os_str()) {
            Err(Errno::ENOENT) => return Ok(None),
            file => file.map_err(|errno| failed(errno.into()))?,
        };
        // If the service could write no file, the attribute is the whole record.
        let text = match attribute::get(&file).map_err(|errno| failed(errno.into()))? {
            Some(text) => text,
            None => {
                let mut text = String::new();
                File::from(file).take(MAX_RECORD).read_to_string(&mut text).map_err(failed)?;
                text
            }
        };
        let record: Record = toml::from_str(&text).map_err(|_| {
            format!("the record {name} was not written by this version of sftpjail; the session goes on")
        })?;
        if record.version == Record::VERSION {
            Ok(Some(record))
        } else {
            let (theirs, ours) = (record.version, Record::VERSION);
            Err(format!("the record {name} has version {theirs}, but this sftpjail reads version {ours}"))
        }
    }
}
