//! Runs a child process that becomes a user, and reads what it reports.
//!
//! A filesystem of that user (FUSE) could keep the child waiting for ever.

use nix::errno::Errno;
use nix::sys::signal::Signal;
use pam_sftpjail::forked::{Group, fork};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long the child may take. It may have to wait for a network filesystem to be mounted.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Runs `work` in a child, and gives its result. There is no time limit: the caller is a child of
/// [`workers`](super::workers), which has one. `what`: what the child does, as the subject of an error.
pub(crate) fn forked<T: Serialize + DeserializeOwned>(
    what: &str,
    work: impl FnOnce() -> io::Result<T>,
) -> io::Result<T> {
    let mut child = fork(Group::Parents, |mut pipe| {
        let result = work().map_err(|error| error.to_string());
        // A parent that has ended reads nothing any more.
        let _ = serde_json::to_vec(&result).map(|json| pipe.write_all(&json));
    })?;
    let mut json = Vec::new();
    child.output.read_to_end(&mut json)?;
    let ended = child.ended();
    if json.is_empty() && ended == Signal::SIGSYS.as_str() {
        return Err(io::Error::other(Forbidden));
    }
    let result = serde_json::from_slice::<Result<T, String>>(&json);
    result
        .map_err(|_| io::Error::other(format!("{what} ended without a result: {ended}")))?
        .map_err(io::Error::other)
}

/// The kernel has ended the child, because a seccomp filter forbids a system call.
#[derive(Debug)]
pub(crate) struct Forbidden;

impl Forbidden {
    /// Whether this is the reason for the error.
    pub(crate) fn is_reason_for(error: &io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

impl Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a seccomp filter has ended the process at a system call")
    }
}

impl std::error::Error for Forbidden {}

/// Runs this program with these arguments, and parses its JSON; for a process that cannot fork, since it has threads.
/// `what`: what the child does, as the subject of an error.
pub(crate) fn report<T: DeserializeOwned>(
    what: &str,
    arguments: impl IntoIterator<Item = impl AsRef<OsStr>>,
) -> io::Result<T> {
    let mut child = Command::new("/proc/self/exe")
        .args(arguments)
        .env_clear()
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()?;
    let deadline = Instant::now() + TIMEOUT;
    let mut json = Vec::new();
    if let Some(mut stdout) = child.stdout.take() {
        let mut buffer = vec![0; 64 << 10];
        loop {
            if !is_ready_by(&stdout, deadline) {
                // Nobody waits for its end: a process that waits for a filesystem may not even end by
                // SIGKILL.
                let _ = child.kill();
                return Err(io::Error::other(format!(
                    "{what} took more than {} s: a filesystem does not answer the user",
                    TIMEOUT.as_secs()
                )));
            }
            match stdout.read(&mut buffer)? {
                0 => break,
                n => json.extend_from_slice(buffer.get(..n).unwrap_or_default()),
            }
        }
    }
    let status = child.wait()?;
    serde_json::from_slice(&json)
        .map_err(|_| io::Error::other(format!("{what} ended without a result: {status}")))
}

/// Waits until `fd` has something to read or has ended. A pidfd ends with its process: pidfd_open(2). False:
/// the deadline has passed.
pub(crate) fn is_ready_by(fd: impl AsFd, deadline: Instant) -> bool {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = Timespec {
            tv_sec: left.as_secs().try_into().unwrap_or(i64::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        match poll(&mut [PollFd::new(&fd, PollFlags::IN)], Some(&timeout)) {
            Ok(0) => return false,
            Ok(_) => return true,
            Err(errno) if errno.raw_os_error() == Errno::EINTR as i32 => {}
            Err(_) => return false,
        }
    }
}
