//! `namespace` of the configuration: where jails are mounted.

use std::fmt::{self, Display};

use crate::Sandbox;

/// Where the jails of a sandbox are mounted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Each in a mount namespace of its session, as without a configuration.
    Private,
    /// All in the host's.
    Host,
}

impl Display for Namespace {
    /// As the configuration spells it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Namespace::Private => "private",
            Namespace::Host => "host",
        })
    }
}

impl Sandbox {
    /// Where the jails are.
    #[must_use]
    pub fn namespace(&self) -> Namespace {
        self.namespace
    }

    /// Writes the configuration: the sandbox's `namespace`, then `toml`.
    #[track_caller]
    pub fn configure(&self, toml: &str) {
        self.sh("mkdir -p /etc/sftpjail");
        self.write("/etc/sftpjail/config.toml", format!("namespace = \"{}\"\n{toml}", self.namespace));
    }
}
