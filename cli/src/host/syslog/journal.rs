//! Reads systemd's journal with `journalctl`.

use crate::host::programs;
use std::io::{self, Read};
use std::process::{Child, Stdio};

pub(crate) const TOOL: &str = "journalctl";

/// For entries of the programs of [`super::record`]. An entry needs to match only one `-t`.
const ARGUMENTS: [&str; 16] = [
    "--output=json",
    "--output-fields=_HOSTNAME,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,MESSAGE",
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

/// A running `journalctl`. Dropping it ends it.
pub(crate) struct Journal(Child);

impl Journal {
    /// Starts `journalctl`. The error is a sentence.
    pub(crate) fn start() -> Result<Self, String> {
        let tool = programs::find(TOOL).ok_or(
            "there is no log to read: neither /var/log/sftp.log, /var/log/auth.log or /var/log/secure nor \
             journalctl is there; name the file with --file",
        )?;
        let child =
            programs::command(&tool).args(ARGUMENTS).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn();
        child.map(Self).map_err(|error| format!("{TOOL} cannot be run: {error}; name a file with --file"))
    }

    /// Waits for its end. The error is a sentence: it has not read the whole journal.
    pub(crate) fn finish(mut self) -> Result<(), String> {
        match self.0.wait() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(format!("journalctl could not read the journal ({status}); run this as root")),
            Err(error) => Err(format!("journalctl cannot be waited for: {error}; run this again")),
        }
    }
}

impl Read for &mut Journal {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.stdout.as_mut().map_or(Ok(0), |stdout| stdout.read(buffer))
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        // After `finish`, neither does anything.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
