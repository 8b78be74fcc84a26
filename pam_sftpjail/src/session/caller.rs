//! Who asks: a login as PAM describes it, and the module's arguments.

use crate::escape::escaped;
use crate::log::Log;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// What a hook knows of the login.
pub(crate) struct Caller<'a> {
    /// PAM_SERVICE
    pub service: &'a str,
    /// PAM_USER, as typed.
    pub login: &'a OsStr,
    /// PAM_RHOST
    pub remote: Option<&'a OsStr>,
    /// SSH_AUTH_INFO_0, which sshd sets for the session: a line for each method, with the key.
    pub authentication: Option<&'a OsStr>,
    pub arguments: Arguments,
    pub log: Log,
}

/// The arguments of the module's line in the PAM configuration.
pub(crate) struct Arguments {
    /// Without `config=`: the default path, where the file may be missing.
    pub config: Option<PathBuf>,
    pub debug: bool,
    /// The first that is not known, escaped. Members are refused then: half-understood rules must
    /// not let them in. Nobody else is, for a typo must not lock the admin out.
    pub unknown: Option<String>,
}

impl Arguments {
    /// `config=PATH` and `debug`.
    pub(crate) fn parse<'a>(words: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut arguments = Self { config: None, debug: false, unknown: None };
        for word in words {
            match (word, word.strip_prefix(b"config=")) {
                (b"debug", _) => arguments.debug = true,
                (_, Some(path)) => arguments.config = Some(OsStr::from_bytes(path).into()),
                _ => {
                    let word = escaped(OsStr::from_bytes(word)).to_string();
                    arguments.unknown.get_or_insert(word);
                }
            }
        }
        arguments
    }
}

impl Caller<'_> {
    /// PAM_RHOST for a log line.
    pub(super) fn remote_shown(&self) -> String {
        self.remote.map_or_else(|| "none".to_owned(), |remote| escaped(remote).to_string())
    }

    /// The lines of SSH_AUTH_INFO_0.
    pub(super) fn methods(&self) -> Vec<String> {
        let text = self.authentication.map(OsStr::to_string_lossy).unwrap_or_default();
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
    fn the_arguments_are_config_and_debug() {
        let none = parse(&[]);
        assert!(none.config.is_none() && !none.debug && none.unknown.is_none());
        let all = parse(&["debug", "config=/etc/other.toml"]);
        assert_eq!(all.config.as_deref(), Some(Path::new("/etc/other.toml")));
        assert!(all.debug && all.unknown.is_none());
    }

    #[test]
    fn anything_else_is_remembered_escaped() {
        assert_eq!(parse(&["debug", "confg=/x", "y"]).unknown.as_deref(), Some("\"confg=/x\""));
        assert_eq!(parse(&["Debug"]).unknown.as_deref(), Some("Debug"));
        assert_eq!(parse(&["\n"]).unknown.as_deref(), Some("\"\\x0a\""));
    }
}
