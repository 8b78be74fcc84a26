//! What a finished command said.

use std::io::{Read, Write};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::process::end;

/// Longer than anything in a test takes, shorter than CI waits.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a finished command said. Text that is not UTF-8 is shown with U+FFFD.
#[derive(Debug, Clone)]
pub struct Output {
    /// The command, for messages.
    pub what: String,
    /// Exit status; `None` if a signal ended it.
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Output {
    /// Itself, if the exit status is 0; else panics with all of it.
    #[track_caller]
    pub fn ok(self) -> Output {
        assert!(self.code == Some(0), "should have succeeded:\n{self}");
        self
    }

    /// Itself, if the exit status is not 0; else panics with all of it.
    #[track_caller]
    pub fn failed(self) -> Output {
        assert!(self.code != Some(0), "should have failed:\n{self}");
        self
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Output { what, code, stdout, stderr } = self;
        write!(f, "{what}\nexit status: {code:?}\n-- stdout\n{stdout}\n-- stderr\n{stderr}\n--")
    }
}

/// Runs `command` to its end with `input` on stdin. Panics if it cannot start, or if it or a process that
/// inherited its output is still there after a minute.
#[track_caller]
pub fn run(command: Command, what: &str, input: &[u8]) -> Output {
    run_within(PATIENCE, command, what, input)
}

/// The same with another limit than a minute.
#[track_caller]
pub fn run_within(limit: Duration, mut command: Command, what: &str, input: &[u8]) -> Output {
    let start = Instant::now();
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap_or_else(|e| panic!("cannot start {what}: {e}"));

    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    // A thread, since the command may print before it has read all. It may also end early: no error.
    thread::spawn(move || drop(stdin.write_all(&input)));
    let stdout = collect(child.stdout.take().expect("stdout is piped"));
    let stderr = collect(child.stderr.take().expect("stderr is piped"));

    let mut texts = [stdout, stderr].map(|pipe| {
        let left = limit.saturating_sub(start.elapsed());
        pipe.recv_timeout(left).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    });
    if texts.iter().any(Option::is_none) {
        end(&mut child);
        panic!("still running after {limit:?}: {what}\nstdout, stderr so far: {texts:?}");
    }
    let code = child.wait().expect("the command is our child").code();
    let [stdout, stderr] = texts.each_mut().map(|text| text.take().unwrap_or_default());
    Output { what: what.to_owned(), code, stdout, stderr }
}

/// All that comes through a pipe, once it is closed.
fn collect(mut pipe: impl Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}
