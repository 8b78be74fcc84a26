//! Reads systemd's journal with `journalctl`.

use crate::host::programs;
use std::io::{self, ErrorKind};
use std::process::{Child, ChildStderr, ChildStdout, ExitStatus, Stdio};

pub(crate) const TOOL: &str = "journalctl";

/// For entries of the programs of [`super::record`]. An entry needs to match only one `-t`.
const ARGUMENTS: [&str; 16] = [
    "--output=json",
    "--output-fields=_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_UID,_COMM,MESSAGE",
    "--no-pager",
    "--quiet",
    "-t",
    "internal-sftp",
    "-t",
    "sftp-server",
    "-t",
    "sshd",
    "-t",
    "sshd-session",
    "-t",
    "systemd-journald",
    "-t",
    "systemd-journal",
];

/// With these it reads the journal to its end, and then goes on.
const FOLLOW: [&str; 2] = ["--follow", "--no-tail"];

/// A running `journalctl`. Dropping it ends it.
pub(crate) struct Journal(Child);

/// Why the journal cannot be read.
pub(crate) enum Failure {
    /// There is no `journalctl`.
    Missing,
    NotRun(io::Error),
    /// It has not read the whole journal.
    Ended(ExitStatus),
    NotWaitedFor(io::Error),
}

impl Journal {
    /// Starts `journalctl`. Gives what it writes, too, and its errors.
    pub(crate) fn start(follow: bool) -> Result<(Self, ChildStdout, ChildStderr), Failure> {
        let tool = programs::find(TOOL).ok_or(Failure::Missing)?;
        let mut command = programs::command(&tool);
        command.args(ARGUMENTS).args(FOLLOW.iter().filter(|_| follow));
        let mut child =
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().map_err(Failure::NotRun)?;
        let (Some(out), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(Failure::NotRun(ErrorKind::BrokenPipe.into()));
        };
        Ok((Self(child), out, errors))
    }

    /// Waits for its end.
    pub(crate) fn finish(mut self) -> Result<(), Failure> {
        match self.0.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(Failure::Ended(status)),
            Err(error) => Err(Failure::NotWaitedFor(error)),
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // After `finish`, neither does anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
