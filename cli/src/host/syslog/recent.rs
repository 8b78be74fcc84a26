//! Reads the log entries since a moment.

use super::line::{self, Parsed};
use super::record::{Program, Record};
use super::stamp::Stamps;
use super::{journal, lines};
use jiff::tz::TimeZone;
use std::collections::HashSet;
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

/// The new entries of the programs of [`record`], each with the name of its log, and why some could not be read.
#[derive(Default)]
pub(crate) struct Entries {
    pub(crate) all: Vec<(&'static str, Record<'static>)>,
    pub(crate) unread: Vec<String>,
}

impl Recent {
    /// Begins now.
    pub(crate) fn from_now() -> Self {
        let size = |path| Path::new(path).metadata().map_or(0, |metadata| metadata.len());
        let since = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
        Self { files: FILES.iter().map(|path| (*path, size(path))).collect(), since }
    }

    /// The new entries of each log. One of which journald says that another process sent it is left out, in a file,
    /// too.
    pub(crate) fn entries(&self) -> Entries {
        let mut entries = Entries::default();
        let mut forged = HashSet::new();
        if Path::new(JOURNAL).exists() {
            match journal::since(self.since) {
                Ok(text) => {
                    for record in records(&text) {
                        match record.is_genuine() {
                            true => entries.all.push(("the journal", record)),
                            false => drop(forged.insert((record.pid_in_file(), record.message))),
                        }
                    }
                }
                Err(why) => entries.unread.push(format!("the journal cannot be read: {why}")),
            }
        }
        for (path, before) in &self.files {
            match since(path, *before) {
                Ok(text) => {
                    let of_file = records(&text);
                    let is_believed =
                        |record: &Record<'static>| !forged.contains(&(record.pid, record.message.clone()));
                    entries.all.extend(of_file.filter(is_believed).map(|record| (*path, record)));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => entries.unread.push(format!("{path} cannot be read: {error}")),
            }
        }
        entries
    }
}

/// The entries in the text of a log.
fn records(text: &[u8]) -> impl Iterator<Item = Record<'static>> {
    // Their times do not matter.
    let mut stamps = Stamps::new(TimeZone::UTC, 1970);
    let lines = text.split(|byte| *byte == b'\n').filter(|line| line.len() <= lines::MAX_LINE);
    lines.filter_map(move |line| match line::parse(line, &mut stamps) {
        Parsed::Record(record) if record.program != Program::Logger => Some(record.into_owned()),
        _ => None,
    })
}

/// What was appended to a file since it had `before` bytes, or all of a file that is new.
fn since(path: &str, before: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    file.seek(SeekFrom::Start(if size < before { 0 } else { before }))?;
    let mut bytes = Vec::new();
    file.take(MAX_READ).read_to_end(&mut bytes)?;
    Ok(bytes)
}
