//! Reads systemd's journal with `journalctl`.

use super::entry;
use super::lines::{Line, Lines};
use crate::host::{process, programs};
use jiff::Timestamp;
use std::io::{self, ErrorKind, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::thread::{self, JoinHandle};

pub(crate) const TOOL: &str = "journalctl";

/// Where journald keeps the journal: until the next boot, and longer.
const DIRECTORIES: [&str; 2] = ["/run/log/journal", "/var/log/journal"];

/// The form of an entry. Without `--all`, journalctl leaves out a message of more than 4096 bytes.
const FORM: [&str; 5] = [
    "--output=json",
    "--output-fields=_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_TRANSPORT,_PID,_UID,_COMM,MESSAGE",
    "--all",
    "--no-pager",
    "--quiet",
];

/// The programs of [`super::record`]. An entry needs to be of one of them.
const PROGRAMS: [&str; 6] =
    ["internal-sftp", "sftp-server", "sshd", "sshd-session", "systemd-journald", "systemd-journal"];

/// With these it reads the journal to its end, and then goes on.
const FOLLOW: [&str; 2] = ["--follow", "--no-tail"];

/// The most that is kept of what journalctl writes to its standard error, in bytes.
const MAX_SAID: u64 = 4096;

/// Which entries to read.
#[derive(Clone, Copy)]
pub(crate) enum Which<'a> {
    /// All that are there.
    All,
    /// All that are there, and then those that come.
    Following,
    /// Those behind the entry with this `__CURSOR`, and then those that come.
    FollowingAfter(&'a str),
    /// Those since this second of 1970.
    Since(u64),
    /// The oldest ones, of all programs.
    Oldest,
}

/// A running `journalctl`. Dropping it ends it.
pub(crate) struct Journal {
    child: Child,
    said: Option<JoinHandle<String>>,
}

/// Why the journal cannot be read.
#[derive(Debug)]
pub(crate) enum Failure {
    /// There is no `journalctl`.
    Missing,
    NotRun(io::Error),
    /// It has not read the whole journal. With what it said about that, which may be nothing.
    Ended(ExitStatus, String),
    /// It has left out a part of the journal, such as a damaged file, and said this.
    LeftOut(String),
    NotWaitedFor(io::Error),
}

/// Whether there is a journal, as far as that can be seen.
pub(crate) fn is_there() -> bool {
    DIRECTORIES.iter().any(|directory| Path::new(directory).is_dir()) && programs::find(TOOL).is_some()
}

/// The time of its oldest entry; `None` if there is none, or it cannot be read, which who reads the rest reports.
pub(crate) fn begin() -> Option<Timestamp> {
    let (_journal, pipe) = Journal::start(Which::Oldest).ok()?;
    match Lines::new(pipe).next() {
        Ok(Some(Line::Whole(line))) => entry::place(line).map(|place| place.time),
        _ => None,
    }
}

/// Its entries since this second of 1970, as [`super::line::parse`] takes them.
pub(crate) fn since(second: u64) -> Result<Vec<u8>, String> {
    let command = command(Which::Since(second)).map_err(|_| format!("there is no {TOOL}"))?;
    let output = process::run(command, b"").map_err(|error| error.to_string())?;
    let said = output.stderr.trim();
    match output.success {
        true => Ok(output.stdout),
        false if said.is_empty() => Err(format!("{TOOL} failed")),
        false => Err(format!("{TOOL}: {said}")),
    }
}

/// The command that writes entries, a line each.
fn command(which: Which<'_>) -> Result<Command, Failure> {
    let tool = programs::find(TOOL).ok_or(Failure::Missing)?;
    let mut command = programs::command(&tool);
    command.args(FORM);
    if !matches!(which, Which::Oldest) {
        command.args(PROGRAMS.iter().flat_map(|name| ["-t", name]));
    }
    match which {
        Which::All | Which::Oldest => {}
        Which::Following => drop(command.args(FOLLOW)),
        Which::FollowingAfter(cursor) => drop(command.args(FOLLOW).arg(format!("--after-cursor={cursor}"))),
        Which::Since(second) => drop(command.arg(format!("--since=@{second}"))),
    }
    Ok(command)
}

impl Journal {
    /// Starts `journalctl`. Gives what it writes, too.
    pub(crate) fn start(which: Which<'_>) -> Result<(Self, ChildStdout), Failure> {
        let mut command = command(which)?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(Failure::NotRun)?;
        let (Some(out), Some(mut errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::NotRun(ErrorKind::BrokenPipe.into()));
        };
        // It ends with journalctl, which must not wait for a reader.
        let said = thread::spawn(move || {
            let mut said = Vec::new();
            let _ = errors.by_ref().take(MAX_SAID).read_to_end(&mut said);
            let _ = io::copy(&mut errors, &mut io::sink());
            String::from_utf8_lossy(&said).trim().to_owned()
        });
        Ok((Self { child, said: Some(said) }, out))
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        let status = self.child.wait().map_err(Failure::NotWaitedFor)?;
        let said = self.said.take().and_then(|said| said.join().ok()).unwrap_or_default();
        match status.success() {
            true if said.is_empty() => Ok(()),
            true => Err(Failure::LeftOut(said)),
            false => Err(Failure::Ended(status, said)),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // After `finish`, neither does anything.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
