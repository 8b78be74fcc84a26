//! Who is in: `/run/sftpjail/USER/NAMESPACE-PID`, a record for each live session.
//!
//! The user's directory is the mutex under which sessions of the user begin and end: flock(2). A
//! record is live while the session's process, or one that it forked, has it open: the kernel
//! forgets that mark whatever ends them, so that no count can drift and no pid is ever trusted.
//! Nothing is decided by what a record says; that is for people.
#![forbid(unsafe_code)]

use crate::config::Namespace;
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::sys::umask::Umask;
use crate::sys::{SysError, directory, lock};
use nix::errno::Errno;
use nix::sys::stat::SFlag;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Root's, mode 0700.
pub const DIRECTORY: &str = "/run/sftpjail";

/// A record that is not finished. It has no other name before it is whole and marked as in use.
const UNFINISHED: &str = ".new";

/// Records are some hundred bytes, most of it the key; anything of this size (bytes) is something else.
const MAX_RECORD: u64 = 64 << 10;

/// A session, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    pub version: u32,
    pub user: String,
    pub uid: u32,
    /// Of the process that opened the session: sshd's monitor.
    pub pid: u32,
    /// When it was opened, in seconds since the epoch.
    pub since: u64,
    /// PAM_RHOST, escaped.
    pub rhost: String,
    /// PAM_SERVICE
    pub service: String,
    pub profile: String,
    pub namespace: Namespace,
    /// Escaped, as the home is.
    pub jail: String,
    pub home: String,
    /// How the user logged in, as sshd says in SSH_AUTH_INFO_0: a line for each method, with the key.
    pub authentication: Vec<String>,
}

impl Record {
    /// The version that this crate writes and reads; it grows when a key changes its meaning or goes.
    pub const VERSION: u32 = 1;
}

/// `/run/sftpjail`, checked.
pub struct Registry(OwnedFd);

impl Registry {
    /// Opens it, and makes it where it is missing.
    pub(crate) fn open() -> Result<Self, Refusal> {
        let path = Path::new(DIRECTORY);
        let run = directory::open_without_symlinks(Path::new("/run")).map_err(|e| broken("/run", e))?;
        if !directory::is_roots_alone(&directory::stat(&run).map_err(|e| broken("/run", e))?) {
            let cure = "chown root /run && chmod go-w /run".into();
            return Err(Refusal::Registry { path: "/run".into(), why: "is not root's alone".into(), cure });
        }
        if let Some(registry) = Self::existing()? {
            return Ok(registry);
        }
        {
            let _exact = Umask::none();
            match directory::make(&run, "sftpjail", 0o700) {
                Err(error) if error.errno == Errno::EEXIST => {}
                Err(error) => return Err(broken(path, error.errno)),
                Ok(()) => {}
            }
        }
        Self::existing()?.ok_or_else(|| broken(path, Errno::ENOENT))
    }

    /// Opens it. `None`: there is none, and so nobody is in.
    pub fn existing() -> Result<Option<Self>, Refusal> {
        let refuse = |why: &str, cure: &str| Refusal::Registry {
            path: DIRECTORY.into(),
            why: why.into(),
            cure: cure.into(),
        };
        let fd = match directory::open_without_symlinks(Path::new("/run"))
            .and_then(|run| directory::open_to_read(run, "sftpjail".as_ref()))
        {
            Ok(fd) => fd,
            Err(Errno::ENOENT) => return Ok(None),
            Err(Errno::EACCES) => return Err(Refusal::Denied { path: DIRECTORY.into() }),
            Err(Errno::ENOTDIR) => {
                return Err(refuse("is not a directory", "move it away: mv /run/sftpjail /root"));
            }
            Err(errno) => return Err(broken(DIRECTORY, errno)),
        };
        let stat = directory::stat(&fd).map_err(|e| broken(DIRECTORY, e))?;
        if stat.st_uid != 0 || stat.st_mode & 0o077 != 0 {
            let cure = "see what is in it, then chown root /run/sftpjail && chmod 0700 /run/sftpjail";
            return Err(refuse("is open to others than root", cure));
        }
        Ok(Some(Self(fd)))
    }

