//! Finds OpenSSH's programs, and prepares their commands. It starts nothing.

use crate::host::programs;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

/// The absolute path of a program of the system, whatever the caller's PATH is.
pub(super) fn program(name: &str) -> io::Result<PathBuf> {
    programs::find(name).ok_or_else(|| {
        io::Error::new(
            ErrorKind::NotFound,
            format!("there is no {name} in {}; install OpenSSH", programs::PATH),
        )
    })
}

/// A command that inherits nothing, and that a terminal's ctrl-C does not reach: the probe itself ends what it started.
pub(super) fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = programs::command(program);
    command.current_dir("/").process_group(0);
    command
}
