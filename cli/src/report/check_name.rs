//! The names of checks, and which checks are about sshd or about the host. Findings are told apart by these types, and
//! not by what their names begin with.

use pam_sftpjail::plan::Check;
use serde::{Deserialize, Serialize};
use std::fmt::{self, Display};

/// A check about sshd: its files, its processes, or its settings for a user. `Display` is the name of the check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum SshdCheck {
    /// Whether it answers.
    Answers,
    Running,
    Files,
    Access,
    Chroot,
    Command,
    Pam,
    Forwards,
    Terminal,
    UserRc,
    Log,
    Keepalive,
    Timeouts,
    Penalties,
}

impl SshdCheck {
    const ALL: [Self; 14] = [
        Self::Answers,
        Self::Running,
        Self::Files,
        Self::Access,
        Self::Chroot,
        Self::Command,
        Self::Pam,
        Self::Forwards,
        Self::Terminal,
        Self::UserRc,
        Self::Log,
        Self::Keepalive,
        Self::Timeouts,
        Self::Penalties,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Answers => "sshd",
            Self::Running => "sshd running",
            Self::Files => "sshd files",
            Self::Access => "sshd access",
            Self::Chroot => "sshd chroot",
            Self::Command => "sshd command",
            Self::Pam => "sshd pam",
            Self::Forwards => "sshd forwards",
            Self::Terminal => "sshd terminal",
            Self::UserRc => "sshd user rc",
            Self::Log => "sshd log",
            Self::Keepalive => "sshd keepalive",
            Self::Timeouts => "sshd timeouts",
            Self::Penalties => "sshd penalties",
        }
    }

    /// Whether what is wrong there is wrong for all members, also where it was found for one of them. Who may log in is
    /// each user's own.
    fn is_about_all(self) -> bool {
        match self {
            Self::Access | Self::Penalties => false,
            Self::Answers
            | Self::Running
            | Self::Files
            | Self::Chroot
            | Self::Command
            | Self::Pam
            | Self::Forwards
            | Self::Terminal
            | Self::UserRc
            | Self::Log
            | Self::Keepalive
            | Self::Timeouts => true,
        }
    }
}

impl Display for SshdCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Whether a session ends with what is granted to its user.
pub(crate) const EXPIRY: &str = "grant end";

/// Whether sshd takes a key from the user's files.
pub(crate) const KEYS: &str = "keys";

/// Which check a finding is of. In JSON, its name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub(crate) enum CheckName {
    Sshd(SshdCheck),
    /// What every login fails by, whoever the user is.
    Host(Check),
    /// What the ends of grants need of the host.
    Expiry,
    /// What concerns one user, or what is only found for the host as a whole.
    Other(String),
}

impl CheckName {
    /// Those of a login's checks that have nothing to do with the user.
    const OF_HOST: [Check; 2] = [Check::JailRoot, Check::Kernel];

    pub(super) fn is_about_sshd(&self) -> bool {
        matches!(self, Self::Sshd(_))
    }

    /// Without an answer, it is still known whether the user is jailed.
    pub(super) fn is_about_keys(&self) -> bool {
        matches!(self, Self::Other(name) if name == KEYS)
    }

    pub(super) fn is_about_host(&self) -> bool {
        match self {
            Self::Sshd(check) => check.is_about_all(),
            Self::Host(_) | Self::Expiry => true,
            Self::Other(_) => false,
        }
    }
}

impl From<String> for CheckName {
    fn from(name: String) -> Self {
        let sshd = SshdCheck::ALL.into_iter().find(|check| check.name() == name).map(Self::Sshd);
        let host = || Self::OF_HOST.into_iter().find(|check| check.to_string() == name).map(Self::Host);
        let expiry = || (name == EXPIRY).then_some(Self::Expiry);
        sshd.or_else(host).or_else(expiry).unwrap_or(Self::Other(name))
    }
}

impl From<CheckName> for String {
    fn from(check: CheckName) -> Self {
        check.to_string()
    }
}

impl Display for CheckName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sshd(check) => f.pad(check.name()),
            Self::Host(check) => f.pad(&check.to_string()),
            Self::Expiry => f.pad(EXPIRY),
            Self::Other(name) => f.pad(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_of_sshds_is_known_by_its_name() {
        for check in SshdCheck::ALL {
            assert_eq!(CheckName::from(check.to_string()), CheckName::Sshd(check));
        }
        for (name, is_about_sshd, is_about_host) in [
            ("sshd", true, true),
            ("sshd chroot", true, true),
            ("sshd access", true, false),
            ("sshd penalties", true, false),
            ("jail root", false, true),
            ("kernel", false, true),
            (EXPIRY, false, true),
            ("home", false, false),
            ("ssh -L", false, false),
        ] {
            let check = CheckName::from(name.to_owned());
            assert_eq!(
                (check.is_about_sshd(), check.is_about_host()),
                (is_about_sshd, is_about_host),
                "{name}"
            );
            assert_eq!(String::from(check), name);
        }
    }
}
