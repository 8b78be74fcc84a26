//! This program as a child of its own. It becomes a user, and so a filesystem of the user's (FUSE) may
//! keep it waiting for ever.

use nix::errno::Errno;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A filesystem of the network's may have to be mounted first.
const PATIENCE: Duration = Duration::from_secs(10);

/// Runs it with these arguments, and gives what it reports as JSON. `what` it is stands in the error.
pub(crate) fn report<T: DeserializeOwned>(
    what: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> io::Result<T> {
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()?;
    let deadline = Instant::now() + PATIENCE;
    let mut said = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if !is_ready_by(&stdout, deadline) {
                // Not waited for: while a filesystem is asked, even that may not end it.
                let _ = child.kill();
                return Err(io::Error::other(format!(
                    "{what} took more than {} s: a filesystem does not answer the user",
                    PATIENCE.as_secs()
                )));
            }
            match stdout.read(&mut buffer)? {
                0 => break,
                n => said.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
        }
    }
    let status = child.wait()?;
    serde_json::from_slice(&said)
        .map_err(|_| io::Error::other(format!("{what} ended without a result: {status}")))
}

/// Waits until there is something to read, or the end; a pidfd's is that of its process: pidfd_open(2).
pub(crate) fn is_ready_by(fd: impl AsFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(errno) if errno.raw_os_error() == Errno::EINTR as i32 => {}
            Err(_) => return false,
        }
    }
}
