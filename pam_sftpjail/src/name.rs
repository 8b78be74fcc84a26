//! Decides which names from NSS may be used as the name of a file. It reads nothing.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fmt::{self, Display};
use std::path::Path;

use crate::escape::escaped;

/// The longest name of a directory entry on Linux, in bytes (limits.h: NAME_MAX).
const NAME_MAX: usize = 255;

/// A user's name that is one directory entry. It may name a jail and records.
///
/// Every path with a user's name in it is made from this type, so a name such as `..` never names a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

impl UserName {
    /// Checks a name from NSS, or a directory entry. The error is the rest of a sentence about the name,
    /// such as "contains a slash".
    pub fn parse<S: AsRef<OsStr> + ?Sized>(name: &S) -> Result<Self, &'static str> {
        let name = name.as_ref().to_str().ok_or(NOT_UTF8)?;
        match problem(name) {
            None => Ok(Self(name.to_owned())),
            Some(why) => Err(why),
        }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const NOT_UTF8: &str = "is not UTF-8";

/// Why a user's or group's name cannot be one directory entry: the rest of a sentence about it. `None`: it
/// can.
pub fn problem(name: &str) -> Option<&'static str> {
    match name {
        "" => Some("is empty"),
        "." | ".." => Some("is an entry of every directory"),
        _ if name.starts_with('-') => Some("begins with a hyphen"),
        _ if name.contains('/') => Some("contains a slash"),
        _ if name.chars().any(char::is_control) => Some("contains a control character"),
        // NSS's names have this in the place of bytes that are not UTF-8; sshd's %u would differ.
        _ if name.contains(char::REPLACEMENT_CHARACTER) => Some(NOT_UTF8),
        _ if name.len() > NAME_MAX => Some("is longer than 255 bytes"),
        _ => None,
    }
}

impl AsRef<OsStr> for UserName {
    fn as_ref(&self) -> &OsStr {
        self.0.as_ref()
    }
}

impl AsRef<Path> for UserName {
    fn as_ref(&self) -> &Path {
        self.0.as_ref()
    }
}

/// Escaped for people.
impl Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt;

    #[test]
    fn names_that_are_paths_or_options_are_refused() {
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a/b", "/", "../etc", "-x", "a\nb", "a\x7fb", "a\u{fffd}", &long] {
            assert!(UserName::parse(name).is_err(), "{name:?}");
        }
        assert_eq!(UserName::parse(OsStr::from_bytes(b"caf\xe9")), Err(NOT_UTF8));
    }

    #[test]
    fn odd_names_that_are_one_directory_entry_are_accepted() {
        let long = "x".repeat(255);
        for name in ["a.b", ".x", "...", "joe@example.org", "DOM\\joe", "web$", "j\u{f6}rg", "a b", &long] {
            assert_eq!(UserName::parse(name).map(|name| name.as_str().to_owned()).as_deref(), Ok(name));
        }
    }
}