    /// Keeps all other sessions of the user from beginning and ending until it is dropped.
    pub(crate) fn lock(self, user: &str) -> Result<Sessions, Refusal> {
        let path = Path::new(DIRECTORY).join(user);
        let failed = |error: SysError| match error.errno {
            Errno::ETIMEDOUT => Refusal::Registry {
                path: escaped(&path).to_string(),
                why: "is locked by another login of the user, for more than ten seconds".into(),
                cure: format!("see which process that is: fuser -v {}", word(&path)),
            },
            errno => broken(&path, errno),
        };
        loop {
            {
                let _exact = Umask::none();
                match directory::make(&self.0, user, 0o700) {
                    Err(error) if error.errno == Errno::EEXIST => {}
                    other => other.map_err(failed)?,
                }
            }
            let directory = match directory::open_to_read(&self.0, user.as_ref()) {
                // Its last session has just removed it.
                Err(Errno::ENOENT) => continue,
                opened => opened.map_err(|errno| broken(&path, errno))?,
            };
            lock::exclusive(&directory, &path).map_err(failed)?;
            // The one that was locked may have been removed meanwhile, and another made.
            if self.is_there(user, &directory).map_err(|errno| broken(&path, errno))? {
                return Ok(Sessions { registry: self, user: user.to_owned(), directory });
            }
        }
    }

    fn is_there(&self, user: &str, directory: &OwnedFd) -> Result<bool, Errno> {
        let there = match directory::open_entry(&self.0, user.as_ref()) {
            Err(Errno::ENOENT) => return Ok(false),
            entry => directory::stat(entry?)?,
        };
        let locked = directory::stat(directory)?;
        Ok((there.st_dev, there.st_ino) == (locked.st_dev, locked.st_ino))
    }

    /// Names of users who may have sessions.
    pub fn users(&self) -> Result<Vec<OsString>, Refusal> {
        directory::names(&self.0).map_err(|errno| broken(DIRECTORY, errno))
    }

    /// Whether the user has, or had and did not properly end, a session in the host's namespace.
    pub(crate) fn knows_host(&self, user: &str) -> Result<bool, Refusal> {
        match directory::open_to_read(&self.0, user.as_ref()).and_then(directory::names) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(false),
            Err(errno) => Err(broken(Path::new(DIRECTORY).join(user), errno)),
            Ok(names) => Ok(names.iter().any(|name| is_in(name, Namespace::Host))),
        }
    }

    /// The live sessions of a user, without keeping anybody out: who comes or goes meanwhile may be
    /// missing or not.
    pub fn live(&self, user: &OsStr) -> Result<Vec<Live>, Refusal> {
        let path = Path::new(DIRECTORY).join(user);
        match directory::open_to_read(&self.0, user) {
            Err(Errno::ENOENT | Errno::ENOTDIR) => Ok(Vec::new()),
            opened => opened.and_then(|d| live(&d)).map_err(|errno| broken(&path, errno)),
        }
    }
}

/// A record that somebody has open.
pub struct Live {
    name: OsString,
    file: OwnedFd,
}

impl Live {
    /// Where the session's jail is mounted.
    pub fn is_in(&self, namespace: Namespace) -> bool {
        is_in(&self.name, namespace)
    }

    /// What it says. The error is a sentence about it.
    pub fn read(self) -> Result<Record, String> {
        let name = escaped(&self.name).to_string();
        let mut text = String::new();
        File::from(self.file)
            .take(MAX_RECORD)
            .read_to_string(&mut text)
            .map_err(|error| format!("the record {name} cannot be read: {error}"))?;
        let record: Record = toml::from_str(&text).map_err(|_| {
            format!("the record {name} is not one of this version of sftpjail; the session itself goes on")
        })?;
        if record.version == Record::VERSION {
            Ok(record)
        } else {
            let (theirs, ours) = (record.version, Record::VERSION);
            Err(format!("the record {name} has version {theirs}, and this sftpjail reads {ours}"))
        }
    }
}

/// A user's sessions, while nobody else changes them.
pub(crate) struct Sessions {
    registry: Registry,
    user: String,
    directory: OwnedFd,
}

impl Sessions {
    /// Those that are live. What dead ones left is removed.
    pub(crate) fn live(&self) -> Result<Vec<Live>, Refusal> {
        let failed = |errno| broken(self.path(), errno);
        let found = live(&self.directory).map_err(failed)?;
        for name in directory::names(&self.directory).map_err(failed)? {
            if found.iter().any(|live| live.name == name) {
                continue;
            }
            match directory::remove_entry(&self.directory, &name) {
                // A directory, which is none of ours.
                Err(error) if error.errno == Errno::EISDIR => {}
                other => other.map_err(|error| failed(error.errno))?,
            }
        }
        Ok(found)
    }

