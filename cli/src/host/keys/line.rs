//! A line of authorized_keys → its options and its key, or why sshd does not use it. Mirrors auth_check_authkey_line of
//! OpenSSH's auth2-pubkeyfile.c. It reads nothing.

use super::options::{Fault, Options};
use base64ct::{Base64, Encoding};

/// What the types of certificates have in their names: sshkey.c of OpenSSH.
pub(crate) const CERTIFICATE: &str = "-cert-v0";

/// What is so with a certificate, and what to do.
pub(crate) const IS_CERTIFICATE: &str = "it is a certificate, which sshd looks for in no file of keys";
pub(crate) const AUTHORITY_INSTEAD: &str =
    "write the public key of the authority that signed it, after cert-authority";

/// The longest name of a type: RFC 4251. Findings name it.
const MAX_TYPE: usize = 64;

/// The types whose keys are strings only, each with its length before it.
const OF_STRINGS: [&str; 5] = ["ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-", "sk-"];

const BLANKS: [char; 2] = [' ', '\t'];

/// What a line holds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'l> {
    /// Nothing, or a comment.
    Nothing,
    Key(Key<'l>),
    /// What sshd compares with no key that it is offered, and with no authority either (auth_check_authkey_line,
    /// sshkey_equal).
    Certificate,
    /// A key with options that sshd does not understand, so that it never takes the key.
    Unusable(Fault),
    /// Something else: the text without the blanks around it.
    NoKey(&'l str),
}

/// A key, and what its options say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Key<'l> {
    pub(crate) options: Options,
    pub(crate) key_type: &'l str,
    /// In base64, as sshd's `%k` has it.
    pub(crate) encoded: &'l str,
    /// What follows the key.
    pub(crate) comment: &'l str,
}

impl<'l> Line<'l> {
    pub(crate) fn parse(line: &'l str) -> Self {
        let line = line.trim_start_matches(BLANKS).trim_end_matches(['\n', '\r']);
        if line.is_empty() || line.starts_with('#') {
            return Self::Nothing;
        }
        if let Some((key_type, encoded, comment)) = key(line) {
            return Self::of(Key { options: Options::default(), key_type, encoded, comment });
        }
        let with_options = || {
            let (options, rest) = line.split_at_checked(options_end(line)?)?;
            Some((options, key(rest.trim_start_matches(BLANKS))?))
        };
        match with_options() {
            None => Self::NoKey(line),
            Some((options, (key_type, encoded, comment))) => match Options::parse(options) {
                Ok(options) => Self::of(Key { options, key_type, encoded, comment }),
                Err(fault) => Self::Unusable(fault),
            },
        }
    }

    fn of(key: Key<'l>) -> Self {
        if key.key_type.contains(CERTIFICATE) { Self::Certificate } else { Self::Key(key) }
    }
}

/// Where the options before a key end; `None`: nothing follows them. Mirrors sshkey_advance_past_options of OpenSSH's
/// authfile.c.
fn options_end(line: &str) -> Option<usize> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    for (i, c) in line.char_indices() {
        match c {
            '"' if is_escaped => {}
            '"' => is_quoted = !is_quoted,
            ' ' | '\t' if !is_quoted => return Some(i),
            _ => {}
        }
        is_escaped = c == '\\';
    }
    None
}

/// The key that `text` begins with: the type, the key in base64, which names its type again, and what follows. Mirrors
/// sshkey_read of OpenSSH's sshkey.c.
fn key(text: &str) -> Option<(&str, &str, &str)> {
    let (key_type, rest) = text.split_once(BLANKS)?;
    let rest = rest.trim_start_matches(BLANKS);
    let (encoded, comment) = rest.split_once(BLANKS).unwrap_or((rest, ""));
    let encoded = encoded.trim_end();
    let blob = Base64::decode_vec(encoded).ok()?;
    let (named, mut rest) = string(&blob)?;
    if named != key_type.as_bytes() || key_type.len() > MAX_TYPE || rest.is_empty() {
        return None;
    }
    let is_of_strings =
        OF_STRINGS.iter().any(|known| key_type.starts_with(known)) && !key_type.contains(CERTIFICATE);
    while is_of_strings && !rest.is_empty() {
        (_, rest) = string(rest)?;
    }
    Some((key_type, encoded, comment.trim()))
}

/// A string with its length before it, and what follows: RFC 4251.
pub(super) fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)
}
