//! Parses one message of internal-sftp. It mirrors every `logit` and `verbose` about a file in OpenSSH's
//! sftp-server.c, and undoes what log.c does to the text: it escapes and cuts.

use super::operation::{Operation, Verb};

/// log.c gives syslog(3) `"%.500s"`. A message of that length may have lost its end.
const CUT: usize = 500;

/// A message of internal-sftp.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// `session opened for local user USER from [ADDRESS]`
    Opened {
        user: String,
        address: String,
    },
    Closed {
        user: String,
        address: String,
    },
    Operation(Operation),
    /// The answer to a request. Success is logged at the level DEBUG only.
    Status(&'static str),
    /// A message of the level VERBOSE that is not about a file.
    Verbose,
    /// A message that does not matter here.
    Other,
    /// Begins like an operation, but is not one.
    Unreadable,
}

/// What may follow a name.
const TAILS: [&[u8]; 6] = [b" flags ", b" bytes read ", b" mode ", b" size ", b" modtime ", b" owner "];

/// sftp-server.c, status_to_message.
const STATUS: [&str; 10] = [
    "Success",
    "End of file",
    "No such file",
    "Permission denied",
    "Failure",
    "Bad message",
    "No connection",
    "Connection lost",
    "Operation unsupported",
    "Unknown error",
];

/// rsyslog does not count further than this in practice, and a damaged line must not cost hours.
pub(crate) const MAX_REPEATED: u32 = 10_000;

/// Parses a message. Also gives how often the log says that it was repeated.
pub(crate) fn parse(message: &[u8]) -> (Message, u32) {
    let (times, message) = repeated(message).unwrap_or((1, message));
    (unrepeated(message), times)
}

/// How often a message was repeated, and the message, if it is a note of that. rsyslog writes it where
/// $RepeatedMsgReduction is on, as on Ubuntu.
pub(crate) fn repeated(message: &[u8]) -> Option<(u32, &[u8])> {
    let rest = message.strip_prefix(b"message repeated ")?;
    let end = memchr::memmem::find(rest, b" times: [")?;
    let times = std::str::from_utf8(rest.get(..end)?).ok()?;
    let repeated = rest.get(end + 9..)?.strip_suffix(b"]")?;
    Some((times.parse().unwrap_or(u32::MAX), repeated.strip_prefix(b" ").unwrap_or(repeated)))
}

/// Parses a message without a note that it was repeated. One that is as long as log.c allows may have been cut.
fn unrepeated(message: &[u8]) -> Message {
    parse_one(message, message.len() >= CUT)
}

