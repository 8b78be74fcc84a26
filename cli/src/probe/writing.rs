//! Writes into a directory that the probe makes for it, and removes both, whatever becomes of the probe.

use super::attempt::sftp;
use super::client::command;
use super::connection::Connection;
use super::expected::Place;
use super::judge::Judgement;
use crate::host::process::{until, wait};
use pam_sftpjail::escape::one_line;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// What is written.
const LETTER: &str = "written by sftpjail probe\n";

/// sftp echoes each line of its batch when it comes to it, comments too.
const MARK: &str = "# made";

/// What was found, and the name that stands in the log.
pub(super) struct Written {
    pub(super) sftp: Judgement,
    /// Where something could be written.
    pub(super) scp: Option<Judgement>,
    pub(super) name: String,
}

/// Tries to write into a place. Nothing that is there already is touched: all goes into a directory that
/// mkdir makes or fails, and whose name nobody can guess.
pub(super) fn try_in(connection: &Connection<'_>, place: &Place) -> io::Result<Written> {
    let name = format!(".sftpjail-probe-{}", random()?);
    let kept = Kept::begin(connection, &place.path, &name)?;
    let is_made = kept.wait();
    let scratch = connection.tools.scratch();
    let read_back = is_made && reads_back(connection, &place.path.join(&name))?;
    let scp =
        if is_made && !place.read_only { Some(scp(connection, &place.path.join(&name))?) } else { None };
    let said = kept.end(connection)?;
    let is_gone = is_gone(connection, &place.path, &name)?;
    // Another place comes.
    for file in ["returned", "begin", "end", "kept", "ended", "keep", "letter"] {
        let _ = fs::remove_file(scratch.path(file));
    }
    let sftp = match (is_made, place.read_only) {
        _ if is_made && !is_gone => Err(format!("{name} cannot be removed: {said}")),
        (true, true) => Err("can be written, though the profile says read-only".into()),
        (true, false) if read_back => Ok("a file is written, read and removed".into()),
        (true, false) => Err(format!("a file cannot be written: {said}")),
        // In the words of sftp since 8.9, and before.
        (false, true) if said.contains("mkdir") || said.contains("create directory") => {
            Ok("refused, as the profile says read-only".into())
        }
        (false, _) => Err(format!("cannot be written: {said}")),
    };
    Ok(Written { sftp, scp, name })
}

/// A directory in the jail that is removed with the end of a pipe.
struct Kept<'c> {
    connection: &'c Connection<'c>,
    script: Child,
    /// Its other end.
    stdin: Option<ChildStdin>,
}

impl<'c> Kept<'c> {
    fn begin(connection: &'c Connection<'c>, directory: &Path, name: &str) -> io::Result<Self> {
        let scratch = connection.tools.scratch();
        let letter = scratch.write("letter", LETTER)?;
        let mut begin = cd(directory);
        let put = format!("mkdir {name}\n-put {} {name}/sftp\n{MARK}\n", letter.display());
        begin.extend_from_slice(put.as_bytes());
        let begin = scratch.write("begin", begin)?;
        let end = scratch.write("end", format!("-rm {name}/sftp\n-rm {name}/scp\n-rmdir {name}\n"))?;
        let (said, ended) = (scratch.path("kept"), scratch.path("ended"));
        let script = connection.tools.keep([&begin, &end, &said, &ended])?;
        let script = scratch.write("keep", script)?;
        let mut keep = command("/bin/sh");
        // With its share in the pipe that holds the connection, which so lasts until all is removed.
        keep.arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(connection.holding()?);
        let mut script = keep.spawn()?;
        let stdin = script.stdin.take();
        Ok(Self { connection, script, stdin })
    }

    /// Waits until the directory is made and written to, or is not; which of them.
    fn wait(&self) -> bool {
        let scratch = self.connection.tools.scratch();
        let mark = format!("sftp> {MARK}");
        let made = until(PATIENCE, || {
            let is_made = scratch.read("kept").lines().any(|line| line == mark);
            let has_ended = || !scratch.read("ended").is_empty();
            if is_made { Some(true) } else { has_ended().then_some(false) }
        });
        made.unwrap_or(false)
    }

    /// Removes it; what sftp complained of.
    fn end(mut self, connection: &Connection<'_>) -> io::Result<String> {
        drop(self.stdin.take());
        wait(&mut self.script, PATIENCE)?;
        let said = connection.tools.scratch().read("kept");
        let complaint = said.lines().find(|line| {
            let chat = ["sftp> ", "Uploading ", "Fetching ", "Removing "];
            !line.is_empty() && !chat.iter().any(|chat| line.starts_with(chat))
        });
        Ok(one_line(complaint.unwrap_or("sftp says nothing")))
    }
}

impl Drop for Kept<'_> {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = wait(&mut self.script, PATIENCE);
    }
}

/// By a client of its own: what becomes of that must not keep the directory from being removed.
fn reads_back(connection: &Connection<'_>, directory: &Path) -> io::Result<bool> {
    let scratch = connection.tools.scratch();
    let get = format!("get sftp {}\n", scratch.path("returned").display());
    sftp(connection, &[cd(directory), get.into_bytes()].concat())?;
    Ok(scratch.read("returned") == LETTER)
}

fn scp(connection: &Connection<'_>, directory: &Path) -> io::Result<Judgement> {
    let letter = connection.tools.scratch().path("letter");
    let mut to = OsString::from("probe:");
    to.push(directory.join("scp"));
    let said = connection.run("scp", [letter.as_os_str(), &to], b"")?;
    if said.succeeded {
        return Ok(Ok("works, over SFTP".into()));
    }
    Ok(Err(said.shown()))
}

fn is_gone(connection: &Connection<'_>, directory: &Path, name: &str) -> io::Result<bool> {
    let batch = [cd(directory), format!("ls -1 {name}\n").into_bytes()].concat();
    Ok(!sftp(connection, &batch)?.succeeded)
}

/// sftp's command for it, quoted as its makeargv reads it.
fn cd(directory: &Path) -> Vec<u8> {
    let mut line = b"cd \"".to_vec();
    for byte in directory.as_os_str().as_bytes() {
        if matches!(byte, b'"' | b'\\') {
            line.push(b'\\');
        }
        line.push(*byte);
    }
    line.extend_from_slice(b"\"\n");
    line
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
