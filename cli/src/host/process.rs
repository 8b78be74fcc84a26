//! Runs a program until it ends or a time limit passes, and keeps what it prints.

use super::programs::ended_by;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use pam_sftpjail::escape::escaped;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a program may take; those that are run here take less.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The most that is kept of what a program prints, in bytes: a home may hold millions of names.
const MAX_KEPT: usize = 1 << 20;

/// What a program has printed.
#[derive(Debug, Default)]
pub(crate) struct Output {
    /// Whether it ended with exit status 0 within the time limit.
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs it with `input` until it ends or the time limit passes.
pub(crate) fn run(mut command: Command, input: &[u8]) -> io::Result<Output> {
    let program = escaped(command.get_program()).to_string();
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // The input fits into the pipe. A program that ended without reading it says why on stderr.
        let _ = stdin.write_all(input);
    }
    let (stdout, stderr) = (child.stdout.take().map(collect), child.stderr.take().map(collect));
    let status = wait(&mut child, TIMEOUT)?;
    // Its children, which have the pipes, too, were killed with it. So the pipes end soon.
    let text = |pipe: Option<Receiver<Vec<u8>>>| {
        pipe.and_then(|pipe| pipe.recv_timeout(Duration::from_secs(1)).ok()).unwrap_or_default()
    };
    let mut stderr = String::from_utf8_lossy(&text(stderr)).into_owned();
    if status.is_none() {
        stderr.push_str(&format!("no answer within {} s\n", TIMEOUT.as_secs()));
    }
    if let Some(by) = status.and_then(ended_by) {
        stderr.push_str(&format!("{program} {by}\n"));
    }
    Ok(Output { success: status.is_some_and(|status| status.success()), stdout: text(stdout), stderr })
}

/// Waits until it has ended. `None`: it did not within `limit`, so its process group was killed.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> io::Result<Option<ExitStatus>> {
    let ended = until(limit, || child.try_wait().transpose()).transpose()?;
    if ended.is_none() {
        let group = Pid::from_raw(child.id().try_into().unwrap_or(i32::MAX));
        // An sshd in the group ends its session properly after SIGTERM.
        let _ = killpg(group, Signal::SIGTERM);
        if until(Duration::from_secs(3), || child.try_wait().transpose()).is_none() {
            let _ = killpg(group, Signal::SIGKILL);
            child.wait()?;
        }
    }
    Ok(ended)
}

/// Calls `ask` every few milliseconds until it gives an answer or `limit` has passed.
pub(crate) fn until<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if start.elapsed() > limit {
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
}

/// Reads a pipe to its end in a thread, and sends the first [`MAX_KEPT`] bytes when the pipe has ended.
fn collect(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut kept = Vec::new();
        let _ = (&mut pipe).take(MAX_KEPT as u64).read_to_end(&mut kept);
        let _ = io::copy(&mut pipe, &mut io::sink());
        let _ = sender.send(kept);
    });
    receiver
}