    /// Writes the record of a session that lives for as long as the result is kept by this process,
    /// or one that it forks.
    pub(crate) fn enter(&self, record: &Record) -> Result<Entry, Refusal> {
        let failed = |errno| broken(self.path(), errno);
        let text = toml::to_string(record).map_err(|error| Refusal::Registry {
            path: escaped(&self.path()).to_string(),
            why: format!("takes no record: {error}"),
            cure: "report this as a bug".into(),
        })?;
        let name = self.free_name(record).map_err(failed)?;
        let file = self.write(&text, &name).map_err(failed).inspect_err(|_| {
            // What there is of it is of no use; the next session would remove it, too.
            let _ = directory::remove_entry(&self.directory, UNFINISHED.as_ref());
        })?;
        Ok(Entry { user: self.user.clone(), name, _file: file })
    }

    /// The file appears whole and in use.
    fn write(&self, text: &str, name: &str) -> Result<OwnedFd, Errno> {
        {
            let _exact = Umask::none();
            directory::write(&self.directory, UNFINISHED.as_ref(), text.as_bytes())
                .map_err(|error| error.errno)?;
        }
        // Read-only, because a forked process of the user's will have it too.
        let file = directory::open_file(&self.directory, UNFINISHED.as_ref())?;
        lock::mark_in_use(&file)?;
        directory::rename(&self.directory, UNFINISHED.as_ref(), name.as_ref())
            .map_err(|error| error.errno)?;
        Ok(file)
    }

    /// Removes the record of a session that ends.
    pub(crate) fn leave(&self, entry: Entry) -> Result<(), Refusal> {
        match directory::remove_entry(&self.directory, entry.name.as_ref()) {
            Err(error) if error.errno != Errno::ENOENT => Err(broken(self.path(), error.errno)),
            _ => Ok(()),
        }
    }

    /// One process may have several sessions, and the child of a killed one still hold its record when
    /// the pid is given out again.
    fn free_name(&self, record: &Record) -> Result<String, Errno> {
        let mut name = format!("{}-{}", record.namespace, record.pid);
        let mut n = 1;
        loop {
            match directory::open_entry(&self.directory, name.as_ref()) {
                Err(Errno::ENOENT) => return Ok(name),
                taken => drop(taken?),
            }
            n += 1;
            name = format!("{}-{}.{n}", record.namespace, record.pid);
        }
    }

    fn path(&self) -> PathBuf {
        Path::new(DIRECTORY).join(&self.user)
    }
}

impl Drop for Sessions {
    /// The last one takes the directory away; one with records in it stays.
    fn drop(&mut self) {
        let _ = directory::remove_empty(&self.registry.0, self.user.as_ref());
    }
}

/// This process's own record, marked as in use. Dropping it leaves the record alone, as a forked child must.
pub(crate) struct Entry {
    pub(crate) user: String,
    name: String,
    _file: OwnedFd,
}

/// Whether a record of that name is of a session in the namespace.
fn is_in(name: &OsStr, namespace: Namespace) -> bool {
    name.to_string_lossy().starts_with(&format!("{namespace}-"))
}

fn live(directory: &OwnedFd) -> Result<Vec<Live>, Errno> {
    let mut found = Vec::new();
    for name in directory::names(directory)? {
        let file = match directory::open_file(directory, &name) {
            // It has just ended; or it is a symlink, and none of ours.
            Err(Errno::ENOENT | Errno::ELOOP) => continue,
            file => file?,
        };
        let is_file = directory::kind(&directory::stat(&file)?) == SFlag::S_IFREG;
        if name != UNFINISHED && is_file && lock::is_in_use(&file)? {
            found.push(Live { name, file });
        }
    }
    Ok(found)
}

fn broken(path: impl AsRef<Path>, errno: Errno) -> Refusal {
    let path = path.as_ref();
    Refusal::Registry {
        path: escaped(path).to_string(),
        why: format!("cannot be used: {}", errno.desc()),
        cure: "see that root can read and write /run/sftpjail, and the service's limits".into(),
    }
}
