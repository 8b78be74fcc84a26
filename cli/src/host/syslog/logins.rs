//! Reads when users logged in, and with which keys: sshd's own entries in the log files and in the journal, and those
//! of pam_sftpjail.

use super::journal::{self, Failure, Journal, Which};
use super::line::{self, Parsed};
use super::lines::{Line, Lines};
use super::record::Record;
use super::session_entry::{self, Entry, Kind, NO_ADDRESS, fields};
use super::source::{self, Origin, Source};
use super::stamp::Stamps;
use super::unreadable::{Unreadable, Why};
use crate::host::zone::zone;
use crate::report::error::errno;
use jiff::Timestamp;
use pam_sftpjail::escape::{one_line, unescaped};
use std::collections::{HashMap, HashSet};
use std::io::Read;

/// How many entries are kept that other processes than they say have sent. Beyond this, log files are not believed.
const MAX_FORGED: usize = 10_000;

/// How sshd's entries begin about somebody who has logged in, or has done a part of what is asked for (auth_log of
/// OpenSSH's auth.c).
const ACCEPTED: [&str; 2] = ["Accepted ", "Partial publickey "];

/// What the logs say.
#[derive(Default)]
pub(crate) struct Logins {
    /// The time of the oldest entry of any program. `None`: there is none.
    pub(crate) begin: Option<Timestamp>,
    /// By the name that the caller gives users.
    pub(crate) users: HashMap<String, Seen>,
    /// Why not all was read: sentences.
    pub(crate) unread: Vec<String>,
    forged: HashSet<(u32, Vec<u8>)>,
}

/// What they say of one user.
#[derive(Default)]
pub(crate) struct Seen {
    /// The last login.
    pub(crate) last: Option<Timestamp>,
    /// When each key was used last, by its fingerprint. The key of an authority is used with each certificate.
    pub(crate) keys: HashMap<String, Timestamp>,
}

/// An entry about a login.
#[derive(Debug, PartialEq, Eq)]
struct Login {
    /// The name as typed, or as NSS spells it.
    user: String,
    /// Fingerprints.
    keys: Vec<String>,
    /// Whether the user has not logged in with this alone.
    is_partial: bool,
}

/// Reads all logs. `member`: under which name a user is kept, by a name from the log; `None`: not at all.
pub(crate) fn read(member: &mut dyn FnMut(&str) -> Option<String>) -> Logins {
    let zone = zone();
    let mut logins = Logins::default();
    let logs = source::of_logins(&zone);
    for Unreadable { name, why } in &logs.unreadable {
        let why = match why {
            Why::Missing => "it is missing".to_owned(),
            Why::Directory => "it is a directory".to_owned(),
            Why::Compressed(with) => format!("it is compressed with {with}"),
            Why::Failed(error) => errno(error),
        };
        logins.unread.push(format!("{name} was not read for logins: {why}"));
    }
    if logs.sources.is_empty() && logs.unreadable.is_empty() {
        logins.unread.push("there is no log of logins: neither auth.log, secure nor a journal".to_owned());
    }
    for source in logs.sources {
        let first = if source.is_journal() { journal::begin() } else { source.first() };
        logins.begin = logins.begin.into_iter().chain(first).min();
        let mut stamps = source.stamps(&zone);
        if let Err(why) = logins.source(&source, &mut stamps, member) {
            logins.unread.push(format!("{} was not read to its end for logins: {why}", source.name));
        }
    }
    logins
}

impl Logins {
    fn source(
        &mut self,
        source: &Source,
        stamps: &mut Stamps,
        member: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), String> {
        match &source.kind {
            Origin::File(file) => self.lines(file, stamps, member),
            Origin::Journal => {
                let (journal, pipe) = Journal::start(Which::All).map_err(|failure| said(&failure))?;
                self.lines(pipe, stamps, member)?;
                journal.finish().map_err(|failure| said(&failure))
            }
            // Nobody asks for them here.
            Origin::Companion(_) | Origin::Followed(..) | Origin::Stdin => Ok(()),
        }
    }

    fn lines(
        &mut self,
        reader: impl Read,
        stamps: &mut Stamps,
        member: &mut dyn FnMut(&str) -> Option<String>,
    ) -> Result<(), String> {
        let unreadable = |why| match why {
            Why::Compressed(with) => format!("it is compressed with {with}"),
            Why::Failed(error) => errno(&error),
            Why::Missing | Why::Directory => "it is no file".to_owned(),
        };
        let mut lines: Lines<_> = source::lines(reader).map_err(unreadable)?;
        while let Some(line) = lines.next().map_err(|error| errno(&error))? {
            let (Line::Whole(line) | Line::Unended(line)) = line else { continue };
            if let Parsed::Record(record) = line::parse_of(line, stamps, is_meant) {
                self.entry(&record, member);
            }
        }
        Ok(())
    }

