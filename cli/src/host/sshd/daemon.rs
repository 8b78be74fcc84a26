//! Finds the installed sshd, and asks it for its effective settings.

use super::connections::Connection;
use super::effective::Settings;
use crate::host::programs::{self, Output};
use crate::report::Error;
use crate::report::error::AS_ROOT;
use nix::unistd::geteuid;
use pam_sftpjail::escape::{escaped, word};
use std::path::PathBuf;

/// The sshd binary, which reads the configuration and listens, also since OpenSSH 9.8.
pub(crate) struct Daemon {
    pub(crate) binary: PathBuf,
}

/// Why sshd gives no settings.
pub(crate) enum NoAnswer {
    /// Its configuration is broken, so it serves nobody.
    Broken(Error),
    /// It could not be asked, perhaps only because this is not root.
    Unknown(Error),
}

impl NoAnswer {
    /// The error, whichever it is.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Broken(error) | Self::Unknown(error) => error,
        }
    }
}

impl Daemon {
    /// Finds the binary. On Alpine, an sshd with PAM has the first name.
    pub(crate) fn find() -> Result<Self, Error> {
        let binary = ["sshd.pam", "sshd"].into_iter().find_map(programs::find);
        let binary = binary.ok_or_else(|| {
            Error::new(format!("there is no sshd in {}", programs::PATH), "install OpenSSH's server")
        })?;
        Ok(Self { binary })
    }

    /// Runs `sshd -t`. The error: sshd cannot read its configuration.
    pub(crate) fn test(&self) -> Result<(), Error> {
        let output = programs::run(&self.binary, ["-t"])?;
        match output.success {
            true => Ok(()),
            false => Err(complaint("-t", &output)),
        }
    }

    /// Runs `sshd -T`: the effective settings for a user, by the name that is typed, over a connection.
    pub(crate) fn ask(&self, user: &str, connection: &Connection) -> Result<Settings, NoAnswer> {
        // Without being root, that may be the reason for every error.
        let as_root = |error: Error| match geteuid().is_root() {
            true => error,
            false => Error::new(error.what, AS_ROOT),
        };
        let output = programs::run(&self.binary, ["-T", "-C", &connection.of_user(user)])
            .map_err(|error| NoAnswer::Unknown(as_root(error)))?;
        if output.success {
            return Ok(Settings::parse(&output.stdout));
        }
        let error = as_root(complaint("-T", &output));
        if !geteuid().is_root() {
            return Err(NoAnswer::Unknown(error));
        }
        match missing_directory(&output) {
            Some(_) => Err(NoAnswer::Unknown(error)),
            None => Err(NoAnswer::Broken(error)),
        }
    }

    /// Whether StrictModes accepts files that the user's own group can write. It does on Debian and Ubuntu,
    /// by their user-group-modes.patch; only their sshd knows this option.
    pub(crate) fn lets_own_group_write(&self) -> bool {
        programs::run(&self.binary, ["-t", "-o", "DebianBanner=no"]).is_ok_and(|output| output.success)
    }
}

/// What a failed sshd has printed, with the fix.
fn complaint(option: &str, output: &Output) -> Error {
    let fix = match missing_directory(output) {
        Some(directory) => format!("start sshd, or: install -d -m 0755 {}", word(directory)),
        None => "fix what it names, then check: sshd -t".to_owned(),
    };
    Error::new(format!("sshd {option} says: {}", output.words), fix)
}

/// The directory of privilege separation, if sshd says that it is missing. systemd makes it when it first
/// starts sshd.
fn missing_directory(output: &Output) -> Option<&str> {
    let (_, directory) = output.words.split_once("Missing privilege separation directory: ")?;
    directory.split(" / ").next()
}

impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        escaped(&self.binary).fmt(f)
    }
}
