//! The configuration of the module, for every verb: the same file as at a login, and the fix where it cannot be used.

use crate::report::Error;
use crate::report::error::AS_ROOT;
use nix::unistd::geteuid;
use pam_sftpjail::config::{Config, ConfigError};
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::plan::root_path;
use std::path::Path;

/// Why there is no configuration.
pub(crate) enum Unusable {
    /// Nothing is known of what is in it.
    Unread(Error),
    /// It is wrong, or others than root could have written it. Until all of that is fixed, no jail is built.
    Broken { first: Error, others: Vec<Error> },
}

impl Unusable {
    /// All that is wrong.
    pub(crate) fn all(self) -> Vec<Error> {
        match self {
            Self::Unread(error) => vec![error],
            Self::Broken { first, others } => [vec![first], others].concat(),
        }
    }
}

/// All of it, one sentence after the other.
impl From<Unusable> for Error {
    fn from(unusable: Unusable) -> Self {
        match unusable {
            Unusable::Unread(error) => error,
            Unusable::Broken { first, others } => others.iter().fold(first, Error::and),
        }
    }
}

/// Reads the configuration at `path`, which must be absolute; without a path, the usual one.
pub(crate) fn load(path: Option<&Path>) -> Result<Config, Unusable> {
    Config::load(path).map_err(|error| unusable(&error))
}

/// Reads a draft, which anybody may own.
pub(crate) fn load_draft(path: &Path) -> Result<Config, Unusable> {
    Config::load_draft(path).map_err(|error| unusable(&error))
}

fn unusable(error: &ConfigError) -> Unusable {
    let explained = Error::new(error, fix(error));
    match error.is_unread() {
        true => Unusable::Unread(explained),
        false => {
            let others = error.others();
            let others = others.iter().map(|other| Error::new(other, other.fix())).collect();
            Unusable::Broken { first: explained, others }
        }
    }
}

fn fix(error: &ConfigError) -> Fix {
    if error.is_denied() && !geteuid().is_root() {
        return AS_ROOT.into();
    }
    match root_path(error.path()) {
        Some(file) if error.is_untrusted() => {
            let close = Command::new("chmod go-w").arg(&file);
            let first = "look at what is in it, because others could change it";
            Fix::after(first, &Command::new("chown root").arg(&file).and(&close))
        }
        _ => error.fix(),
    }
}
