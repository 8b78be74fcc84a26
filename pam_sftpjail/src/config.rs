//! `/etc/sftpjail/config.toml` → [`Config`]. It reads nothing else, and knows no users.
//!
//! There are two types: [`raw`] is the file as it is written. `Config` is checked, and the rest of the
//! crate may rely on it.
#![forbid(unsafe_code)]

pub(crate) mod error;
pub(crate) mod every;
pub(crate) mod guard_entry;
pub(crate) mod keys;
mod owner_mask;
pub(crate) mod problem;
pub(crate) mod problems;
mod raw;
pub(crate) mod resolve;
pub(crate) mod root_file;
pub(crate) mod syntax;
pub(crate) mod table;
mod template;
pub mod user_file;

use crate::path::Normalised;
use error::Cause;
pub use error::ConfigError;
pub use guard_entry::GuardEntry;
use keys::Level;
use nix::errno::Errno;
pub use owner_mask::{OwnerMask, owner_masks};
use problem::Problem;
use problems::Problems;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};
use std::path::Path;
pub use template::{Template, Variable};
use toml::de::DeTable;

/// Where the configuration is unless the module argument `config=` says otherwise.
pub const DEFAULT_PATH: &str = "/etc/sftpjail/config.toml";

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
    /// The account to which everything in the home belongs on disk, and which the member sees as itself. `None`: the
    /// member.
    pub home_owner: Option<String>,
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
    /// The account to which everything in it belongs on disk, and which the member sees as itself. `None`: owners are
    /// as on the host.
    pub owner: Option<String>,
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
        let error = |cause| ConfigError::new(path, cause);
        if !path.is_absolute() {
            let problem =
                Problem::of_file("the path of the configuration is relative", "give the absolute path");
            return Err(error(Cause::Problem(problem)));
        }
        match root_file::open(path).and_then(root_file::read_trusted) {
            Ok(text) => Self::of_text(&text, path),
            // A dangling symlink is not a missing file: somebody meant it to be something.
            Err(Cause::Unreadable(Errno::ENOENT)) if is_optional && path.symlink_metadata().is_err() => {
                Ok(Self::default())
            }
            Err(cause) => Err(error(cause)),
        }
    }

    /// Checks the text of a configuration that is, or will be, in `path`.
    pub fn of_text(text: &str, path: &Path) -> Result<Self, ConfigError> {
        Self::parse(text).map_err(|problem| ConfigError {
            text: Some(text.to_owned()),
            ..ConfigError::new(path, Cause::Problem(problem))
        })
    }

    /// Reads and checks a draft: a file that is not in use, so that it does not matter who owns it.
    pub fn load_draft(path: &Path) -> Result<Self, ConfigError> {
        let text = root_file::open(path).and_then(root_file::read);
        Self::of_text(&text.map_err(|cause| ConfigError::new(path, cause))?, path)
    }

    /// A file without any text is an error: a full disk leaves such a file behind, and the built-in default could
    /// differ from what was in it.
    pub(crate) fn parse(text: &str) -> Result<Self, Problem> {
        root_file::must_have_text(text, "write it again, or remove it where the built-in default is meant")?;
        let parsed = syntax::parse(text, Level::File)?;
        let mut found = Problems::default();
        let config = Self::read(text, parsed.get_ref(), &mut found);
        found.end(config)
    }

    /// All that is wrong in a text. [`Config::parse`] gives the first of it.
    pub(crate) fn problems(text: &str) -> Vec<Problem> {
        every::problems(text, Level::File, |text, parsed, found| drop(Self::read(text, parsed, found)))
    }

    fn read(text: &str, parsed: &DeTable<'_>, found: &mut Problems) -> Option<Self> {
        let raw = raw::Config::read(text, parsed, found);
        resolve::config(raw, found)
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
                home_owner: None,
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

#[cfg(test)]
mod tests;
