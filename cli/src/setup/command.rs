//! Other programs, run with a clean environment.

use super::trouble::{Trouble, errno};
use crate::host::programs::PATH;
use pam_sftpjail::escape::one_line;
use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

pub(super) use crate::host::programs::find;

/// A finished program.
pub(super) struct Said {
    pub(super) success: bool,
    /// Exit status; `None` if a signal ended it.
    pub(super) code: Option<i32>,
    pub(super) stdout: String,
    /// All that it printed, in one line.
    pub(super) words: String,
}

/// Runs it to its end.
pub(super) fn run<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
) -> Result<Said, Trouble> {
    let output = Command::new(program)
        .args(args)
        .env_clear()
        .env("PATH", PATH)
        .env("LC_ALL", "C")
        .stdin(Stdio::null())
        .output()
        .map_err(|error| {
            Trouble::new(
                format!("{} cannot be run: {}", program.display(), errno(&error)),
                "see that it is installed",
            )
        })?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    let all = format!("{}\n{stdout}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<_> =
        all.lines().map(str::trim).filter(|line| !line.is_empty()).take(8).map(one_line).collect();
    Ok(Said {
        success: output.status.success(),
        code: output.status.code(),
        stdout,
        words: lines.join(" / "),
    })
}

/// Runs it, and an exit status other than 0 is trouble.
pub(super) fn must<A: AsRef<OsStr>>(
    program: &Path,
    args: impl IntoIterator<Item = A>,
    fix: &str,
) -> Result<Said, Trouble> {
    let said = run(program, args)?;
    match said.success {
        true => Ok(said),
        false => Err(Trouble::new(format!("{} says: {}", program.display(), said.words), fix)),
    }
}
