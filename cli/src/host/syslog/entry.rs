//! Parses an entry of systemd's journal, a line of `journalctl -o json`.

use super::record::{Program, Record, Sender, number, program};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::IgnoredAny;
use std::borrow::Cow;

/// Syslog daemons that can write to the journal.
const FORWARDERS: [&[u8]; 2] = [b"rsyslogd", b"syslog-ng"];

/// An entry of the journal, with the fields of systemd.journal-fields(7) that a log line has, too.
#[derive(Deserialize)]
struct Entry<'a> {
    #[serde(rename = "__REALTIME_TIMESTAMP", borrow)]
    microseconds: Field<'a>,
    #[serde(rename = "_HOSTNAME", default)]
    host: Field<'a>,
    #[serde(rename = "SYSLOG_IDENTIFIER", default)]
    identifier: Field<'a>,
    #[serde(rename = "SYSLOG_PID", default)]
    syslog_pid: Field<'a>,
    #[serde(rename = "_PID", default)]
    pid: Field<'a>,
    #[serde(rename = "_TRANSPORT", default)]
    transport: Field<'a>,
    #[serde(rename = "_UID", default)]
    uid: Field<'a>,
    #[serde(rename = "_COMM", default)]
    command: Field<'a>,
    #[serde(rename = "MESSAGE", default)]
    message: Field<'a>,
}

/// A field: text, or its bytes as numbers. If an entry has a field twice, it is a list of these.
#[derive(Deserialize)]
#[serde(untagged)]
enum Field<'a> {
    Text(#[serde(borrow)] Cow<'a, str>),
    Bytes(Vec<u8>),
    #[allow(dead_code, reason = "a list is not used")]
    Other(IgnoredAny),
}

impl Default for Field<'_> {
    fn default() -> Self {
        Self::Text("".into())
    }
}

impl<'a> Field<'a> {
    fn bytes(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(Cow::Borrowed(text)) => text.as_bytes().into(),
            Self::Text(Cow::Owned(text)) => text.into_bytes().into(),
            Self::Bytes(bytes) => bytes.into(),
            Self::Other(_) => Cow::Borrowed(b""),
        }
    }
}

/// Where an entry of `journalctl -o json` is, of whatever program.
pub(crate) struct Place {
    /// For `--after-cursor`.
    pub(crate) cursor: String,
    pub(crate) time: Timestamp,
}

/// Parses no more of an entry than its place.
pub(crate) fn place(line: &[u8]) -> Option<Place> {
    #[derive(Deserialize)]
    struct Entry {
        #[serde(rename = "__CURSOR")]
        cursor: String,
        #[serde(rename = "__REALTIME_TIMESTAMP")]
        microseconds: String,
    }
    let Entry { cursor, microseconds } = serde_json::from_slice(line).ok()?;
    Some(Place { cursor, time: Timestamp::from_microsecond(microseconds.parse().ok()?).ok()? })
}

/// Parses an entry of `journalctl -o json`, with the result of `file` in [`super::line`].
pub(super) fn parse(line: &[u8], is_meant: fn(&[u8]) -> bool) -> Option<Option<Record<'_>>> {
    let entry: Entry<'_> = serde_json::from_slice(line).ok()?;
    let message = entry.message.bytes();
    let Some(program) = program(&entry.identifier.bytes()) else { return Some(None) };
    if program == Program::Sshd && !is_meant(&message) {
        return Some(None);
    }
    let time = Timestamp::from_microsecond(number(&entry.microseconds.bytes())?).ok()?;
    let claimed = number(&entry.syslog_pid.bytes());
    let sender = number(&entry.uid.bytes()).map(|uid| Sender {
        uid,
        claimed: claimed.unwrap_or(0),
        is_native: *entry.transport.bytes() == *b"journal",
        program: entry.command.bytes(),
    });
    // root's syslog daemon passes on what others sent.
    let sender = sender.filter(|sender| sender.uid != 0 || !FORWARDERS.contains(&sender.program.as_ref()));
    let seen = number(&entry.pid.bytes()).filter(|_| sender.is_some());
    let pid = seen.or(claimed).unwrap_or(0);
    Some(Some(Record { time, host: entry.host.bytes(), program, pid, message, sender }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(uid: u32, command: &str) -> Option<u32> {
        let entry = format!(
            r#"{{"__REALTIME_TIMESTAMP":"1","SYSLOG_IDENTIFIER":"internal-sftp","_UID":"{uid}","_COMM":"{command}"}}"#
        );
        parse(entry.as_bytes(), |_| true).flatten().expect("an entry").sender.map(|sender| sender.uid)
    }

    /// Anybody can name a program so, and then say whatever sshd could say.
    #[test]
    fn only_a_syslog_daemon_of_roots_speaks_for_others() {
        assert_eq!(sender(0, "rsyslogd"), None);
        assert_eq!(sender(0, "syslog-ng"), None);
        assert_eq!(sender(0, "sshd"), Some(0));
        assert_eq!(sender(1000, "rsyslogd"), Some(1000));
        assert_eq!(sender(1000, "logger"), Some(1000));
    }
}
