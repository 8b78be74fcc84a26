//! Runs sshd, and says what its complaints mean.

use super::Daemon;
use crate::host::programs::{self, Output};
use crate::host::sshd::privsep::{self, Words};
use crate::report::Error;
use nix::unistd::geteuid;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::plan::root_path;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const CHECK_AGAIN: &str = "fix what it names, then check";

/// The fix for a program that a signal has ended.
const CRASHED: &str =
    "see in the system's log what ended it; if it has crashed, install OpenSSH's packages again";

impl Daemon {
    /// Runs it to its end, with a directory of privilege separation of its own where that is missing because no sshd
    /// has been started.
    pub(crate) fn run(&self, arguments: Vec<OsString>) -> Result<Output, Error> {
        let output = self.run_in(self.lent_directory.get().map(PathBuf::as_path), &arguments)?;
        // Where one listens, the directory is missing for its sessions, too.
        let is_before_start = !self.is_any_running && geteuid().is_root();
        let missing = missing_directory(&output).map(Path::new);
        let Some(missing) = missing.filter(|missing| is_before_start && privsep::is_made_at_start(missing))
        else {
            return Ok(output);
        };
        let lent = self.run_in(Some(missing), &arguments)?;
        if lent.code == Some(privsep::NOT_LENT) {
            return Ok(output);
        }
        // Nothing else sets it.
        let _ = self.lent_directory.set(missing.to_owned());
        Ok(lent)
    }

    fn run_in(&self, lent: Option<&Path>, arguments: &[OsString]) -> Result<Output, Error> {
        let words = self.words_in(lent, Path::new("/proc/self/exe"), arguments);
        programs::run(&words.program, &words.arguments)
    }

    /// What runs it with these arguments, as [`Daemon::run`] does, once that has been called. `own`: a path of this
    /// program.
    pub(crate) fn words(&self, own: &Path, arguments: &[OsString]) -> Words {
        self.words_in(self.lent_directory.get().map(PathBuf::as_path), own, arguments)
    }

    fn words_in(&self, lent: Option<&Path>, own: &Path, arguments: &[OsString]) -> Words {
        let plain = Words { program: self.binary.clone(), arguments: arguments.to_vec() };
        lent.map_or(plain.clone(), |directory| privsep::with(directory, own, &plain))
    }

    /// What it has printed when it failed, with the fix.
    pub(super) fn complaint(&self, option: &str, output: &Output) -> Error {
        if let Some(by) = &output.killed {
            return Error::new(format!("sshd {option} {by}"), CRASHED);
        }
        let fix = match missing_directory(output) {
            Some(directory) => {
                let make = root_path(Path::new(directory));
                let make = make.map(|path| Command::new("install -d -m 0755").arg(&path));
                Fix::or(make, "make that directory, owned by root and writable by nobody else")
            }
            None => match self.file.as_deref().map(root_path) {
                None => Fix::from(Command::new("sshd -t")).explained(CHECK_AGAIN),
                Some(Some(file)) => {
                    Fix::from(Command::new("sshd -f").arg(&file).arg("-t")).explained(CHECK_AGAIN)
                }
                Some(None) => CHECK_AGAIN.into(),
            },
        };
        Error::new(format!("sshd {option} says: {}", output.words), fix)
    }
}

/// The directory of privilege separation, if sshd says that it is missing. systemd makes it when it first
/// starts sshd.
pub(super) fn missing_directory(output: &Output) -> Option<&str> {
    let (_, directory) = output.words.split_once("Missing privilege separation directory: ")?;
    directory.split(" / ").next()
}

/// The version in what `sshd -V` prints. Before OpenSSH 9.2, that option is unknown, and the usage has the version.
pub(super) fn version(words: &str) -> Option<(u32, u32)> {
    let (_, version) = words.split_once("OpenSSH_")?;
    let (major, rest) = version.split_once('.')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((major.parse().ok()?, rest.get(..end)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn the_version_is_read_from_what_any_sshd_prints() {
        for (words, expected) in [
            ("OpenSSH_9.2p1 Debian-2+deb12u7, OpenSSL 3.0.17 1 Jul 2025", Some((9, 2))),
            ("OpenSSH_10.0p2 Debian-7, OpenSSL 3.5.1", Some((10, 0))),
            (
                "unknown option -- V / OpenSSH_8.4p1 Debian-5+deb11u3, OpenSSL 1.1.1w / usage: sshd",
                Some((8, 4)),
            ),
            ("OpenSSH_9.2, OpenSSL 3.0.19", Some((9, 2))),
            ("OpenSSH_10.5", Some((10, 5))),
            ("Dropbear v2022.83", None),
            ("OpenSSH_x.y", None),
            ("", None),
        ] {
            assert_eq!(version(words), expected, "{words}");
        }
    }
}
