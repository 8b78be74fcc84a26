//! Reads a file of keys as sshd does: whether it can be opened, and whether a line of it is a key. Mirrors
//! auth_openfile and auth_check_authkey_line of OpenSSH's auth2-pubkeyfile.c. To be called in a process that has become
//! the user.

use super::Accepted;
use base64ct::{Base64, Encoding};
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};
use rustix::fs::{Mode, OFlags, open};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

/// Not more than this is read of a file: users choose what is in it.
const MAX_BYTES: u64 = 1 << 20;

/// The longest name of a type: RFC 4251. Findings name it.
const MAX_TYPE: usize = 64;

/// The types whose keys are strings only, each with its length before it.
const OF_STRINGS: [&str; 5] = ["ssh-rsa", "ssh-dss", "ssh-ed25519", "ecdsa-sha2-", "sk-"];

const BLANKS: [char; 2] = [' ', '\t'];

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
    /// Something else: the number of the first line that is no comment.
    Line(usize),
}

/// Reads the file at `path`.
pub(crate) fn read(path: &Path, accepted: &Accepted) -> KeyFile {
    // As sshd does, so that a FIFO keeps nobody waiting.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let file = match open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => return KeyFile::Missing,
        Err(rustix::io::Errno::ACCESS) => return KeyFile::Closed(closed(path)),
        Err(errno) => return KeyFile::Unopened(errno.raw_os_error()),
    };
    match file.metadata() {
        Ok(found) if found.is_file() => found_in(BufReader::new(file), accepted),
        Ok(_) => KeyFile::Irregular,
        Err(error) => KeyFile::Unopened(error.raw_os_error().unwrap_or_default()),
    }
}

/// The first directory on the way that this process may not enter, or the file.
fn closed(path: &Path) -> PathBuf {
    let mut above: Vec<_> = path.ancestors().skip(1).collect();
    above.reverse();
    let is_closed = |at: &&Path| access(*at, AccessFlags::X_OK) == Err(Errno::EACCES);
    above.into_iter().find(is_closed).unwrap_or(path).to_owned()
}

fn found_in(file: impl BufRead, accepted: &Accepted) -> KeyFile {
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
        let line = text.trim_start_matches(BLANKS).trim_end_matches(['\n', '\r']);
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match key_type(line) {
            Some((_, true)) => return KeyFile::Keys,
            Some((key_type, false)) if accepted.has(key_type) => return KeyFile::Keys,
            Some((key_type, false)) => {
                instead.get_or_insert_with(|| NoKey::Type(key_type.to_owned()));
            }
            None => {
                instead.get_or_insert_with(|| other(line, number));
            }
        }
    }
    match instead {
        _ if file.limit() == 0 => KeyFile::Long,
        Some(instead) => KeyFile::NoKey(instead),
        None => KeyFile::Empty,
    }
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

/// The type of the key in a line, and whether it is the key of an authority that signs the user's keys. `None`: it is
/// no key.
fn key_type(line: &str) -> Option<(&str, bool)> {
    if let Some(found) = key(line) {
        return Some((found, false));
    }
    let (options, rest) = line.split_at_checked(options_end(line)?)?;
    let signs = options.split(',').any(|option| option.eq_ignore_ascii_case("cert-authority"));
    Some((key(rest.trim_start_matches(BLANKS))?, signs))
}

/// Where the options before a key end; `None`: a quote is never closed. Mirrors sshkey_advance_past_options of
/// OpenSSH's authfile.c.
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
    (!is_quoted).then_some(line.len())
}

/// The type of the key that `text` begins with: the type, and the key in base64, which names its type again. Mirrors
/// sshkey_read of OpenSSH's sshkey.c.
fn key(text: &str) -> Option<&str> {
    let (key_type, rest) = text.split_once(BLANKS)?;
    let encoded = rest.trim_start_matches(BLANKS).split(BLANKS).next()?.trim_end();
    let blob = Base64::decode_vec(encoded).ok()?;
    let (named, mut rest) = string(&blob)?;
    if named != key_type.as_bytes() || key_type.len() > MAX_TYPE || rest.is_empty() {
        return None;
    }
    let is_of_strings =
        OF_STRINGS.iter().any(|known| key_type.starts_with(known)) && !key_type.contains("-cert-");
    while is_of_strings && !rest.is_empty() {
        (_, rest) = string(rest)?;
    }
    Some(key_type)
}

/// A string with its length before it, and what follows: RFC 4251.
fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(u32::from_be_bytes(*length).try_into().ok()?)
}

#[cfg(test)]
mod tests;
