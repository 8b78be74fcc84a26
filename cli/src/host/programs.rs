//! Finds other programs and runs them, without the environment of the caller.

use crate::report::Error;
use crate::report::error::errno;
use nix::sys::signal::Signal;
use pam_sftpjail::escape::{escaped, one_line};
use std::ffi::OsStr;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

/// The directories of programs, in the form of the variable PATH. The last is that of NixOS.
pub(crate) const PATH: &str =
    "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin:/run/current-system/sw/bin";

/// The most lines of a program's output in one sentence.
const MAX_LINES: usize = 8;

/// The absolute path of a program, if it is installed.
pub(crate) fn find(name: &str) -> Option<PathBuf> {
    PATH.split(':').map(|directory| Path::new(directory).join(name)).find(|path| path.is_file())
}

/// A command that inherits neither environment nor standard input.
pub(crate) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", PATH).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

/// What a program that has ended printed.
pub(crate) struct Output {
    pub(crate) success: bool,
    /// Exit status; `None` if a signal ended it.
    pub(crate) code: Option<i32>,
    /// How a signal ended it: [`ended_by`].
    pub(crate) killed: Option<String>,
    pub(crate) stdout: String,
    /// Its stderr, then its stdout, on one line, and how a signal ended it.
    pub(crate) words: String,
}

/// Runs a program to its end. The error: it could not be run.
pub(crate) fn run<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
) -> Result<Output, Error> {
    answer(program, command(program).args(args))
}

fn answer(program: &Path, command: &mut Command) -> Result<Output, Error> {
    let output = command.output().map_err(|error| {
        let what = format!("{} cannot be run: {}", escaped(program), errno(&error));
        Error::new(what, "check that it is installed")
    })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{}\n{stdout}", String::from_utf8_lossy(&output.stderr));
    let killed = ended_by(output.status);
    let lines: Vec<_> = telling(&all).take(MAX_LINES).map(one_line).chain(killed.clone()).collect();
    Ok(Output {
        success: output.status.success(),
        code: output.status.code(),
        killed,
        stdout,
        words: lines.join(" / "),
    })
}

/// How a program ended that a signal has ended, as the end of a sentence: "was ended by SIGSEGV (core dumped)". It has
/// answered nothing then, whatever it has printed.
pub(crate) fn ended_by(status: ExitStatus) -> Option<String> {
    let number = status.signal()?;
    // Real-time signals have no names.
    let name =
        Signal::try_from(number).map_or_else(|_| format!("signal {number}"), |signal| signal.to_string());
    let dumped = if status.core_dumped() { " (core dumped)" } else { "" };
    Some(format!("was ended by {name}{dumped}"))
}

/// The lines of what a program has printed, without those that only frame or repeat another one: OpenSSH warns of a
/// private key that others can read in seven lines, of which one names the file.
pub(crate) fn telling(text: &str) -> impl Iterator<Item = &str> {
    let framing = ["@", "It is required that your private key files", "This private key will be ignored"];
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.filter(move |line| !framing.iter().any(|begin| line.starts_with(begin)))
}

/// Runs a program to its end. An exit status other than 0 is an error with this `fix`.
pub(crate) fn must<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
    fix: &str,
) -> Result<Output, Error> {
    succeeded(program, run(program, args)?, fix)
}

/// The same for a program that changes accounts. It gets a process group of its own, which ctrl-C does not reach: that
/// would leave half of the change.
pub(crate) fn must_whole<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
    fix: &str,
) -> Result<(), Error> {
    let output = answer(program, command(program).args(args).process_group(0))?;
    succeeded(program, output, fix).map(drop)
}

fn succeeded(program: &Path, output: Output, fix: &str) -> Result<Output, Error> {
    match &output.killed {
        None if output.success => Ok(output),
        None => Err(Error::new(format!("{} says: {}", escaped(program), output.words), fix)),
        Some(by) => Err(Error::new(format!("{} {by}", escaped(program)), fix)),
    }
}
