//! Keeps a record of each live session: `/run/sftpjail/USER/private-PID`, or `host-MOUNTS-PID` with the number of the
//! mount namespace that has the jail.
//!
//! Sessions of a user begin and end under a lock on the user's directory (flock(2)). A record is live while
//! the session's process, or one that it forked, has it open with a mark on it. The kernel drops the mark
//! whatever ends the process. So counts cannot drift, and no pid is ever trusted. The text of a record is
//! for people; nothing is decided by it but when `sftpjail expire` ends the session.
#![forbid(unsafe_code)]

mod live;
mod record;
mod sessions;
mod trial;
mod waiting_slot;

use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::{Command, Fix};
use crate::name::UserName;
use crate::sys::{directory, lock, process_fix};
pub use live::LiveRecord;
pub(crate) use live::others;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::sys::stat::SFlag;
pub use record::Record;
pub(crate) use sessions::{OwnRecord, Sessions};
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Instant;
pub use trial::can_record;
pub(crate) use waiting_slot::WaitingSlot;

/// The registry's directory: owned by root, mode 0700.
pub const DIRECTORY: &str = "/run/sftpjail";

/// The beginning of the record's name, instead of NAMESPACE-, for a refused connection that sshd keeps.
const REFUSED: &str = "refused-";

/// `/run/sftpjail`, opened and checked.
pub struct Registry(OwnedFd);

impl Registry {
    /// Opens it, and makes it if it is missing.
    pub(crate) fn open() -> Result<Self, Refusal> {
        if let Some(registry) = Self::existing()? {
            return Ok(registry);
        }
        let failed = |errno| failed_at("/run", errno);
        let run = directory::open_without_symlinks("/run".as_ref()).map_err(failed)?;
        if !directory::is_root_controlled(&directory::stat(&run).map_err(failed)?) {
            let fix = Command::new("chown root /run && chmod go-w /run").into();
            let why = "is not owned by root, or is writable by others".into();
            return Err(Refusal::Registry { path: "/run".into(), why, fix });
        }
        match directory::make(&run, "sftpjail", 0o700) {
            // Another login was faster.
            Err(error) if error.errno == Errno::EEXIST => {}
            other => other.map_err(|error| failed(error.errno))?,
        }
        Self::existing()?.ok_or_else(|| failed_at(DIRECTORY, Errno::ENOENT))
    }

