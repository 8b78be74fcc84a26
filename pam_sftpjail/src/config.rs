//! `/etc/sftpjail/config.toml` → [`Config`].
//!
//! Two types: [`raw`] is the file as it may be written, `Config` is what the rest of the crate
//! may rely on.
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

/// A configuration is a page of text; anything of this size (bytes) is something else.
const MAX_SIZE: u64 = 1 << 20;

/// The configuration, checked.
#[derive(Debug, PartialEq, Eq)]
pub struct Config {
    /// sshd: `ChrootDirectory <jail_root>/%u`.
    pub jail_root: Normalised,
    /// Where jails are mounted.
    pub namespace: Namespace,
    /// PAM services in which the module acts.
    pub services: Vec<String>,
    /// Groups whose members by /etc/group are never jailed and never refused.
    pub exempt_groups: Vec<String>,
    /// In the order of the file: the first that has one of the user's groups is the user's.
    pub profiles: Vec<Profile>,
}

/// The mount namespace in which jails are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Namespace {
    /// One of the session's own, which ends with it.
    Private,
    /// The host's: the sessions of a user share one jail, which the last of them takes down.
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

/// Whom it is for and what their jail holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    pub name: String,
    /// Names of groups; membership may be primary or supplementary.
    pub groups: Vec<String>,
    pub home: HomeAccess,
    /// What the session's umask is set to; without it, it stays as it is.
    pub umask: Option<u32>,
    /// How many sessions of one user may be open at a time.
    pub max_sessions: Option<u32>,
    /// Further directories of the host, in the order of the file.
    pub volumes: Vec<Volume>,
    /// Names below the home that a session can neither change nor make; none lies in another.
    pub guard: Vec<GuardEntry>,
    /// The host's `/dev/log`, so that internal-sftp can log.
    pub log: bool,
    /// Minimal `/etc/passwd` and `/etc/group`, so that listings show names.
    pub names: bool,
    /// `/etc/localtime`, so that listings show the host's time zone.
    pub localtime: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HomeAccess {
    ReadWrite,
    ReadOnly,
    /// The jail holds no home.
    None,
}

/// A directory of the host that a jail holds besides the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Where it is on the host.
    pub source: Template,
    /// Where it appears in the jail.
    pub target: Template,
    pub read_only: bool,
    /// How a missing source is made.
    pub create: Option<Create>,
}

/// Whose a source is that is made at the first login.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Create {
    pub owner: Template,
    pub group: Template,
    pub mode: u32,
}

/// Why there is no configuration to go by. `Display` names the file and the fix.
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
    /// Whether the caller may not read it, which says nothing about the file either.
    pub fn is_denied(&self) -> bool {
        matches!(self.problem, Problem::Unreadable(Errno::EACCES | Errno::EPERM))
    }

    /// The errno, where the process ran out of descriptors or memory: that says nothing about the
    /// file, so it must not turn members into non-members.
    pub fn exhaustion(&self) -> Option<Errno> {
        match self.problem {
            Problem::Unreadable(errno @ (Errno::EMFILE | Errno::ENFILE | Errno::ENOMEM)) => Some(errno),
            _ => None,
        }
    }
}

impl Config {
    /// Reads and checks the configuration at `path`, which must exist, or at [`DEFAULT_PATH`], where
    /// a missing file is the built-in default.
    ///
    /// The file must be a regular one of root's that nobody else can write; a FIFO there does not
    /// block.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let is_optional = path.is_none();
        let path = path.unwrap_or(Path::new(DEFAULT_PATH));
        let error = |problem| ConfigError { path: path.to_owned(), problem };
        if !path.is_absolute() {
            return Err(error(Problem::Invalid("the path of the configuration must be absolute".into())));
        }
        match read(path) {
            Ok(text) => Self::parse(&text).map_err(error),
            // A symlink that leads nowhere was meant to be something.
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

    /// Every group name of every profile, in the order of the file.
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

/// The text of the file, if root and nobody else had a hand in it.
fn read(path: &Path) -> Result<String, Problem> {
    // O_NONBLOCK: opening a FIFO without a writer would hang every login.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let fd = open(path, flags, Mode::empty()).map_err(Problem::Unreadable)?;
    let stat = fstat(&fd).map_err(Problem::Unreadable)?;
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(Problem::Untrusted("is not a regular file; replace it by one"));
    }
    if stat.st_uid != 0 {
        return Err(Problem::Untrusted("does not belong to root; chown root it"));
    }
    if stat.st_mode & 0o022 != 0 {
        return Err(Problem::Untrusted("can be written by others than root; chmod go-w it"));
    }
    let mut bytes = Vec::new();
    File::from(fd)
        .take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        // std's own error for a buffer that cannot grow has no errno.
        .map_err(|e| Problem::Unreadable(e.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(Problem::Untrusted("is larger than 1 MiB; that cannot be a configuration"));
    }
    String::from_utf8(bytes).map_err(|_| Problem::NotUtf8)
}

#[cfg(test)]
mod tests;