fn parse_one(message: &[u8], is_cut: bool) -> Message {
    let (word, rest) = word(message);
    if word == b"forced" {
        return match parse_one(rest, is_cut) {
            Message::Operation(operation) => {
                Message::Operation(Operation { detail: "forced".into(), ..operation })
            }
            other => other,
        };
    }
    let parsed = match word {
        b"session" => return session(rest).unwrap_or(Message::Other),
        b"sent" => {
            let status = rest.strip_prefix(b"status ");
            let known = STATUS.iter().find(|known| status == Some(known.as_bytes()));
            return known.map_or(Message::Other, |status| Message::Status(status));
        }
        // Some of these have a name, which does not matter: the client's or the home's.
        b"received" | b"Refusing" | b"users-groups-by-id:" | b"home-directory" => return Message::Verbose,
        b"error:" => return failure(rest).map_or(Message::Other, Message::Operation),
        b"open" => path(Verb::Open, rest, is_cut, |tail| Some((flags(tail)?, None))),
        b"close" => path(Verb::Close, rest, is_cut, |tail| Some((String::new(), Some(bytes(tail)?)))),
        b"opendir" => bare(Verb::Opendir, rest, is_cut),
        b"closedir" => bare(Verb::Closedir, rest, is_cut),
        b"remove" => named(rest).and_then(|rest| bare(Verb::Remove, rest, is_cut)),
        b"rmdir" => named(rest).and_then(|rest| bare(Verb::Rmdir, rest, is_cut)),
        b"mkdir" => {
            named(rest).and_then(|rest| path(Verb::Mkdir, rest, is_cut, |tail| Some((text(tail)?, None))))
        }
        b"set" => path(Verb::Set, rest, is_cut, |tail| Some((text(tail)?, None))),
        b"rename" | b"posix-rename" => pair(Verb::Rename, rest, is_cut),
        b"hardlink" => pair(Verb::Link, rest, is_cut),
        b"symlink" => pair(Verb::Symlink, rest, is_cut).map(|link| match link.target {
            // `old` is what the link points to, `new` is the link.
            Some(path) => Operation { path, target: Some(link.path), ..link },
            None => link,
        }),
        b"statvfs" => bare(Verb::Statvfs, rest, is_cut),
        b"stat" => named(rest).and_then(|rest| bare(Verb::Stat, rest, is_cut)),
        b"lstat" => named(rest).and_then(|rest| bare(Verb::Lstat, rest, is_cut)),
        b"realpath" | b"expand" => bare(Verb::Realpath, rest, is_cut),
        b"readlink" => bare(Verb::Readlink, rest, is_cut),
        b"fsync" => bare(Verb::Fsync, rest, is_cut),
        _ => return Message::Other,
    };
    parsed.map_or(Message::Unreadable, Message::Operation)
}

/// The first word, and what follows its blank.
fn word(text: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b' ', text).unwrap_or(text.len());
    (text.get(..end).unwrap_or_default(), text.get(end + 1..).unwrap_or_default())
}

fn named(rest: &[u8]) -> Option<&[u8]> {
    rest.strip_prefix(b"name ")
}

fn session(rest: &[u8]) -> Option<Message> {
    let (what, rest) = word(rest);
    let rest = rest.strip_prefix(b"for local user ")?.strip_suffix(b"]")?;
    // The last one: a user's name may hold the same text.
    let at = memchr::memmem::rfind(rest, b" from [")?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(&unescaped(bytes)).into_owned();
    let (user, address) = (text(rest.get(..at)?), text(rest.get(at + 7..)?));
    match what {
        b"opened" => Some(Message::Opened { user, address }),
        b"closed" => Some(Message::Closed { user, address }),
        _ => None,
    }
}

/// Parses `process_write: write "NAME": REASON` and the like, which have no more than 100 bytes of the name.
fn failure(rest: &[u8]) -> Option<Operation> {
    const BEGINNINGS: [(&[u8], Verb); 4] = [
        (b"process_write: write \"", Verb::Write),
        (b"process_write: seek \"", Verb::Write),
        (b"process_read: read \"", Verb::Read),
        (b"process_read: seek \"", Verb::Read),
    ];
    let (verb, rest) =
        BEGINNINGS.iter().find_map(|(begin, verb)| Some((*verb, rest.strip_prefix(*begin)?)))?;
    let end = memchr::memmem::rfind(rest, b"\": ")?;
    let path = unescaped(rest.get(..end)?);
    let failure = Some(text(rest.get(end + 2..)?)?);
    Some(Operation { verb, cut: path.len() >= 100, path, failure, ..Operation::default() })
}

/// Parses `"NAME"` and nothing after it.
fn bare(verb: Verb, rest: &[u8], is_cut: bool) -> Option<Operation> {
    path(verb, rest, is_cut, |tail| tail.is_empty().then_some((String::new(), None)))
}

