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

/// The protocols that the installed scp speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scp {
    /// SFTP, with `-s`, and the legacy SCP protocol, with `-O`. From OpenSSH 9.0 on, SFTP needs no option.
    Both,
    /// The legacy protocol only, and neither option: OpenSSH before 8.7.
    Legacy,
}

impl Scp {
    /// Asks it: without a file, it complains of an option that it does not know, or else of the missing file.
    pub(super) fn installed() -> io::Result<Self> {
        let said = programs::run(&program("scp")?, ["-O"]).map_err(|error| io::Error::other(error.what))?;
        Ok(Self::of(&said.words))
    }

    fn of(complaint: &str) -> Self {
        if complaint.contains("option --") { Self::Legacy } else { Self::Both }
    }

    /// The options for the legacy protocol.
    pub(super) fn legacy(self) -> &'static [&'static str] {
        match self {
            Self::Both => &["-O"],
            Self::Legacy => &[],
        }
    }

    /// The options for SFTP; or why that cannot be tried.
    pub(super) fn sftp(self) -> Result<&'static [&'static str], &'static str> {
        match self {
            Self::Both => Ok(&["-s"]),
            Self::Legacy => Err(NOT_TRIED),
        }
    }
}

const NOT_TRIED: &str = "not tried: the scp of this system speaks the legacy protocol only (OpenSSH before 8.7), which is refused";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_scp_that_knows_no_other_protocol_is_known_by_its_complaint() {
        // OpenSSH 8.4 and 9.2.
        let old =
            "unknown option -- O / usage: scp [-346BCpqrTv] [-c cipher] [-F ssh_config] [-i identity_file]";
        let new = "usage: scp [-346ABCOpqRrsTv] [-c cipher] [-D sftp_server_path] [-F ssh_config]";
        assert_eq!([Scp::of(old), Scp::of(new)], [Scp::Legacy, Scp::Both]);
        assert_eq!(Scp::Legacy.legacy(), [""; 0]);
        assert!(Scp::Legacy.sftp().is_err());
    }
}
