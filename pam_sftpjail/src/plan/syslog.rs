//! Where the jail's `/dev/log` leads. internal-sftp opens it anew for every line that it logs.
//!
//! A syslogd that is restarted makes its socket anew, and whoever has the old one mounted writes to
//! nobody. So the directory in which `rsyslog.d/sftpjail.conf` lets rsyslog keep a socket becomes the
//! whole `/dev` of the jail: the new socket appears in it. The journal's socket is kept by systemd.

use super::{Check, CheckResult, Observer, walk};
use crate::escape::escaped;
use crate::path::Normalised;
use crate::sys::directory;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, stat};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Of rsyslog.d/sftpjail.conf, its last component `log` left out.
const DIRECTORY: [&str; 2] = ["run", "sftpjail-dev"];

/// The socket of systemd-journald-dev-log.socket, to which `/dev/log` is a symlink then.
const JOURNAL: &str = "/run/systemd/journal/dev-log";

const INSTALL: &str =
    "install sftpjail's rsyslog.d/sftpjail.conf as /etc/rsyslog.d/10-sftpjail.conf, and restart rsyslog";

/// What the jail gets for its log.
pub(super) enum Syslog {
    /// Becomes `/dev`: a directory of root's alone.
    Directory(OwnedFd),
    /// Becomes `/dev/log`.
    Socket(OwnedFd),
}

/// Finds it, and tells the observer what becomes of it. Without a syslog nobody is refused.
pub(super) fn find(observe: Observer<'_>) -> Option<Syslog> {
    let mut warn = |evidence: &str, fix: &str| observe(Check::Log, CheckResult::Warned(&evidence, fix));
    // rsyslog, while it is restarted, has neither socket; then the directory is the one to wait in.
    match (directory(), socket()) {
        (Ok((directory, true)), _) => {
            let evidence = "/run/sftpjail-dev/log, found again when rsyslog is restarted";
            observe(Check::Log, CheckResult::Passed(&evidence));
            Some(Syslog::Directory(directory))
        }
        (_, Some((socket, true))) => {
            let evidence = "/dev/log, the journal's, which systemd keeps when that or rsyslog is restarted";
            observe(Check::Log, CheckResult::Passed(&evidence));
            Some(Syslog::Socket(socket))
        }
        (Ok((directory, false)), None) => {
            let evidence = "nobody logs now; open sessions will find /run/sftpjail-dev/log once rsyslog runs";
            warn(evidence, "start rsyslog");
            Some(Syslog::Directory(directory))
        }
        (other, Some((socket, false))) => {
            let lost = "/dev/log, which open sessions lose when the syslog daemon is restarted";
            match other {
                Err(Some(Bad { why, fix })) => warn(&format!("{lost}; {why}"), &fix),
                _ => warn(lost, INSTALL),
            }
            Some(Syslog::Socket(socket))
        }
        (Err(_), None) => {
            warn("there is no syslog: what users do is not logged", INSTALL);
            None
        }
    }
}

/// A directory that is there and cannot be used.
struct Bad {
    why: String,
    fix: String,
}

/// The directory, and whether somebody listens at a socket in it. `Err(None)`: there is none.
fn directory() -> Result<(OwnedFd, bool), Option<Bad>> {
    let path = Normalised::of(DIRECTORY);
    let bad = |at: &Path, why: &str| Bad {
        why: format!("{} {why}", escaped(at)),
        fix: format!("let {} and all above it be directories of root's with mode 0755", escaped(at)),
    };
    let walked = walk::roots_alone(&path).map_err(|stop| match stop.why {
        walk::Why::Errno(Errno::ENOENT) => None,
        why => Some(bad(&stop.at, &why.to_string())),
    })?;
    let fd = walked.directory;
    // It will be the users' /dev.
    if !directory::stat(&fd).is_ok_and(|stat| stat.st_mode & 0o001 != 0) {
        return Err(Some(bad(&path.absolute(), "cannot be entered by users")));
    }
    let holds_socket = directory::open_entry(&fd, "log".as_ref()).is_ok_and(|log| is_socket(&log));
    // A daemon that was killed, or may not write there, leaves its socket behind: does anybody listen?
    let log = path.absolute().join("log");
    let is_live = holds_socket && UnixDatagram::unbound().and_then(|probe| probe.connect(log)).is_ok();
    Ok((fd, is_live))
}

/// The host's socket, and whether it is the journal's; `/dev/log` is a symlink then, and `/dev` is
/// root's.
fn socket() -> Option<(OwnedFd, bool)> {
    let socket = open("/dev/log", OFlag::O_PATH | OFlag::O_CLOEXEC, Mode::empty()).ok()?;
    if !is_socket(&socket) {
        return None;
    }
    let this = directory::stat(&socket).ok()?;
    let is_journals = stat(JOURNAL).is_ok_and(|s| (s.st_dev, s.st_ino) == (this.st_dev, this.st_ino));
    Some((socket, is_journals))
}

fn is_socket(fd: &OwnedFd) -> bool {
    directory::stat(fd).is_ok_and(|stat| directory::kind(&stat) == SFlag::S_IFSOCK)
}
