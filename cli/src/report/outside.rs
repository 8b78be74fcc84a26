//! Text from outside, such as names and paths: the one writer of it, for every form of output.
//!
//! Users choose names, so a terminal, a spreadsheet or a line of output must obey nothing in them. Who prints a name
//! of a log, of a record or of a file system makes an [`Outside`] of it first.

use pam_sftpjail::escape::{escaped, unescaped};
use std::borrow::Cow;
use std::ffi::OsStr;
use std::fmt::{self, Display, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Any bytes. `Display` is for people: one word of one line.
pub(crate) struct Outside<'a>(Cow<'a, [u8]>);

impl<'a> Outside<'a> {
    pub(crate) fn new<S: AsRef<OsStr> + ?Sized>(text: &'a S) -> Self {
        Self(text.as_ref().as_bytes().into())
    }

    pub(crate) fn of_bytes(bytes: &'a [u8]) -> Self {
        Self(bytes.into())
    }

    /// A text that the library has escaped, in a record or in a log entry. One that has lost its middle stays as it
    /// is.
    pub(crate) fn of_escaped(text: &'a str) -> Self {
        Self(unescaped(text).map_or(text.as_bytes().into(), |text| text.into_vec().into()))
    }

    /// For people: an address or the name of a host, which needs no quotes for its colons.
    pub(crate) fn address(&self) -> String {
        let plain =
            |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b':' | b'-' | b'_' | b'%');
        match !self.0.is_empty() && self.0.iter().all(plain) {
            true => self.plain().into_owned(),
            false => self.to_string(),
        }
    }

    /// For JSON: the plain value. It is exact if it is UTF-8; if not, [`Outside::bytes`] is.
    pub(crate) fn plain(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.0)
    }

    /// For JSON, under a key that ends with `_bytes`: all bytes in hexadecimal, if they are not UTF-8.
    pub(crate) fn bytes(&self) -> Option<String> {
        if std::str::from_utf8(&self.0).is_ok() {
            return None;
        }
        Some(self.0.iter().fold(String::new(), |mut hexadecimal, byte| {
            let _ = write!(hexadecimal, "{byte:02x}");
            hexadecimal
        }))
    }
}

impl Display for Outside<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(OsStr::from_bytes(&self.0)).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_has_the_plain_value_and_the_other_forms_have_an_escaped_one() {
        let odd = Outside::new("/home/carl m\u{fc}ller");
        assert_eq!((odd.plain().as_ref(), odd.bytes()), ("/home/carl m\u{fc}ller", None));
        assert_eq!(odd.to_string(), "\"/home/carl m\u{fc}ller\"");
        // As a record has it.
        let recorded = odd.to_string();
        assert_eq!(Outside::of_escaped(&recorded).plain(), "/home/carl m\u{fc}ller");
        assert_eq!(Outside::of_escaped(&recorded).to_string(), recorded);
        let cut = escaped(&"x".repeat(1000)).to_string();
        assert_eq!(Outside::of_escaped(&cut).plain(), cut);
        for (address, shown) in
            [("::1", "::1"), ("fe80::1%eth0", "fe80::1%eth0"), ("a b", "\"a b\""), ("", "\"\"")]
        {
            assert_eq!(Outside::new(address).address(), shown);
        }
        let broken = Outside::of_bytes(b"a\xff");
        assert_eq!((broken.plain().as_ref(), broken.bytes().as_deref()), ("a\u{fffd}", Some("61ff")));
    }
}
