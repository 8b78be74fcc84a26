//! The key that a grant names: typed as a fingerprint or a public key, or read from the file of one.

use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Fingerprint;
use rustix::fs::{Mode, OFlags, open};
use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// More than any public key has.
const MAX_BYTES: u64 = 1 << 20;

/// What to give instead of a file that has no key.
const PUBLIC: &str = "give the file of the public key, such as felix.pub";

/// A key, and whether it can be let in.
pub(super) struct GivenKey {
    /// As a grant has it. A text that is none is left to the parser of grants.
    pub(super) fingerprint: String,
    /// `TYPE KEY COMMENT`; `None`: only the fingerprint is known.
    pub(super) public: Option<String>,
}

impl GivenKey {
    pub(super) fn read(text: &str) -> Result<Self, Error> {
        let text = text.trim();
        if text.starts_with("SHA256:") {
            return Ok(Self { fingerprint: text.to_owned(), public: None });
        }
        if let Some(key) = Self::of_line(text) {
            return key.plain();
        }
        let path = Path::new(text);
        let content = read(path).map_err(|error| {
            let what = format!("--key {} is neither a key nor a fingerprint, and no file", escaped(text));
            match error.kind() {
                ErrorKind::NotFound => Error::new(what, PUBLIC),
                ErrorKind::Other => Error::new(format!("{} {error}", escaped(path)), PUBLIC),
                _ => Error::with(path, "be read", &error),
            }
        })?;
        let mut keys = content.lines().filter_map(Self::of_line);
        match (keys.next(), keys.next()) {
            (Some(key), None) => key.plain(),
            (Some(_), Some(_)) => {
                let what = format!("{} has several keys", escaped(path));
                Err(Error::new(what, "give the key that is meant, or its fingerprint"))
            }
            (None, _) => {
                let what = format!("there is no public key in {}", escaped(path));
                Err(Error::new(what, "give the file whose name ends in .pub, as ssh-keygen has made it"))
            }
        }
    }

    /// Of `TYPE KEY COMMENT`, as ssh-keygen writes it.
    fn of_line(line: &str) -> Option<Self> {
        let mut words = line.split_whitespace();
        let (kind, key) = (words.next()?, words.next()?);
        let fingerprint = Fingerprint::of_key(kind, key)?.to_string();
        // Of the comment, what a file of keys shows as it is.
        let comment = words.filter(|word| word.bytes().all(|byte| byte.is_ascii_graphic()));
        let public = [kind, key].into_iter().chain(comment).collect::<Vec<_>>().join(" ");
        Some(Self { fingerprint, public: Some(public) })
    }

    /// sshd takes no certificate for a key.
    fn plain(self) -> Result<Self, Error> {
        let is_certificate = |key: &String| key.split(' ').next().is_some_and(|kind| kind.contains("-cert-"));
        match self.public.as_ref().is_some_and(is_certificate) {
            true => Err(Error::new("--key is a certificate", "give the key that it certifies")),
            false => Ok(self),
        }
    }
}

/// Reads a regular file. Another, such as a FIFO, would keep root waiting.
fn read(path: &Path) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = File::from(open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("is not a regular file"));
    }
    let mut text = String::new();
    file.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(text)
}
