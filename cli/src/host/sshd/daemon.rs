//! The installed sshd: where it is, and what it says when it is asked.

use super::connections::Connection;
use super::effective::Settings;
use crate::host::programs::{self, Output};
use crate::report::Error;
use crate::report::error::AS_ROOT;
use nix::unistd::geteuid;
use pam_sftpjail::escape::{escaped, word};
use std::path::PathBuf;

/// The program that reads sshd's configuration. It is the listener, from OpenSSH 9.8 on, too.
pub(crate) struct Daemon {
    pub(crate) binary: PathBuf,
}

/// Why sshd gives no settings.
pub(crate) enum NoAnswer {
    /// Its configuration is wrong, so it serves nobody.
    Broken(Error),
    /// It could not be asked: by anyone, or without being root.
    Unknown(Error),
}

impl NoAnswer {
    /// What is so and the fix, whichever it is.
    pub(crate) fn into_error(self) -> Error {
        match self {
            Self::Broken(error) | Self::Unknown(error) => error,
        }
    }
}

impl Daemon {
    /// Finds it. The first name is Alpine's for an sshd with PAM.
    pub(crate) fn find() -> Result<Self, Error> {
        let binary = ["sshd.pam", "sshd"].into_iter().find_map(programs::find);
        let binary = binary.ok_or_else(|| {
            Error::new(format!("there is no sshd in {}", programs::PATH), "install OpenSSH's server")
        })?;
        Ok(Self { binary })
    }

    /// `sshd -t`: whether its configuration can be read.
    pub(crate) fn test(&self) -> Result<(), Error> {
        let output = programs::run(&self.binary, ["-t"])?;
        match output.success {
            true => Ok(()),
            false => Err(complaint("-t", &output)),
        }
    }

    /// `sshd -T`: what holds for a user, by the name that is typed, over a connection.
    pub(crate) fn ask(&self, user: &str, connection: &Connection) -> Result<Settings, NoAnswer> {
        let output = programs::run(&self.binary, ["-T", "-C", &connection.of_user(user)])
            .map_err(NoAnswer::Unknown)?;
        if output.success {
            return Ok(Settings::parse(&output.stdout));
        }
        let error = complaint("-T", &output);
        if !geteuid().is_root() {
            return Err(NoAnswer::Unknown(Error::new(error.what, AS_ROOT)));
        }
        match missing_directory(&output) {
            Some(_) => Err(NoAnswer::Unknown(error)),
            None => Err(NoAnswer::Broken(error)),
        }
    }

    /// Whether StrictModes lets the user's own group write, as that of Debian and Ubuntu does (their
    /// user-group-modes.patch). They alone know the option.
    pub(crate) fn lets_own_group_write(&self) -> bool {
        programs::run(&self.binary, ["-t", "-o", "DebianBanner=no"]).is_ok_and(|output| output.success)
    }
}

/// The words of a failed sshd, with the fix.
fn complaint(option: &str, output: &Output) -> Error {
    let fix = match missing_directory(output) {
        Some(directory) => format!("start sshd, or: install -d -m 0755 {}", word(directory)),
        None => "fix what it names, then see: sshd -t".to_owned(),
    };
    Error::new(format!("sshd {option} says: {}", output.words), fix)
}

/// The directory that systemd makes when it starts sshd: it is missing where sshd was never started.
fn missing_directory(output: &Output) -> Option<&str> {
    let (_, directory) = output.words.split_once("Missing privilege separation directory: ")?;
    directory.split(" / ").next()
}

impl std::fmt::Display for Daemon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        escaped(&self.binary).fmt(f)
    }
}
