//! Finds the host's syslog for the jail's `/dev/log`. internal-sftp opens that again for every line.
//!
//! When a syslogd is restarted, it makes a new socket, and jails with the old one mounted lose their log.
//! So a directory becomes the whole `/dev` of the jail: the one in which `rsyslog.d/sftpjail.conf` makes
//! rsyslog keep a socket. A new socket then appears there. The journal's socket is kept by systemd.

use super::{Check, CheckResult, Observer, walk};
use crate::escape::escaped;
use crate::fix::Fix;
use crate::path::Normalised;
use crate::rsyslog;
use crate::sys::directory;
use crate::systemd::is_booted;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, stat};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// The directory of the socket in rsyslog.d/sftpjail.conf.
const DIRECTORY: [&str; 2] = ["run", "sftpjail-dev"];

/// The socket of systemd-journald-dev-log.socket; with the journal, `/dev/log` is a symlink to it.
const JOURNAL: &str = "/run/systemd/journal/dev-log";

const INSTALL: &str =
    "install sftpjail's rsyslog.d/sftpjail.conf as /etc/rsyslog.d/10-sftpjail.conf, and restart rsyslog";

/// What the jail gets for its log.
pub(super) enum Syslog {
    /// Mounted at `/dev`. It is owned by root and writable by nobody else.
    Directory(OwnedFd),
    /// Mounted at `/dev/log`.
    Socket(OwnedFd),
}

/// Reports to the observer what the log of a session will be. Nobody is refused without a syslog.
pub(super) fn find(observe: Observer<'_>) -> Option<Syslog> {
    // During a restart, rsyslog has neither socket. Then the directory is right: a new one appears there.
    let directory = match directory() {
        Ok((directory, true)) => {
            let evidence = "/run/sftpjail-dev/log, which survives a restart of rsyslog";
            observe(Check::Log, CheckResult::Passed(&evidence));
            return Some(Syslog::Directory(directory));
        }
        other => other.map(|(directory, _)| directory),
    };
    let mut warn =
        |evidence: &str, fix: &dyn Fn() -> Fix| observe(Check::Log, CheckResult::Warned(&evidence, fix));
    let install = || rsyslog::restart().explained(INSTALL);
    match (directory, socket()) {
        (_, Some((socket, true))) => {
            let evidence = "/dev/log, the journal's, which systemd keeps over restarts";
            observe(Check::Log, CheckResult::Passed(&evidence));
            Some(Syslog::Socket(socket))
        }
        (Ok(directory), None) => {
            let evidence = "no syslog daemon is running; open sessions will find /run/sftpjail-dev/log when rsyslog is started";
            warn(evidence, &rsyslog::start);
            Some(Syslog::Directory(directory))
        }
        (other, Some((socket, false))) => {
            let lost = "/dev/log, which open sessions lose when the syslog daemon is restarted";
            match other {
                Err(Some(Unusable { why, fix })) => warn(&format!("{lost}; {why}"), &|| fix.clone()),
                _ => warn(lost, &install),
            }
            Some(Syslog::Socket(socket))
        }
        (Err(_), None) => {
            let evidence = "there is no syslog, so no log entries for the user's actions";
            warn(evidence, &install);
            None
        }
    }
}

/// A directory that exists and cannot be used.
struct Unusable {
    why: String,
    fix: Fix,
}

/// The directory, and whether a daemon listens at a socket in it. `Err(None)`: there is no directory.
fn directory() -> Result<(OwnedFd, bool), Option<Unusable>> {
    let path = Normalised::of(DIRECTORY);
    let unusable = |at: &Path, why: &str| Unusable {
        why: format!("{} {why}", escaped(at)),
        fix: format!("give {} and all directories above it the owner root and the mode 0755", escaped(at))
            .into(),
    };
    let walked = walk::to_root_controlled(&path).map_err(|error| match error.why {
        walk::Why::Errno(Errno::ENOENT) => None,
        why => Some(unusable(&error.at, &why.to_string())),
    })?;
    // Users must be able to enter it: it becomes their /dev.
    if walked.stat.st_mode & 0o001 == 0 {
        return Err(Some(unusable(&path.absolute(), "cannot be entered by users")));
    }
    let has_socket = directory::stat_entry(&walked.directory, "log".as_ref())
        .is_ok_and(|log| directory::kind(&log) == SFlag::S_IFSOCK);
    // A daemon that was killed leaves its socket behind, so check whether anybody listens.
    let log = path.absolute().join("log");
    let is_live = has_socket && UnixDatagram::unbound().and_then(|probe| probe.connect(log)).is_ok();
    Ok((walked.directory, is_live))
}

/// The host's socket, and whether it is the journal's. Then `/dev/log` is a symlink; only root can have made
/// it. Without systemd, another daemon has made the socket there, and makes a new one when it is restarted.
fn socket() -> Option<(OwnedFd, bool)> {
    let socket = open("/dev/log", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    let this = directory::stat(&socket).ok()?;
    if directory::kind(&this) != SFlag::S_IFSOCK {
        return None;
    }
    let is_journals =
        is_booted() && stat(JOURNAL).is_ok_and(|s| (s.st_dev, s.st_ino) == (this.st_dev, this.st_ino));
    Some((socket, is_journals))
}
