//! Reads the log entries since a moment.

use super::journal;
use crate::host::{process, programs};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// The files into which syslog daemons write entries of sshd and internal-sftp: of our drop-in, Debian, Red
/// Hat and SUSE.
const FILES: [&str; 6] = [
    "/var/log/sftp.log",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/authlog",
];
/// It exists if journald runs.
const JOURNAL: &str = "/run/systemd/journal/socket";

/// The most that is read of the new entries of a file, in bytes.
const MAX_READ: u64 = 64 << 20;

/// The ends of the logs at a moment.
pub(crate) struct Recent {
    files: Vec<(&'static str, u64)>,
    /// Seconds since 1970.
    since: u64,
}

impl Recent {
    /// Begins now.
    pub(crate) fn from_now() -> Self {
        let size = |path| Path::new(path).metadata().map_or(0, |metadata| metadata.len());
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Self { files: FILES.iter().map(|path| (*path, size(path))).collect(), since }
    }

    /// The new entries of each log, with its name. Those of the journal are in the form of syslog.
    pub(crate) fn entries(&self) -> Vec<(&'static str, String)> {
        let mut entries: Vec<_> =
            self.files.iter().map(|(path, before)| (*path, since(path, *before))).collect();
        if Path::new(JOURNAL).exists() {
            entries.push(("the journal", self.journal().unwrap_or_default()));
        }
        entries
    }

    fn journal(&self) -> Option<String> {
        let mut command = programs::command(programs::find(journal::TOOL)?);
        command.args(["--quiet", "--no-pager", "--output=short", &format!("--since=@{}", self.since)]);
        command.args(["-t", "sshd", "-t", "sshd-session", "-t", "internal-sftp"]);
        let output = process::run(command, b"").ok()?;
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

/// What was appended to a file since it had `before` bytes, or all of a file that is new.
fn since(path: &str, before: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(if size < before { 0 } else { before }))?;
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
