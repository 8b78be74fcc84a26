//! `/etc/sftpjail/config.toml` → [`Config`]. It reads nothing else, and knows no users.
//!
//! There are two types: [`raw`] is the file as serde reads it. `Config` is checked, and the rest of the
//! crate may rely on it.
#![forbid(unsafe_code)]

mod guard_entry;
mod raw;
mod resolve;
mod template;

use crate::escape::{escaped, one_line};
use crate::path::Normalised;
pub use guard_entry::GuardEntry;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
pub use template::{Template, Variable};
use thiserror::Error;

/// Where the configuration is unless the module argument `config=` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/sftpjail/config.toml";

/// In bytes. A configuration is a page of text, so a larger file is something else.
const MAX_SIZE: u64 = 1 << 20;

/// The checked configuration.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// sshd: `ChrootDirectory <jail_root>/%u`.
    pub jail_root: Normalised,
    /// Where jails are mounted.
    pub namespace: Namespace,
    /// PAM services in which the module acts.
    pub services: Vec<String>,
    /// Users who are in one of these groups by /etc/group itself are never jailed and never refused.
    pub exempt_groups: Vec<String>,
    /// In the order of the file. The first that has one of a user's groups matches.
    pub profiles: Vec<Profile>,
}

/// The mount namespace in which jails are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// One of the session's own, which ends with it.
    Private,
    /// The host's. The sessions of a user share one jail, and the last of them removes it.
    Host,
}

impl Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Private => "private",
            Self::Host => "host",
        })
    }
}

/// Which groups it is for, and what is in their members' jails.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Group names. A user matches by the primary or a supplementary group.
    pub groups: Vec<String>,
    pub home: HomeAccess,
    /// The session's umask. `None`: the umask stays as it is.
    pub umask: Option<u32>,
    /// How many sessions of one user may be open at a time.
    pub max_sessions: Option<u32>,
    /// Further directories of the host, in the order of the file.
    pub volumes: Vec<Volume>,
    /// Paths below the home that a session can neither change nor make. No two overlap.
    pub guard: Vec<GuardEntry>,
    /// Whether the jail has the host's `/dev/log`, so that internal-sftp can log.
    pub log: bool,
    /// Whether the jail has a minimal `/etc/passwd` and `/etc/group`, so that listings show names.
    pub names: bool,
    /// Whether the jail has `/etc/localtime`, so that listings show times in the host's zone.
    pub localtime: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeAccess {
    ReadWrite,
    ReadOnly,
    /// There is no home in the jail.
    None,
}

/// A directory of the host that a jail has besides the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Where it is on the host.
    pub source: Template,
    /// Where it appears in the jail.
    pub target: Template,
    pub read_only: bool,
    /// How a missing source is made. `None`: it is not.
    pub create: Option<Create>,
}

/// Owner, group and mode of a source that the first login makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    pub owner: Template,
    pub group: Template,
    pub mode: u32,
}

/// Why the configuration cannot be used. `Display` names the file and the fix.
#[derive(Debug, Error)]
#[error("{}: {problem}", escaped(path))]
pub struct ConfigError {
    path: PathBuf,
    problem: Problem,
}

#[derive(Debug, Error)]
enum Problem {
    #[error("cannot be read: {}", .0.desc())]
    Unreadable(Errno),
    #[error("{0}")]
    Untrusted(&'static str),
    #[error("is not UTF-8; save it as UTF-8")]
    NotUtf8,
    #[error("line {line}: {message}")]
    Syntax { line: usize, message: String },
    #[error("{0}")]
    Invalid(String),
}

impl ConfigError {
    /// Whether this process may not read it. That says nothing about the file.
    pub fn is_denied(&self) -> bool {
        matches!(self.problem, Problem::Unreadable(Errno::EACCES | Errno::EPERM))
    }

    /// The errno, where the process ran out of descriptors or memory. That says nothing about the file, so
    /// it must not turn members into non-members.
    pub fn exhaustion(&self) -> Option<Errno> {
        match self.problem {
            Problem::Unreadable(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Some(errno),
            _ => None,
        }
    }
}

impl Config {
    /// Reads and checks the configuration at `path`, which must exist. `None` stands for
    /// [`DEFAULT_PATH`]; if that file is missing, the built-in default holds.
    ///
    /// The file must be a regular one, owned by root and writable by nobody else. A FIFO does not block.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let is_optional = path.is_none();
        let path = path.unwrap_or(Path::new(DEFAULT_PATH));
        let error = |problem| ConfigError { path: path.to_owned(), problem };
        if !path.is_absolute() {
            return Err(error(Problem::Invalid("the path of the configuration must be absolute".into())));
        }
        match read(path) {
            Ok(text) => Self::parse(&text).map_err(error),
            // A dangling symlink is not a missing file: somebody meant it to be something.
            Err(Problem::Unreadable(Errno::ENOENT)) if is_optional && path.symlink_metadata().is_err() => {
                Ok(Self::default())
            }
            Err(problem) => Err(error(problem)),
        }
    }

    fn parse(text: &str) -> Result<Self, Problem> {
        let raw: raw::Config = toml::from_str(text).map_err(|e| Problem::Syntax {
            line: e
                .span()
                .map_or(1, |span| 1 + text.bytes().take(span.start).filter(|b| *b == b'\n').count()),
            message: one_line(e.message()),
        })?;
        resolve::config(raw).map_err(Problem::Invalid)
    }

    /// The group names of all profiles, in the order of the file.
    pub fn groups(&self) -> impl Iterator<Item = &str> {
        self.profiles.iter().flat_map(|p| p.groups.iter().map(String::as_str))
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            jail_root: Normalised::of(["jail"]),
            namespace: Namespace::Private,
            services: vec!["sshd".into()],
            exempt_groups: Vec::new(),
            profiles: vec![Profile {
                name: "home".into(),
                groups: vec!["sftp".into()],
                home: HomeAccess::ReadWrite,
                umask: None,
                max_sessions: None,
                volumes: Vec::new(),
                guard: Vec::new(),
                log: true,
                names: true,
                localtime: true,
            }],
        }
    }
}

/// The text of the file, if it is owned by root and writable by nobody else.
fn read(path: &Path) -> Result<String, Problem> {
    // Without O_NONBLOCK, a FIFO that nobody writes to would block every login.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let fd = open(path, flags, Mode::empty()).map_err(Problem::Unreadable)?;
    let stat = fstat(&fd).map_err(Problem::Unreadable)?;
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(Problem::Untrusted("is not a regular file; replace it with one"));
    }
    if stat.st_uid != 0 {
        return Err(Problem::Untrusted("is not owned by root; run chown root on it"));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(Problem::Untrusted("can be written by others than root; run chmod go-w on it"));
    }
    let mut bytes = Vec::new();
    File::from(fd)
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        // If the buffer cannot grow, std's error has no errno.
        .map_err(|e| Problem::Unreadable(e.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Problem::Untrusted("is larger than 1 MiB, so it cannot be a configuration"));
    }
    String::from_utf8(bytes).map_err(|_| Problem::NotUtf8)
}

#[cfg(test)]
mod tests;
