//! Reads a file of keys as sshd does: whether it can be opened, and whether a line of it is a key. Mirrors
//! auth_openfile of OpenSSH's auth2-pubkeyfile.c. To be called in a process that has become the user.

use super::Accepted;
use super::line::{Key, Line};
use super::options::Fault;
use crate::host::zone::{minute, zone};
use jiff::Timestamp;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Not more than this is read of a file: users choose what is in it.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// What sshd finds at the path of a file of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum KeyFile {
    Missing,
    /// Modes or access control lists keep the user out of this directory, or from reading the file itself.
    Closed(PathBuf),
    /// It cannot be opened: the errno.
    Unopened(i32),
    /// It is a directory, a FIFO or a device.
    Irregular,
    /// Nothing is in it but blanks and comments.
    Empty,
    /// It has a key that sshd accepts.
    Keys,
    /// It has lines, and none of them is a key that sshd accepts.
    NoKey(NoKey),
    /// There is no key in its beginning, and it is too long to read it all.
    Long,
}

/// What a file has instead of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum NoKey {
    /// A private key.
    Private,
    /// A public key in the format of RFC 4716, which other programs export.
    Exported,
    /// Keys of a type that sshd does not accept: the first.
    Type(String),
    /// A certificate: the number of its line.
    Certificate(usize),
    /// A key with an option that sshd does not understand: the number of its line.
    Options(usize, Fault),
    /// Keys that have ended: the number of the first one's line, and when that was.
    Ended(usize, String),
    /// Something else: the number of the first line that is no comment.
    Line(usize),
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path, accepted: &Accepted) -> KeyFile {
    match opened(path) {
        Ok(file) => found_in(BufReader::new(file), accepted),
        Err(instead) => instead,
    }
}

/// Opens the file at `path`, or gives what is there instead.
pub(super) fn opened(path: &Path) -> Result<File, KeyFile> {
    // As sshd does, so that a FIFO keeps nobody waiting.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return Err(KeyFile::Missing),
        Err(rustix::io::Errno::ACCESS) => return Err(KeyFile::Closed(closed(path))),
        Err(errno) => return Err(KeyFile::Unopened(errno.raw_os_error())),
    };
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(file),
        Ok(_) => Err(KeyFile::Irregular),
        Err(error) => Err(KeyFile::Unopened(error.raw_os_error().unwrap_or_default())),
    }
}

/// The first directory on the way that this process may not enter, or the file.
fn closed(path: &Path) -> PathBuf {
    let mut above: Vec<_> = path.ancestors().skip(1).collect();
    above.reverse();
    let is_closed = |at: &&Path| access(*at, AccessFlags::X_OK) == Err(Errno::EACCES);
    above.into_iter().find(is_closed).unwrap_or(path).to_owned()
}

/// The same of what was read of it.
pub(crate) fn found_in(file: impl BufRead, accepted: &Accepted) -> KeyFile {
    let mut instead = None;
    let mut file = file.take(MAX_BYTES);
    let mut bytes = Vec::new();
    for number in 1.. {
        bytes.clear();
        match file.read_until(b'\n', &mut bytes) {
            Ok(0) => break,
            Ok(_) => {}
            Err(error) => return KeyFile::Unopened(error.raw_os_error().unwrap_or_default()),
        }
        let text = String::from_utf8_lossy(&bytes);
        let why = match Line::parse(&text) {
            Line::Nothing => continue,
            Line::Key(key) => match why_not(&key, number, accepted) {
                None => return KeyFile::Keys,
                Some(why) => why,
            },
            Line::Unusable(fault) => NoKey::Options(number, fault),
            Line::Certificate => NoKey::Certificate(number),
            Line::NoKey(line) => other(line, number),
        };
        instead.get_or_insert(why);
    }
    match instead {
        _ if file.limit() == 0 => KeyFile::Long,
        Some(instead) => KeyFile::NoKey(instead),
        None => KeyFile::Empty,
    }
}

/// Why sshd takes this key from nobody; `None`: it takes it.
fn why_not(key: &Key<'_>, number: usize, accepted: &Accepted) -> Option<NoKey> {
    if !key.options.is_authority && !accepted.has(key.key_type) {
        return Some(NoKey::Type(key.key_type.to_owned()));
    }
    if key.options.ends.is_empty() {
        return None;
    }
    if !accepted.reads_utc && key.options.ends.iter().any(|end| end.is_utc) {
        return Some(NoKey::Options(number, Fault::utc()));
    }
    let zone = zone();
    let end = key.options.ends.iter().filter_map(|end| end.moment(&zone)).min()?;
    (end.timestamp() <= Timestamp::now()).then(|| NoKey::Ended(number, minute(end.timestamp())))
}

/// What a line is that is no key.
fn other(line: &str, number: usize) -> NoKey {
    let begins_with = |word: &str| line.starts_with(word);
    match line {
        _ if begins_with("---- BEGIN SSH2 PUBLIC KEY") => NoKey::Exported,
        _ if begins_with("-----BEGIN ") && line.contains("PRIVATE KEY") => NoKey::Private,
        // PuTTY's own format has both.
        _ if begins_with("PuTTY-User-Key-File") => NoKey::Private,
        _ => NoKey::Line(number),
    }
}

#[cfg(test)]
mod tests;
