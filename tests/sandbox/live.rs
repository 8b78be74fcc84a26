//! An sftp session that stays open while the test looks around.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use crate::process::{end, pipe};

const PATIENCE: Duration = Duration::from_secs(30);

/// A live sftp session. Dropping it kills the client, as a lost connection does.
pub struct LiveSftp {
    entered: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    sent: usize,
    user: String,
    patience: Duration,
}

impl LiveSftp {
    #[track_caller]
    pub(crate) fn start(mut command: Command, user: &str) -> LiveSftp {
        // One pipe for both, so that errors stand where they belong.
        let (reader, writer) = pipe();
        let errors = writer.try_clone().expect("a pipe");
        command.stdin(Stdio::piped()).stdout(writer).stderr(errors);
        let mut entered = command.spawn().expect("sandbox-enter");
        // The command holds the pipe's other end.
        drop(command);

        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(reader).split(b'\n').map_while(Result::ok) {
                let _ = sender.send(String::from_utf8_lossy(&line).into_owned());
            }
        });
        let stdin = entered.stdin.take();
        let mut live = LiveSftp { entered, stdin, lines, sent: 0, user: user.to_owned(), patience: PATIENCE };
        live.until_mark().unwrap_or_else(|lines| panic!("no session for {user:?}: {lines:#?}"));
        live
    }

    /// Waits longer than 30 s for what a command prints, such as a long transfer beside other programs.
    #[must_use]
    pub fn patient(mut self, patience: Duration) -> LiveSftp {
        self.patience = patience;
        self
    }

    /// Sends one command and gives the lines that it printed, errors too; the session survives errors.
    /// Panics if the session ends or is silent for 30 s.
    #[track_caller]
    pub fn send(&mut self, command: &str) -> Vec<String> {
        self.try_send(command)
            .unwrap_or_else(|lines| panic!("the session of {:?} ended at {command:?}: {lines:#?}", self.user))
    }

    /// Like [`LiveSftp::send`]; `Err` with the last lines if the session ends.
    #[track_caller]
    pub fn try_send(&mut self, command: &str) -> Result<Vec<String>, Vec<String>> {
        // In a batch an error ends sftp, unless the line begins with a minus.
        let line = if command.starts_with(['-', '!', '@']) { command.into() } else { format!("-{command}") };
        self.write(&line);
        let mut lines = self.until_mark()?;
        // The first is the echo.
        lines.retain(|said| said.strip_prefix("sftp> ") != Some(&line));
        Ok(lines)
    }

    /// Sends a line without waiting for what it prints, such as a long transfer.
    pub fn write(&mut self, line: &str) {
        if let Some(stdin) = &mut self.stdin {
            // A session that has ended is seen when its lines end.
            let _ = writeln!(stdin, "{line}").and_then(|()| stdin.flush());
        }
    }

    /// Ends it properly; gives sftp's exit status.
    pub fn quit(mut self) -> Option<i32> {
        drop(self.stdin.take());
        self.entered.wait().expect("sftp is our child").code()
    }

    /// sftp echoes every line of its batch once it comes to it, comments too.
    #[track_caller]
    fn until_mark(&mut self) -> Result<Vec<String>, Vec<String>> {
        self.sent += 1;
        let mark = format!("# mark {}", self.sent);
        self.write(&mark);
        let mut lines = Vec::new();
        loop {
            match self.lines.recv_timeout(self.patience) {
                Ok(line) if line.strip_prefix("sftp> ") == Some(&mark) => return Ok(lines),
                Ok(line) => lines.push(line),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => return Err(lines),
                Err(std::sync::mpsc::RecvTimeoutError::Timeout) => {
                    panic!("the session of {:?} says nothing for {:?}: {lines:#?}", self.user, self.patience)
                }
            }
        }
    }
}

impl Drop for LiveSftp {
    fn drop(&mut self) {
        end(&mut self.entered);
    }
}
