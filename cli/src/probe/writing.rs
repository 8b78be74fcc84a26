//! Tries to write as the user: into a directory of the probe's own, which is removed however the probe ends.

use super::attempt::sftp;
use super::batch::cd;
use super::client::command;
use super::complaint::complaint;
use super::connection::Connection;
use super::host_directory::HostDirectory;
use super::judge::Judgement;
use super::login_settings::LoginSettings;
use super::unwritable;
use crate::host::process::{until, wait};
use crate::host::umask;
use pam_sftpjail::escape::one_line;
use pam_sftpjail::fix::Fix;
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

/// The content of the file.
const CONTENT: &str = "written by sftpjail probe\n";

/// sftp echoes each line of its batch when it gets there, comments as well. So this shows that `begin` is done.
const MARK: &str = "# made";

/// What came of it, and the name that the log has.
pub(super) struct Written {
    pub(super) sftp: Judgement,
    /// The same with scp, where sftp could write.
    pub(super) scp: Option<Judgement>,
    pub(super) name: String,
    /// What to do about it, where it is not for the modes.
    pub(super) cause: Option<Fix>,
}

impl Written {
    /// Whether the user cannot write there, and nothing but modes is known to forbid it.
    pub(super) fn is_for_modes(&self) -> bool {
        self.sftp.is_err() && self.cause.is_none()
    }
}

/// Tries to write into a directory of the host. Nothing that exists is touched: everything goes into a new directory,
/// whose name nobody can guess.
pub(super) fn try_in(
    connection: &Connection<'_>,
    directory: &HostDirectory,
    user: &str,
    settings: &LoginSettings,
) -> io::Result<Written> {
    let name = format!(".sftpjail-probe-{}", random()?);
    let kept = TestDirectory::begin(connection, &directory.path, &name)?;
    let is_made = kept.is_made();
    let scratch = connection.tools.scratch();
    let read_back = is_made && reads_back(connection, &directory.path.join(&name))?;
    let scp = if read_back && !directory.read_only {
        Some(scp(connection, &directory.path.join(&name))?)
    } else {
        None
    };
    let umask = if is_made && !read_back { umask::unusable(connection.server) } else { None };
    let said = kept.end(connection)?;
    let is_gone = is_gone(connection, &directory.path, &name)?;
    // The next directory needs these names again.
    for file in ["returned", "begin", "end", "kept", "ended", "keep", "content"] {
        let _ = fs::remove_file(scratch.path(file));
    }
    let sftp = match (is_made, directory.read_only) {
        _ if is_made && !is_gone => Err(format!("{name} cannot be removed: {said}")),
        (true, true) => Err("can be written, though the profile says read-only".into()),
        (true, false) if read_back => Ok("a file is written, read and removed".into()),
        (true, false) => Err(format!("a file cannot be written: {said}")),
        // The words of sftp since OpenSSH 8.9, and before.
        (false, true) if said.contains("mkdir") || said.contains("create directory") => {
            Ok("refused, as the profile says read-only".into())
        }
        (false, _) => Err(format!("cannot be written: {said}")),
    };
    let reason = match (&sftp, umask) {
        (Ok(_), _) => None,
        // A directory that is read-only in the jail was written, or another reason is shown.
        _ if directory.read_only || is_made && !is_gone => None,
        (Err(_), Some(umask)) => Some(unwritable::by_umask(umask)),
        (Err(_), None) => unwritable::reason(directory, user, settings),
    };
    let (sftp, cause) = match reason {
        Some((why, fix)) => (Err(why), Some(fix)),
        None => (sftp, None),
    };
    Ok(Written { sftp, scp, name, cause })
}

/// The probe's directory in the jail. A pipe keeps it; when the pipe ends, it is removed.
struct TestDirectory<'c> {
    connection: &'c Connection<'c>,
    script: Child,
    /// This end of the pipe.
    stdin: Option<ChildStdin>,
}

impl<'c> TestDirectory<'c> {
    fn begin(connection: &'c Connection<'c>, directory: &Path, name: &str) -> io::Result<Self> {
        let scratch = connection.tools.scratch();
        let content = scratch.write("content", CONTENT)?;
        let mut begin = cd(directory);
        let put = format!("mkdir {name}\n-put {} {name}/sftp\n{MARK}\n", content.display());
        begin.extend_from_slice(put.as_bytes());
        let begin = scratch.write("begin", begin)?;
        let end = scratch.write("end", format!("-rm {name}/sftp\n-rm {name}/scp\n-rmdir {name}\n"))?;
        let (said, ended) = (scratch.path("kept"), scratch.path("ended"));
        let script = connection.tools.keep([&begin, &end, &said, &ended])?;
        let script = scratch.write("keep", script)?;
        let mut keep = command("/bin/sh");
        // It has the pipe that holds the connection, so that the connection lasts until everything is removed.
        keep.arg(script).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(connection.holding()?);
        let mut script = keep.spawn()?;
        let stdin = script.stdin.take();
        Ok(Self { connection, script, stdin })
    }

    /// Waits until the directory is made and written to, or has failed. Gives which of them.
    fn is_made(&self) -> bool {
        let scratch = self.connection.tools.scratch();
        let mark = format!("sftp> {MARK}");
        let is_made = until(PATIENCE, || {
            let is_made = scratch.read("kept").lines().any(|line| line == mark);
            let has_ended = || !scratch.read("ended").is_empty();
            if is_made { Some(true) } else { has_ended().then_some(false) }
        });
        is_made.unwrap_or(false)
    }

    /// Removes it. Gives the first complaint of sftp.
    fn end(mut self, connection: &Connection<'_>) -> io::Result<String> {
        drop(self.stdin.take());
        wait(&mut self.script, PATIENCE)?;
        let said = connection.tools.scratch().read("kept");
        let complaint = said.lines().find(|line| {
            let progress = ["sftp> ", "Uploading ", "Fetching ", "Removing "];
            !line.is_empty() && !progress.iter().any(|words| line.starts_with(words))
        });
        Ok(one_line(complaint.unwrap_or("sftp says nothing")))
    }
}

impl Drop for TestDirectory<'_> {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = wait(&mut self.script, PATIENCE);
    }
}

/// Whether the file can be read back. Another client does it, so that a failure does not keep the directory from being
/// removed.
fn reads_back(connection: &Connection<'_>, directory: &Path) -> io::Result<bool> {
    let scratch = connection.tools.scratch();
    let get = format!("get sftp {}\n", scratch.path("returned").display());
    sftp(connection, &[cd(directory), get.into_bytes()].concat())?;
    Ok(scratch.read("returned") == CONTENT)
}

fn scp(connection: &Connection<'_>, directory: &Path) -> io::Result<Judgement> {
    let options = match connection.tools.scp.sftp() {
        Ok(options) => options,
        Err(why) => return Ok(Ok(why.to_owned())),
    };
    let content = connection.tools.scratch().path("content");
    let mut to = OsString::from("probe:");
    to.push(directory.join("scp"));
    let arguments = options.iter().map(OsStr::new).chain([content.as_os_str(), &to]);
    let output = connection.run("scp", arguments, b"")?;
    if output.success {
        return Ok(Ok("works, over SFTP".into()));
    }
    Ok(Err(complaint(&output)))
}

fn is_gone(connection: &Connection<'_>, directory: &Path, name: &str) -> io::Result<bool> {
    let batch = [cd(directory), format!("ls -1 {name}\n").into_bytes()].concat();
    Ok(!sftp(connection, &batch)?.success)
}

fn random() -> io::Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}