    fn entry(&mut self, record: &Record<'_>, member: &mut dyn FnMut(&str) -> Option<String>) {
        let Some(login) = std::str::from_utf8(&record.message).ok().and_then(parse) else { return };
        if !record.is_genuine() {
            if self.forged.len() < MAX_FORGED {
                self.forged.insert((record.pid_in_file(), record.message.to_vec()));
            }
            return;
        }
        let is_of_file = record.sender.is_none();
        if is_of_file
            && (self.forged.len() == MAX_FORGED
                || self.forged.contains(&(record.pid, record.message.to_vec())))
        {
            return;
        }
        let Some(user) = member(&login.user) else { return };
        let seen = self.users.entry(user).or_default();
        if !login.is_partial {
            seen.last = seen.last.max(Some(record.time));
        }
        for key in login.keys {
            let last = seen.keys.entry(key).or_insert(record.time);
            *last = record.time.max(*last);
        }
    }
}

/// Why the journal was not read, as a clause.
fn said(failure: &Failure) -> String {
    match failure {
        Failure::Missing => "there is no journalctl".to_owned(),
        Failure::NotRun(error) | Failure::NotWaitedFor(error) => format!("journalctl: {}", errno(error)),
        Failure::Ended(status, said) => format!("journalctl ended ({status}) {}", one_line(said)),
        Failure::LeftOut(said) => format!("journalctl left out a part: {}", one_line(said)),
    }
}

fn is_meant(message: &[u8]) -> bool {
    ACCEPTED.iter().any(|begin| message.starts_with(begin.as_bytes()))
        || message.starts_with(b"pam_sftpjail(")
}

/// `Accepted METHOD for USER from ADDRESS port PORT ssh2[: TYPE FINGERPRINT[ ID … CA TYPE FINGERPRINT]]` of sshd
/// (auth_log of auth.c, auth2_record_key of auth2-pubkey.c), or pam_sftpjail's entry of a session. `None`: another
/// entry, or a login through a pipe, as `sftpjail probe` has it.
fn parse(message: &str) -> Option<Login> {
    if let Some(Entry { kind, user, rest }) = session_entry::parse(message) {
        let is_login = kind == Kind::Opened && !fields(rest).any(|field| field == ("rhost", NO_ADDRESS));
        let user =
            unescaped(user).map_or_else(|| user.to_owned(), |user| user.to_string_lossy().into_owned());
        return is_login.then_some(Login { user, keys: Vec::new(), is_partial: false });
    }
    let begin = ACCEPTED.iter().find(|begin| message.starts_with(**begin))?;
    let is_partial = !begin.starts_with("Accepted");
    let (_method, rest) = message.split_once(" for ")?;
    // A name may hold any of these words, and so may the ID of a certificate.
    let (login, key) = rest.split_once(" ssh2")?;
    let (who, _port) = login.rsplit_once(" port ")?;
    let (user, address) = who.rsplit_once(" from ")?;
    if address == NO_ADDRESS {
        return None;
    }
    let digest = |text: &str| {
        let mut words = text.split(' ');
        let fingerprint = words.nth(1)?;
        fingerprint.starts_with("SHA256:").then(|| fingerprint.to_owned())
    };
    let key = key.strip_prefix(": ").unwrap_or_default();
    let authority = key.rsplit_once(" CA ").and_then(|(_, authority)| digest(authority));
    Some(Login {
        user: user.to_owned(),
        keys: digest(key).into_iter().chain(authority).collect(),
        is_partial,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &str) -> Option<(String, String, bool)> {
        let Login { user, keys, is_partial } = parse(message)?;
        Some((user, keys.join(" "), is_partial))
    }

    #[test]
    fn a_login_names_the_user_and_the_key() {
        for (message, expected) in [
            (
                "Accepted publickey for anna from 192.0.2.7 port 4711 ssh2: ED25519 SHA256:abc",
                Some(("anna", "SHA256:abc", false)),
            ),
            (
                "Partial publickey for DOMAIN\\anna from a from ::1 port 1 ssh2: RSA SHA256:abc",
                Some(("DOMAIN\\anna from a", "SHA256:abc", true)),
            ),
            (
                "Accepted publickey for anna from ::1 port 1 ssh2: ED25519-CERT SHA256:abc ID x CA RSA SHA256:x \
                 (serial 0) CA ED25519 SHA256:def",
                Some(("anna", "SHA256:abc SHA256:def", false)),
            ),
            ("Accepted password for anna from 192.0.2.7 port 4711 ssh2", Some(("anna", "", false))),
            ("Accepted publickey for anna from UNKNOWN port 65535 ssh2: ED25519 SHA256:abc", None),
            ("Accepted publickey for anna from ::1 port 1 ssh2: ED25519 MD5:00", Some(("anna", "", false))),
            ("Failed publickey for anna from ::1 port 1 ssh2: ED25519 SHA256:abc", None),
            (
                "pam_sftpjail(sshd:session): session opened for user \"a b\"(uid=1): home=/x rhost=::1",
                Some(("a b", "", false)),
            ),
            ("pam_sftpjail(sshd:session): session opened for user a(uid=1): home=/x rhost=UNKNOWN", None),
            ("pam_sftpjail(sshd:session): session closed for user a(uid=1): duration=1s", None),
            ("Accepted ", None),
        ] {
            let expected = expected.map(|(user, keys, partial)| (user.to_owned(), keys.to_owned(), partial));
            assert_eq!(shown(message), expected, "{message}");
        }
        crate::host::syslog::noise::noise(|bytes| {
            let _ = parse(&String::from_utf8_lossy(bytes));
        });
    }
}
