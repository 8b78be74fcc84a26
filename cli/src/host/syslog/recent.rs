//! What the system's log got since a moment.

use super::journal;
use crate::host::{process, programs};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::time::SystemTime;

/// Where syslog daemons put these lines: ours, Debian's, Red Hat's and SUSE's.
const FILES: [&str; 6] = [
    "/var/log/sftp.log",
    "/var/log/auth.log",
    "/var/log/secure",
    "/var/log/syslog",
    "/var/log/messages",
    "/var/log/authlog",
];
const JOURNAL: &str = "/run/systemd/journal/socket";

/// More is not read of what came since the probe began, in bytes.
const MOST: u64 = 64 << 20;

/// The ends of the logs at a moment.
pub(crate) struct Recent {
    files: Vec<(&'static str, u64)>,
    /// Seconds since 1970.
    since: u64,
}

impl Recent {
    /// From now on.
    pub(crate) fn from_now() -> Self {
        let size = |path| Path::new(path).metadata().map_or(0, |metadata| metadata.len());
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Self { files: FILES.iter().map(|path| (*path, size(path))).collect(), since }
    }

    /// What each log got since then, by its name; the journal's in the form of syslog.
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
        let said = process::run(command, b"").ok()?;
        Some(String::from_utf8_lossy(&said.out).into_owned())
    }
}

/// What was appended to a file, or all of it if it is a new one.
fn since(path: &str, before: u64) -> String {
    let read = || {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(if size < before { 0 } else { before }))?;
        let mut bytes = Vec::new();
        file.take(MOST).read_to_end(&mut bytes)?;
        io::Result::Ok(bytes)
    };
    String::from_utf8_lossy(&read().unwrap_or_default()).into_owned()
}
