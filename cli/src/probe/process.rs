//! The process that probes: started, and read until it has reported. It may have to wait for a filesystem that has
//! stopped to answer, and then it does not end by SIGKILL either. So nobody waits for it for ever, and nothing of the
//! caller's is open in it.

use super::Request;
use super::report::Report;
use crate::host::child::is_ready_by;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than any one step takes, which all have time limits. Between two, the child writes a line.
const SILENCE: Duration = Duration::from_secs(180);

/// Starts it, and gives what it reports.
pub(super) fn report(request: &Request<'_>) -> io::Result<Report> {
    let mut child = Command::new("/proc/self/exe");
    child
        .arg0("sftpjail")
        .args(request.config.into_iter().flat_map(|path| [OsStr::new("--config"), path.as_os_str()]))
        .arg("probing")
        .args(
            request.sshd_config.into_iter().flat_map(|path| [OsStr::new("--sshd-config"), path.as_os_str()]),
        );
    child.args(["--", request.user]).env_clear();
    // In a process group of its own: ctrl-C ends this process only, and the child sees that and cleans up.
    child.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = child.spawn()?;
    let text = match child.stdout.take() {
        Some(stdout) => read(stdout, SILENCE)?,
        None => Vec::new(),
    };
    let status = child.wait()?;
    serde_json::from_slice(&text)
        .map_err(|_| io::Error::other(format!("the probe ended without a result: {status}")))
}

/// Reads to the end. The error: nothing has come for so long.
fn read(mut from: impl Read + AsFd, silence: Duration) -> io::Result<Vec<u8>> {
    let mut text = Vec::new();
    let mut buffer = vec![0; 64 << 10];
    loop {
        if !is_ready_by(&from, Instant::now() + silence) {
            let seconds = silence.as_secs();
            return Err(io::Error::other(format!(
                "the probe has not gone on for {seconds} s: a filesystem does not answer"
            )));
        }
        match from.read(&mut buffer)? {
            0 => return Ok(text),
            n => text.extend_from_slice(buffer.get(..n).unwrap_or_default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::unistd::pipe;
    use std::fs::File;
    use std::io::Write;
    use std::thread::{sleep, spawn};

    fn ends() -> (File, File) {
        let (from, to) = pipe().unwrap();
        (from.into(), to.into())
    }

    #[test]
    fn a_child_that_writes_now_and_then_is_read_to_its_end() {
        let (from, mut to) = ends();
        let child = spawn(move || {
            for _ in 0..3 {
                sleep(Duration::from_millis(20));
                to.write_all(b"\n").unwrap();
            }
        });
        assert_eq!(read(from, Duration::from_secs(30)).unwrap(), b"\n\n\n");
        child.join().unwrap();
    }

    #[test]
    fn a_child_that_writes_nothing_any_more_is_not_waited_for() {
        let (from, mut to) = ends();
        to.write_all(b"\n").unwrap();
        let error = read(from, Duration::from_millis(10)).unwrap_err().to_string();
        assert!(error.contains("has not gone on for 0 s"), "{error}");
    }
}
