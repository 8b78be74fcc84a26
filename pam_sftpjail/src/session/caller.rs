//! Who asks: a login as PAM describes it, and the module's arguments.

use super::waiting::seconds;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::log::Log;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// What a hook knows of the login.
pub(crate) struct Caller<'a> {
    /// PAM_SERVICE
    pub service: &'a str,
    /// PAM_USER, as typed.
    pub login: &'a OsStr,
    /// PAM_RHOST
    pub remote: Option<&'a OsStr>,
    /// SSH_AUTH_INFO_0, which sshd sets for the session: a line for each method, with the key. With a
    /// [`SessionLine::Close`] it is sshd's word; else a module between may have changed it (pam_env).
    pub authentication: Option<OsString>,
    pub arguments: Arguments,
    pub log: Log,
}

/// Which part of a session a line of the PAM configuration is for. libpam calls the lines from the top
/// to the bottom at close as well, so that whoever wants to begin last and end first has two.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionLine {
    /// `close`: remembers what sshd says, and ends the session before any other module does anything.
    Close,
    /// `open`: builds the jail, and ends the session if no first line has.
    Open,
    /// Neither argument, or both: one line for all of it.
    Single,
}

/// The arguments of the module's line in the PAM configuration.
pub struct Arguments {
    /// Without `config=`: the default path, where the file may be missing.
    pub config: Option<PathBuf>,
    pub debug: bool,
    pub line: SessionLine,
    /// The first that is not known, escaped. Members are refused then: half-understood rules must
    /// not let them in. Nobody else is, for a typo must not lock the admin out.
    pub unknown: Option<String>,
}

impl Arguments {
    /// `config=PATH`, `debug`, `close` and `open`.
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

impl Caller<'_> {
    /// PAM_RHOST for a log line.
    pub(super) fn remote_shown(&self) -> String {
        self.remote.map_or_else(|| "none".to_owned(), |remote| escaped(remote).to_string())
    }

    /// Logs a refusal, and for how long the login has waited for it to pass.
    pub(super) fn refused(&self, refusal: Refusal, waited: Option<Duration>) -> Refusal {
        let waited = waited.map(|waited| format!(" (after {} of waiting)", seconds(waited)));
        self.log.notice(format_args!(
            "refused user {} rhost={}: {refusal}{}; fix: {}",
            escaped(self.login),
            self.remote_shown(),
            waited.unwrap_or_default(),
            refusal.fix()
        ));
        refusal
    }

    /// The lines of SSH_AUTH_INFO_0.
    pub(super) fn methods(&self) -> Vec<String> {
        let text = self.authentication.as_deref().map(OsStr::to_string_lossy).unwrap_or_default();
        text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
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
    fn anything_else_is_remembered_escaped() {
        assert_eq!(parse(&["debug", "confg=/x", "y"]).unknown.as_deref(), Some("\"confg=/x\""));
        assert_eq!(parse(&["Debug"]).unknown.as_deref(), Some("Debug"));
        assert_eq!(parse(&["\n"]).unknown.as_deref(), Some("\"\\x0a\""));
    }
}
