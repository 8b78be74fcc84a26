//! What must hold of every line of a log: the same entry reads as the same, whichever way it came.

use super::line::{Parsed, parse};
use super::lines::{Line, Lines};
use super::record::{Program, Record, Sender};
use super::session_entry;
use super::stamp::Stamps;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::{escaped, unescaped, whole};
use serde_json::{Value, json};
use std::str::from_utf8;

fn stamps() -> Stamps {
    Stamps::new(TimeZone::UTC, 2024)
}

/// Lines are those of the stream; and what a line says, it says with any other time stamp for its time, and as an entry
/// of the journal.
pub fn log_lines(data: &[u8]) {
    let mut stream = Lines::new(data);
    let mut stamps = stamps();
    for text in data.split_inclusive(|byte| *byte == b'\n') {
        let bare = text.strip_suffix(b"\n").unwrap_or(text);
        let meant = if bare.len() < text.len() { Line::Whole(bare) } else { Line::Unended(bare) };
        assert_eq!(stream.next().ok(), Some(Some(meant)));
        if let Parsed::Record(record) = parse(bare, &mut stamps) {
            same_in_other_forms(&record);
        }
    }
    assert_eq!(stream.next().ok(), Some(None));
}

fn same_in_other_forms(record: &Record<'_>) {
    let again = |line: &[u8]| match parse(line, &mut stamps()) {
        Parsed::Record(record) => Some(record.into_owned()),
        _ => None,
    };
    let Record { time, host, program, pid, message, sender } = record;
    let name = match program {
        Program::Sftp => "internal-sftp",
        Program::Sshd => "sshd",
        Program::Logger => "rsyslogd",
    };
    // A line of a file has no newlines, no blank in a host, and no sender.
    let fits = !message.contains(&b'\n') && !host.iter().any(|byte| matches!(byte, b' ' | b'\n'));
    if fits && sender.is_none() {
        let begin = format!("{time} ");
        let own = format!(" {name}[{pid}]: ");
        assert_eq!(again(&[begin.as_bytes(), host, own.as_bytes(), message].concat()).as_ref(), Some(record));
    }
    let field = |bytes: &[u8]| from_utf8(bytes).map_or_else(|_| json!(bytes), |text| json!(text));
    let mut entry = json!({
        "__REALTIME_TIMESTAMP": time.as_microsecond().to_string(),
        "_HOSTNAME": field(host),
        "SYSLOG_IDENTIFIER": name,
        "SYSLOG_PID": pid.to_string(),
        "MESSAGE": field(message),
    });
    if let (Some(Sender { uid, claimed, is_native, program }), Some(entry)) = (sender, entry.as_object_mut())
    {
        let fields: [(&str, Value); 5] = [
            ("_UID", json!(uid.to_string())),
            ("_PID", json!(pid.to_string())),
            ("SYSLOG_PID", json!(claimed.to_string())),
            ("_TRANSPORT", json!(if *is_native { "journal" } else { "syslog" })),
            ("_COMM", field(program)),
        ];
        entry.extend(fields.map(|(name, value)| (name.to_owned(), value)));
    }
    // The journal's stamps have no more than microseconds.
    let microsecond = jiff::Timestamp::from_microsecond(time.as_microsecond()).ok();
    let again = again(entry.to_string().as_bytes());
    assert_eq!(again.as_ref().map(|again| again.time), microsecond, "{entry}");
    let again = again.map(|again| Record { time: *time, ..again });
    assert_eq!(again.as_ref(), Some(record), "{entry}");
}

/// What pam_sftpjail writes about a session is read as what it is, whatever is in the names.
pub fn session_entries(data: &[u8]) {
    if let Some(entry) = from_utf8(data).ok().and_then(session_entry::parse) {
        assert!(session_entry::fields(entry.rest).count() <= entry.rest.matches('=').count());
    }
    let mut texts = data.split(|byte| *byte == b'\x1f').map(os).chain(std::iter::repeat(os(b"/a b")));
    let (Some(user), Some(home), Some(volume)) = (texts.next(), texts.next(), texts.next()) else { return };
    for (word, kind) in [
        ("opened for", session_entry::Kind::Opened),
        ("of", session_entry::Kind::Continued),
        ("closed for", session_entry::Kind::Closed),
    ] {
        let line = format!(
            "pam_sftpjail(sshd:session): session {word} user {}(uid=7): home={} volume={} from=/x",
            escaped(user),
            whole(home),
            whole(volume)
        );
        let entry = session_entry::parse(&line);
        let read = entry.as_ref().map(|entry| (entry.kind, entry.user.to_owned()));
        assert_eq!(read, Some((kind, escaped(user).to_string())), "{line}");
        let fields: Vec<_> = entry.iter().flat_map(|entry| session_entry::fields(entry.rest)).collect();
        let names: Vec<_> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["home", "volume", "from"], "{line}");
        let values: Vec<_> = fields.iter().map(|(_, value)| unescaped(value)).collect();
        assert_eq!(values, [Some(home.into()), Some(volume.into()), Some("/x".into())], "{line}");
    }
}

fn os(bytes: &[u8]) -> &std::ffi::OsStr {
    std::os::unix::ffi::OsStrExt::from_bytes(bytes)
}