/// Parses `"NAME" TAIL`. No tail holds a quote, so the last quote ends the name.
fn path(
    verb: Verb,
    rest: &[u8],
    is_cut: bool,
    tail: impl FnOnce(&[u8]) -> Option<(String, Option<(u64, u64)>)>,
) -> Option<Operation> {
    let rest = rest.strip_prefix(b"\"")?;
    let end = memchr::memrchr(b'"', rest);
    // Even where it looks whole: a name can be chosen so that its cut line looks whole.
    if is_cut {
        let is_tail = |end: &usize| {
            let tail = rest.get(end + 1..).unwrap_or_default();
            TAILS.iter().any(|known| tail.starts_with(known) || known.starts_with(tail))
        };
        let name = rest.get(..end.filter(is_tail).unwrap_or(rest.len()))?;
        return Some(Operation { verb, path: unescaped(name), cut: true, ..Operation::default() });
    }
    let end = end?;
    let (detail, bytes) = tail(rest.get(end + 1..)?)?;
    Some(Operation { verb, path: unescaped(rest.get(..end)?), detail, bytes, ..Operation::default() })
}

/// Parses `old "NAME" new "NAME"`. Quotes in names are not escaped, so names may hold the text between the two, even
/// such that it overlaps (a file called `x" new `). Only where that text occurs once, and nothing is cut off that may
/// hold it again, is it certain where the first name ends.
fn pair(verb: Verb, rest: &[u8], is_cut: bool) -> Option<Operation> {
    const BETWEEN: &[u8] = b"\" new \"";
    let rest = rest.strip_prefix(b"old \"")?;
    let rest = if is_cut { rest } else { rest.strip_suffix(b"\"")? };
    match (memchr::memmem::find(rest, BETWEEN), memchr::memmem::rfind(rest, BETWEEN)) {
        (Some(at), Some(last)) if at == last && !is_cut => {
            let (path, target) = (unescaped(rest.get(..at)?), unescaped(rest.get(at + BETWEEN.len()..)?));
            Some(Operation { verb, path, target: Some(target), ..Operation::default() })
        }
        (None, _) if !is_cut => None,
        (found, _) => {
            let ambiguous = found.is_some();
            Some(Operation { verb, path: unescaped(rest), cut: is_cut, ambiguous, ..Operation::default() })
        }
    }
}

/// Parses ` flags READ,WRITE mode 0666`, without the mode: the client asks for it, and the file rarely gets it.
fn flags(tail: &[u8]) -> Option<String> {
    let tail = tail.strip_prefix(b" flags ")?;
    let end = memchr::memmem::find(tail, b" mode ")?;
    text(&[b" ", tail.get(..end)?].concat())
}

/// Parses ` bytes read 8 written 0`.
fn bytes(tail: &[u8]) -> Option<(u64, u64)> {
    let tail = std::str::from_utf8(tail).ok()?;
    let (read, written) = tail.strip_prefix(" bytes read ")?.split_once(" written ")?;
    Some((read.parse().ok()?, written.parse().ok()?))
}

/// A tail that has no name in it, as text.
fn text(tail: &[u8]) -> Option<String> {
    std::str::from_utf8(tail.strip_prefix(b" ")?).ok().map(str::to_owned)
}

/// Undoes log.c's strnvis(VIS_CSTYLE|VIS_NL|VIS_TAB|VIS_OCTAL): `\\`, `\n` and the like, `\303`.
/// An escape that was cut at the end of the line is left out.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        let (before, after) = rest.split_at_checked(at).unwrap_or((rest, b""));
        plain.extend_from_slice(before);
        let (byte, length) = match after {
            [_, a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', ..] => {
                ((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), 4)
            }
            [_, c, ..] => match c {
                b'n' => (b'\n', 2),
                b'r' => (b'\r', 2),
                b'b' => (8, 2),
                b'a' => (7, 2),
                b'v' => (11, 2),
                b't' => (b'\t', 2),
                b'f' => (12, 2),
                b's' => (b' ', 2),
                b'\\' => (b'\\', 2),
                b'0'..=b'7' if after.len() < 4 => return plain,
                // strnvis does not write this.
                _ => (b'\\', 1),
            },
            _ => return plain,
        };
        plain.push(byte);
        rest = after.get(length..).unwrap_or_default();
    }
    plain.extend_from_slice(rest);
    plain
}

#[cfg(test)]
mod tests;
