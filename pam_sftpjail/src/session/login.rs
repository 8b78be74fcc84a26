//! A login as PAM describes it, and the arguments of the module's line.
//!
//! It decides nothing: a login carries what PAM says, and can write that to the log and into a record.

use super::seconds;
use crate::config::Namespace;
use crate::error::{Phase, Refusal};
use crate::escape::escaped;
use crate::grants::{self, Address, Circumstances, Fingerprint, Keys};
use crate::log::Log;
use crate::registry::Record;
use nix::unistd::Uid;
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

/// What a hook knows of the login.
pub(crate) struct Login<'a> {
    /// PAM_SERVICE
    pub service: &'a str,
    /// PAM_USER, as typed.
    pub user: &'a OsStr,
    /// PAM_RHOST
    pub host: Option<&'a OsStr>,
    /// SSH_AUTH_INFO_0, which sshd sets for the session: a line for each method, with the key. It is sure
    /// to be sshd's only with a [`SessionLine::Close`]; otherwise another module (pam_env) may have
    /// changed it.
    pub authentication: Option<OsString>,
    /// Whether it is sure to be sshd's.
    pub is_sshds: bool,
    pub arguments: Arguments,
    pub log: Log,
}

/// Which part of a session a line of the PAM configuration does. libpam calls the lines from top to
/// bottom at close, too. So beginning last and ending first takes two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLine {
    /// `close`: keeps what sshd says of the login, and ends the session before other modules close.
    Close,
    /// `open`: builds the jail, and ends the session if no line with `close` has.
    Open,
    /// Neither argument, or both: one line does all of it.
    Single,
}

/// The arguments of the module's line in the PAM configuration.
pub struct Arguments {
    /// Without `config=`, the default path is read, where the file may be missing.
    pub config: Option<PathBuf>,
    pub debug: bool,
    pub line: SessionLine,
    /// The first unknown argument, escaped. It refuses members, because a rule that is not understood
    /// must not let them in. Nobody else is refused: a typo must not lock the admin out.
    pub unknown: Option<String>,
}

impl Arguments {
    /// Reads `config=PATH`, `debug`, `close` and `open`.
    pub fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut arguments = Self { config: None, debug: false, line: SessionLine::Single, unknown: None };
        let (mut close, mut open) = (false, false);
        for word in words {
            match (word, word.strip_prefix(b"config=")) {
                (b"debug", _) => arguments.debug = true,
                (b"close", _) => close = true,
                (b"open", _) => open = true,
                (_, Some(path)) => arguments.config = Some(OsStr::from_bytes(path).into()),
                _ => {
                    let word = escaped(OsStr::from_bytes(word)).to_string();
                    arguments.unknown.get_or_insert(word);
                }
            }
        }
        arguments.line = match (close, open) {
            (true, false) => SessionLine::Close,
            (false, true) => SessionLine::Open,
            _ => SessionLine::Single,
        };
        arguments
    }
}

impl Login<'_> {
    /// PAM_RHOST, escaped.
    pub(super) fn escaped_host(&self) -> String {
        self.host.map_or_else(|| "none".to_owned(), |host| escaped(host).to_string())
    }

    /// Logs a refusal, and for how long the login has waited for it to pass.
    pub(super) fn log_refusal(&self, refusal: Refusal, waited: Option<Duration>) -> Refusal {
        let waited = waited.map(|waited| format!(" (after waiting {})", seconds(waited)));
        self.log.notice(format_args!(
            "refused user {} rhost={}: {refusal}{}; fix: {}",
            escaped(self.user),
            self.escaped_host(),
            waited.unwrap_or_default(),
            refusal.fix()
        ));
        refusal
    }

    /// A record with what PAM says; nothing in it is about a jail.
    pub(super) fn record(&self, account: &str, uid: Uid) -> Record {
        Record {
            version: Record::VERSION,
            user: account.to_owned(),
            uid: uid.as_raw(),
            pid: std::process::id(),
            since: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
            rhost: self.escaped_host(),
            service: self.service.to_owned(),
            profile: String::new(),
            namespace: Namespace::Host,
            jail: String::new(),
            home: String::new(),
            until: None,
            ends_with: None,
            grants: Vec::new(),
            authentication: self.methods(),
            refused: false,
        }
    }

    /// What a grant may depend on. Only in the session phase, sshd has said all that it says of the key.
    pub(super) fn circumstances(&self, phase: Phase) -> Circumstances<'_> {
        let keys = match (phase, self.is_sshds) {
            (Phase::Account, _) => Keys::Unknown,
            (Phase::Session, false) => Keys::Doubtful,
            (Phase::Session, true) => Keys::Of(Fingerprint::of_login(&self.said())),
        };
        Circumstances { now: grants::now(), address: Address::Of(self.host), keys }
    }

    fn said(&self) -> Cow<'_, str> {
        self.authentication.as_deref().map(OsStr::to_string_lossy).unwrap_or_default()
    }

    /// The lines of SSH_AUTH_INFO_0.
    fn methods(&self) -> Vec<String> {
        self.said().lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(words: &[&str]) -> Arguments {
        Arguments::parse(words.iter().map(|w| w.as_bytes()))
    }

    #[test]
    fn the_arguments_are_config_debug_close_and_open() {
        let none = parse(&[]);
        assert!(none.config.is_none() && !none.debug && none.unknown.is_none());
        let all = parse(&["debug", "config=/etc/other.toml"]);
        assert_eq!(all.config.as_deref(), Some(Path::new("/etc/other.toml")));
        assert!(all.debug && all.unknown.is_none());
        for (words, line) in [
            (&[][..], SessionLine::Single),
            (&["close"], SessionLine::Close),
            (&["debug", "open"], SessionLine::Open),
            (&["open", "close"], SessionLine::Single),
        ] {
            let parsed = parse(words);
            assert_eq!((parsed.line, parsed.unknown), (line, None), "{words:?}");
        }
    }

    #[test]
    fn the_first_unknown_argument_is_kept_escaped() {
        assert_eq!(parse(&["debug", "confg=/x", "y"]).unknown.as_deref(), Some("\"confg=/x\""));
        assert_eq!(parse(&["Debug"]).unknown.as_deref(), Some("Debug"));
        assert_eq!(parse(&["\n"]).unknown.as_deref(), Some("\"\\x0a\""));
    }
}
