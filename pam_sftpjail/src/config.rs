//! `/etc/sftpjail/config.toml` → [`Config`]. It reads nothing else, and knows no users.
//!
//! There are two types: [`raw`] is the file as it is written. `Config` is checked, and the rest of the
//! crate may rely on it.
#![forbid(unsafe_code)]

mod error;
mod guard_entry;
mod keys;
mod owner_mask;
mod problem;
mod raw;
mod resolve;
mod syntax;
mod table;
mod template;

use crate::path::Normalised;
use error::Cause;
pub use error::ConfigError;
pub use guard_entry::GuardEntry;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
pub use owner_mask::{OwnerMask, owner_masks};
use problem::Problem;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::fs::File;
use std::io::Read;
use std::path::Path;
pub use template::{Template, Variable};

/// Where the configuration is unless the module argument `config=` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/sftpjail/config.toml";

/// In bytes. A configuration is a page of text, so a larger file is something else.
const MAX_SIZE: u64 = 1 << 20;

/// The checked configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// The line of the file in which it begins. `None`: it is built in.
    pub line: Option<usize>,
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

/// As in the configuration file.
impl Display for HomeAccess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReadWrite => "read-write",
            Self::ReadOnly => "read-only",
            Self::None => "none",
        })
    }
}

/// A directory of the host that a jail has besides the home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Volume {
    /// Where it is on the host.
    pub source: Template,
    /// The line of the file that has the source.
    pub source_line: usize,
    /// Where it appears in the jail.
    pub target: Template,
    /// The line of the file that has the target.
    pub target_line: usize,
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

impl Config {
    /// Reads and checks the configuration at `path`, which must exist. `None` stands for
    /// [`DEFAULT_PATH`]; if that file is missing, the built-in default holds.
    ///
    /// The file must be a regular one, owned by root and writable by nobody else. A FIFO does not block.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let is_optional = path.is_none();
        let path = path.unwrap_or(Path::new(DEFAULT_PATH));
        let error = |cause| ConfigError { path: path.to_owned(), cause };
        if !path.is_absolute() {
            let problem =
                Problem::of_file("the path of the configuration is relative", "give the absolute path");
            return Err(error(Cause::Problem(problem)));
        }
        match open_file(path).and_then(|file| must_be_roots(&file).and_then(|()| read(file))) {
            Ok(text) => Self::parse(&text).map_err(|problem| error(Cause::Problem(problem))),
            // A dangling symlink is not a missing file: somebody meant it to be something.
            Err(Cause::Unreadable(Errno::ENOENT)) if is_optional && path.symlink_metadata().is_err() => {
                Ok(Self::default())
            }
            Err(cause) => Err(error(cause)),
        }
    }

    /// Checks the text of a configuration that will be written to `path`.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::parse(text)
            .map_err(|problem| ConfigError { path: path.to_owned(), cause: Cause::Problem(problem) })
    }

    /// Reads and checks a draft: a file that is not in use, so that it does not matter who owns it.
    pub fn load_draft(path: &Path) -> Result<Self, ConfigError> {
        let text = open_file(path).and_then(read);
        text.and_then(|text| Self::parse(&text).map_err(Cause::Problem))
            .map_err(|cause| ConfigError { path: path.to_owned(), cause })
    }

    /// A file without any text is an error: a full disk leaves such a file behind, and the built-in default could
    /// differ from what was in it.
    fn parse(text: &str) -> Result<Self, Problem> {
        if text.chars().all(|c| c.is_whitespace() || c == '\0') {
            return Err(Problem::of_file(
                "is empty, as a full disk leaves a file behind",
                "write it again, or remove it where the built-in default is meant",
            ));
        }
        resolve::config(raw::Config::parse(text)?)
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
                line: None,
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

fn open_file(path: &Path) -> Result<File, Cause> {
    // Without O_NONBLOCK, a FIFO that nobody writes to would block every login.
    let flags = OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    open(path, flags, Mode::empty()).map(File::from).map_err(Cause::Unreadable)
}

/// Checks that nobody but root can have written the file.
fn must_be_roots(file: &File) -> Result<(), Cause> {
    let stat = fstat(file).map_err(Cause::Unreadable)?;
    if stat.st_uid != 0 {
        Err(Cause::Untrusted("is not owned by root"))
    } else if stat.st_mode & 0o022 != 0 {
        Err(Cause::Untrusted("can be written by others than root"))
    } else {
        Ok(())
    }
}

/// The text of the file.
fn read(file: File) -> Result<String, Cause> {
    let stat = fstat(&file).map_err(Cause::Unreadable)?;
    let problem = |what, fix| Cause::Problem(Problem::of_file(what, fix));
    if SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFREG {
        return Err(problem("is not a regular file", "replace it with one"));
    }
    let mut bytes = Vec::new();
    file.take(MAX_SIZE + 1)
        .read_to_end(&mut bytes)
        // If the buffer cannot grow, std's error has no errno.
        .map_err(|e| Cause::Unreadable(e.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw)))?;
    if bytes.len() as u64 > MAX_SIZE {
        return Err(problem("is larger than 1 MiB, so it cannot be a configuration", "replace it with one"));
    }
    String::from_utf8(bytes).map_err(|_| problem("is not UTF-8", "save it as UTF-8"))
}

#[cfg(test)]
mod tests;