    /// Opens it. `None`: it does not exist, so no session is live.
    pub fn existing() -> Result<Option<Self>, Refusal> {
        let refuse = |why: &str, fix: Fix| Refusal::Registry { path: DIRECTORY.into(), why: why.into(), fix };
        let fd = match directory::open_to_read(AT_FDCWD, DIRECTORY.as_ref()) {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::EACCES) => {
                return Err(Refusal::Denied { path: DIRECTORY.into(), by: DeniedBy::process() });
            }
            Err(Errno::ENOTDIR) => {
                let away = Fix::from(Command::new("mv /run/sftpjail /root"));
                return Err(refuse("is not a directory", away.explained("move it away")));
            }
            Err(errno) => return Err(failed_at(DIRECTORY, errno)),
        };
        let stat = directory::stat(&fd).map_err(|e| failed_at(DIRECTORY, e))?;
        if stat.st_uid != 0 || stat.st_mode & 0o077 != 0 {
            let modes = Command::new("chmod 0700 /run/sftpjail");
            let own = Command::new("chown root /run/sftpjail").and(&modes);
            return Err(refuse("is open to others than root", Fix::after("see what is in it", &own)));
        }
        Ok(Some(Self(fd)))
    }

    /// Takes the user's lock: until the result is dropped, no other session of the user begins or ends. It
    /// waits up to ten seconds for the lock.
    pub(crate) fn lock(self, user: &UserName) -> Result<Sessions, Refusal> {
        let path = Path::new(DIRECTORY).join(user);
        let failed = |errno| failed_at(&path, errno);
        let begun = Instant::now();
        loop {
            let directory = match directory::open_to_read(&self.0, user.as_ref()) {
                Err(Errno::ENOENT) => match directory::make(&self.0, AsRef::<OsStr>::as_ref(user), 0o700) {
                    Err(error) if error.errno != Errno::EEXIST => return Err(failed(error.errno)),
                    _ => continue,
                },
                opened => opened.map_err(failed)?,
            };
            lock::exclusive(&directory, &path, begun).map_err(|error| match error.errno {
                Errno::ETIMEDOUT => Refusal::Locked {
                    path: escaped(&path).to_string(),
                    fix: format!("find the process that holds it with fuser(1): {}", escaped(&path)).into(),
                },
                errno => failed(errno),
            })?;
            // The last session may have removed the directory that was locked, and another made a new one.
            if directory::is_named(&directory, &self.0, user.as_ref()).map_err(failed)? {
                return Ok(Sessions::of(self, user, directory));
            }
        }
    }

    /// The names of users who may have sessions. Entries with other names are skipped.
    pub fn users(&self) -> Result<Vec<UserName>, Refusal> {
        let names = directory::names(&self.0).map_err(|errno| failed_at(DIRECTORY, errno))?;
        Ok(names.iter().filter_map(|name| UserName::parse(name).ok()).collect())
    }

    /// Whether there is a record of a session of the user in the host's namespace, live or dead. It does not check the
    /// owner and mode of `/run/sftpjail`, and only searches that directory, so that users without a record need no more
    /// of it. The error: this is unknown.
    ///
    /// Where there is no directory (ENOENT, or ENOTDIR for a file or a symlink), no session has a record. Any other
    /// error is none of that. On the user's own directory, it concerns that user only. On `/run/sftpjail`, it concerns
    /// everybody: a process that has run out of descriptors or memory, or that an LSM denies the search. root's modes
    /// alone cannot deny that to a service that runs as root.
    pub(crate) fn has_host_record(user: &UserName) -> Result<bool, Errno> {
        let names = directory::open_child(AT_FDCWD, DIRECTORY.as_ref())
            .and_then(|registry| directory::open_to_read(&registry, user.as_ref()))
            .and_then(directory::names);
        match names {
            Ok(names) => Ok(names.iter().any(|name| live::is_shared(name))),
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(errno) => Err(errno),
        }
    }

    /// The live sessions of a user, without the lock. Sessions that begin or end meanwhile may be missing.
    pub fn live(&self, user: &UserName) -> Result<Vec<LiveRecord>, Refusal> {
        let mut live = self.connections(user)?;
        live.retain(|record| !is_refused(record.name()));
        Ok(live)
    }

    /// The same, and refused connections that sshd keeps.
    pub fn connections(&self, user: &UserName) -> Result<Vec<LiveRecord>, Refusal> {
        let path = Path::new(DIRECTORY).join(user);
        match directory::open_to_read(&self.0, user.as_ref()) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Vec::new()),
            opened => {
                let found = opened.and_then(|directory| records(&directory));
                let found = found.map_err(|errno| failed_at(&path, errno))?;
                let live = found.into_iter().filter(|(_, is_live)| *is_live);
                Ok(live.map(|(name, _)| LiveRecord::new(user, name)).collect())
            }
        }
    }
}

/// Whether a record of this name is for a refused connection.
fn is_refused(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(REFUSED)
}

/// The entries of a user's directory, and whether each is a live record.
fn records(directory: &OwnedFd) -> Result<Vec<(OsString, bool)>, Errno> {
    let mut found = Vec::new();
    for name in directory::names(directory)? {
        let is_live = match directory::open_file(directory, &name) {
            // The session has just ended.
            Err(Errno::ENOENT) => continue,
            // A symlink, which sftpjail never makes.
            Err(Errno::ELOOP) => false,
            file => is_live(&file?)?,
        };
        found.push((name, is_live));
    }
    Ok(found)
}

fn is_live(file: &OwnedFd) -> Result<bool, Errno> {
    Ok(directory::kind(&directory::stat(file)?) == SFlag::S_IFREG && lock::is_in_use(file)?)
}

fn failed_at(path: impl AsRef<Path>, errno: Errno) -> Refusal {
    let path = path.as_ref();
    Refusal::Registry {
        path: escaped(path).to_string(),
        why: format!("cannot be used: {}", errno.desc()),
        fix: fix_at(path, errno),
    }
}

/// What an admin can do about an error at a path of the registry.
fn fix_at(path: &Path, errno: Errno) -> Fix {
    let shown = escaped(path);
    match errno {
        Errno::ENOSPC | Errno::EDQUOT => {
            format!("make room on that filesystem: see df -h {shown} and df -i {shown}").into()
        }
        Errno::EROFS => "mount that filesystem writable".into(),
        errno => process_fix(errno).unwrap_or("make sure that root can read and write /run/sftpjail").into(),
    }
}
