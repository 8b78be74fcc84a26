//! Lists the keys of a file for people: type, size, fingerprint, comment, end. To be called in a process that has
//! become the user.

use super::file::{self, KeyFile, MAX_BYTES};
use super::line::{IS_CERTIFICATE, Key, Line, string};
use crate::host::zone::zone;
use base64ct::{Base64, Encoding};
use jiff::tz::TimeZone;
use nix::errno::Errno;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Fingerprint;
use serde::{Deserialize, Serialize};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What is in a file of keys.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Listed {
    /// When it was changed last, in seconds since the epoch. `None`: it is missing.
    pub(crate) changed: Option<i64>,
    pub(crate) keys: Vec<ListedKey>,
    /// Lines that sshd uses for nobody: the number, and why.
    pub(crate) unused: Vec<(usize, String)>,
    /// Why it was not read, or not to its end: a clause.
    pub(crate) unread: Option<String>,
}

/// A key in a file.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ListedKey {
    pub(crate) line: usize,
    pub(crate) key_type: String,
    pub(crate) bits: Option<usize>,
    /// As `ssh-keygen -l` prints it. `None`: a certificate of a type that is unknown here.
    pub(crate) fingerprint: Option<String>,
    pub(crate) comment: String,
    /// Whether it is no key of the user's, but that of an authority which signs them.
    pub(crate) is_authority: bool,
    /// When sshd takes it no more, in seconds since the epoch.
    pub(crate) expires: Option<i64>,
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path) -> Listed {
    let instead = |why: String| Listed { unread: Some(why), ..Listed::default() };
    let errno = |number: i32| Errno::from_raw(number).desc().to_owned();
    let file = match file::opened(path) {
        Ok(file) => file,
        Err(KeyFile::Missing) => return Listed::default(),
        Err(KeyFile::Closed(at)) => return instead(format!("the user cannot open {}", escaped(&at))),
        Err(KeyFile::Unopened(number)) => return instead(errno(number)),
        Err(_) => return instead("it is no regular file".to_owned()),
    };
    let changed = file.metadata().ok().map(|found| found.mtime());
    let mut bytes = Vec::new();
    let unread = match file.take(MAX_BYTES + 1).read_to_end(&mut bytes) {
        Err(error) => Some(errno(error.raw_os_error().unwrap_or_default())),
        Ok(_) if bytes.len() as u64 > MAX_BYTES => Some("it is longer than 1 MiB".to_owned()),
        Ok(_) => None,
    };
    let mut listed = Listed { changed, unread, ..Listed::default() };
    let zone = zone();
    for (number, line) in (1..).zip(String::from_utf8_lossy(&bytes).split('\n')) {
        match Line::parse(line) {
            Line::Nothing => {}
            Line::Key(key) => listed.keys.push(ListedKey::of(&key, number, &zone)),
            Line::Unusable(fault) => listed.unused.push((number, fault.what)),
            Line::Certificate => listed.unused.push((number, IS_CERTIFICATE.to_owned())),
            Line::NoKey(_) => listed.unused.push((number, "it is not a whole public key".to_owned())),
        }
    }
    listed
}

impl ListedKey {
    fn of(key: &Key<'_>, line: usize, zone: &TimeZone) -> Self {
        let Key { options, key_type, encoded, comment } = key;
        let ends = options.ends.iter().filter_map(|end| end.moment(zone));
        Self {
            line,
            key_type: (*key_type).to_owned(),
            bits: Base64::decode_vec(encoded).ok().and_then(|blob| bits(key_type, &blob)),
            fingerprint: Fingerprint::of_key(key_type, encoded).map(|key| key.to_string()),
            comment: (*comment).to_owned(),
            is_authority: options.is_authority,
            expires: ends.map(|end| end.timestamp().as_second()).min(),
        }
    }
}

/// The size of a key, as `ssh-keygen -l` prints it.
fn bits(key_type: &str, blob: &[u8]) -> Option<usize> {
    let field = |at: usize| {
        let mut rest = blob;
        for _ in 0..at {
            (_, rest) = string(rest)?;
        }
        Some(string(rest)?.0)
    };
    match key_type {
        "ssh-rsa" => length(field(2)?),
        "ssh-dss" => length(field(1)?),
        _ if key_type.contains("ed25519") => Some(256),
        _ => ["nistp256", "nistp384", "nistp521"]
            .iter()
            .find(|curve| key_type.contains(**curve))
            .and_then(|curve| curve.strip_prefix("nistp")?.parse().ok()),
    }
}

/// How many bits a number has: an mpint of RFC 4251.
fn length(number: &[u8]) -> Option<usize> {
    let first = number.iter().position(|byte| *byte != 0)?;
    let zeros = number.get(first)?.leading_zeros() as usize;
    Some((number.len() - first) * 8 - zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What ssh-keygen has made and prints.
    #[test]
    fn a_key_is_listed_as_ssh_keygen_lists_it() {
        let text = "AAAAC3NzaC1lZDI1NTE5AAAAIPtTq6o8XKVOPzGvYhZ1Z0o4pTq0m1Qy4m4n0oJf8ZcT";
        let line = format!("restrict,expiry-time=\"202612101800Z\" ssh-ed25519 {text}  felix at home \r");
        let Line::Key(key) = Line::parse(&line) else { panic!("{line}") };
        let listed = ListedKey::of(&key, 3, &TimeZone::UTC);
        assert_eq!(
            (listed.bits, listed.comment.as_str(), listed.expires),
            (Some(256), "felix at home", Some(1_796_925_600))
        );
        assert!(listed.fingerprint.is_some_and(|digest| digest.starts_with("SHA256:")));
        let rsa = [&[0, 0, 0, 7][..], b"ssh-rsa", &[0, 0, 0, 3, 1, 0, 1], &[0, 0, 1, 1, 0, 0x80], &[0; 255]]
            .concat();
        assert_eq!(bits("ssh-rsa", &rsa), Some(2048));
        // Neither a zero before it, nor a whole number of bytes.
        let odd =
            [&[0, 0, 0, 7][..], b"ssh-rsa", &[0, 0, 0, 3, 1, 0, 1], &[0, 0, 1, 0, 0x40], &[1; 255]].concat();
        assert_eq!(bits("ssh-rsa", &odd), Some(2047));
        assert_eq!(bits("ecdsa-sha2-nistp521", b""), Some(521));
        assert_eq!(bits("sk-ssh-ed25519@openssh.com", b""), Some(256));
        assert_eq!((bits("ssh-rsa", b""), bits("x", b"")), (None, None));
    }
}
