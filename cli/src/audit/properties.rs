//! What must hold of every log: no entry of one session says anything of another, internal-sftp's messages are read as
//! they were meant, and every form of output is harmless and exact.

use super::gaps::Gaps;
use super::host_path::Host;
use super::join::Join;
use super::message::{self, Message};
use super::operation::{Operation, Verb};
use super::output::{Output, Style};
use super::paths::Paths;
use super::queue::Event;
use super::row::Row;
use super::who::Client;
use crate::host::syslog::record::{Program, Record};
use crate::host::syslog::session_entry;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::{escaped, is_plain};
use std::path::Path;
use std::str::from_utf8;

/// What a repeated message would cost is no matter of parsing.
const MOST_TIMES: u32 = 9;

/// An entry of a log: the first byte says whose it is, and the rest is the message.
#[derive(Clone, Copy)]
struct Line<'a> {
    time: i64,
    program: Program,
    pid: u32,
    message: &'a [u8],
}

/// A digit: internal-sftp with this pid. A small letter: sshd with that of the letter. Anything else: rsyslogd.
fn line(time: i64, text: &[u8]) -> Option<Line<'_>> {
    let (first, message) = text.split_first()?;
    let program = match first {
        b'0'..=b'9' => Program::Sftp,
        b'a'..=b'z' => Program::Sshd,
        _ => Program::Logger,
    };
    let is_few = message::repeated(message).is_none_or(|(times, _)| times <= MOST_TIMES);
    is_few.then_some(Line { time, program, pid: u32::from(*first), message })
}

/// What these lines come to, of all users or of one.
fn joined<'l, 'a: 'l>(lines: impl IntoIterator<Item = &'l Line<'a>>, user: Option<&str>) -> (Vec<Row>, Gaps) {
    let mut join = Join::new(user.map(str::to_owned), true, Gaps::between(None, None, TimeZone::UTC));
    let mut paths = Paths::new(Host::new(Some(Path::new("/nonexistent"))));
    for Line { time, program, pid, message } in lines {
        let time = Timestamp::from_second(*time).unwrap_or_default();
        let (host, message) = (b"h".into(), (*message).into());
        let record = Record { time, host, program: *program, pid: *pid, message, sender: None };
        join.line(&record, &paths.host);
    }
    join.finish(&paths.host);
    let events: Vec<Event> = std::iter::from_fn(|| join.next()).collect();
    let row = |event| paths.row(event, &join.openings, &mut join.gaps);
    let rows = events.into_iter().map(row).collect();
    (rows, join.gaps)
}

/// All that a row says, but for how the host is compared.
fn said(row: &Row) -> impl PartialEq + std::fmt::Debug + use<> {
    let Event { time, who, operation, outcome, was_written } = &row.event;
    let client = who.client().map(|Client { user, address }| (user.clone(), address.clone()));
    let details = format!("{operation:?} {outcome:?} {was_written:?} {:?} {:?}", row.path, row.target);
    (*time, who.pid, client, details)
}

/// The user of an entry of pam_sftpjail about a session, as it is escaped there.
fn user_of<'a>(line: &Line<'a>) -> Option<&'a str> {
    session_entry::parse(from_utf8(line.message).ok()?).map(|entry| entry.user)
}

/// What is said of a session comes from its own entries, and from those of pam_sftpjail about its user: without all
/// others, it is the same. And who asks for one user gets what is said of that user where all are asked for.
pub fn audit(data: &[u8]) {
    let lines: Vec<_> =
        (0..).zip(data.split(|byte| *byte == b'\n')).filter_map(|(at, text)| line(at, text)).collect();
    let (all, gaps) = joined(&lines, None);
    for (_, tally) in gaps.all() {
        assert!(tally.examples.iter().all(|example| is_plain(example)), "{:?}", tally.examples);
    }
    let mut seen = Vec::new();
    for row in &all {
        let client = row.event.client();
        let key = (row.event.who.pid, client.map(|client| client.user.clone()));
        if seen.contains(&key) {
            continue;
        }
        let escaped = key.1.as_ref().map(|user| escaped(user).to_string());
        let is_own = |line: &&Line<'_>| match line.program {
            Program::Sftp => line.pid == key.0,
            Program::Sshd => user_of(line).is_some_and(|user| Some(user) == escaped.as_deref()),
            Program::Logger => true,
        };
        let is_of_it = |row: &&Row| {
            (row.event.who.pid, row.event.client().map(|client| &client.user)) == (key.0, key.1.as_ref())
        };
        let (alone, _) = joined(lines.iter().filter(is_own), None);
        let said_of_it = |rows: &[Row]| rows.iter().filter(is_of_it).map(said).collect::<Vec<_>>();
        assert_eq!(said_of_it(&all), said_of_it(&alone), "{key:?}");
        if let Some(user) = &key.1 {
            let (theirs, _) = joined(&lines, Some(user));
            let of_them = |row: &&Row| row.event.client().is_some_and(|client| client.user == *user);
            let meant: Vec<_> = all.iter().filter(of_them).map(said).collect();
            assert_eq!(meant, theirs.iter().map(said).collect::<Vec<_>>(), "{key:?}");
        }
        seen.push(key);
    }
    written(&all);
}

/// Every form of output has one row for each, on a terminal that obeys nothing of it, and what is read back is it.
fn written(rows: &[Row]) {
    for style in [Style::Table(None), Style::Table(Some(40)), Style::Csv, Style::Json] {
        let mut bytes = Vec::new();
        {
            let Ok(mut output) = Output::new(&mut bytes, style, TimeZone::UTC, false) else { continue };
            assert!(rows.iter().all(|row| output.row(row).is_ok()) && output.flush().is_ok());
        }
        let text = String::from_utf8_lossy(&bytes);
        assert!(text.lines().all(is_plain), "{style:?}: {text}");
        let header = usize::from(matches!(style, Style::Csv) || (style != Style::Json && !rows.is_empty()));
        if style != Style::Table(Some(40)) {
            assert_eq!(text.lines().count(), rows.len() + header, "{style:?}: {text}");
        }
        if style == Style::Json {
            for (line, row) in text.lines().zip(rows) {
                let read: serde_json::Value = serde_json::from_str(line).unwrap_or_default();
                let path = read.get("path").and_then(serde_json::Value::as_str);
                assert_eq!(path, Some(&*String::from_utf8_lossy(row.path())), "{line}");
                let is_exact = from_utf8(row.path()).is_ok();
                assert_eq!(read.get("path_bytes").is_none(), is_exact, "{line}");
                let user = read.get("user").and_then(serde_json::Value::as_str);
                assert_eq!(user, row.event.client().map(|client| client.user.as_str()), "{line}");
            }
        }
    }
}

/// A name in a message, as sftp-server.c has it logged and log.c escapes it: strnvis(3).
fn logged(name: &[u8]) -> Vec<u8> {
    let mut escaped = Vec::new();
    for byte in name {
        match byte {
            b'\\' => escaped.extend(b"\\\\"),
            b'\n' => escaped.extend(b"\\n"),
            b'\t' => escaped.extend(b"\\t"),
            b'\r' => escaped.extend(b"\\r"),
            b' '..=b'~' => escaped.push(*byte),
            byte => escaped.extend(format!("\\{byte:03o}").bytes()),
        }
    }
    escaped
}

/// A message of internal-sftp about two names, which a quote parts, is read as it was meant, or is a gap.
pub fn messages(data: &[u8]) {
    let _ = message::parse(data);
    // No path has a NUL.
    if data.contains(&0) {
        return;
    }
    let mut names = data.splitn(2, |byte| *byte == b'\xff');
    let (one, two) = (names.next().unwrap_or_default(), names.next().unwrap_or_default());
    let shown = logged(one);
    let line = |begin: &str, end: &str| [begin.as_bytes(), b"\"", &shown, b"\"", end.as_bytes()].concat();
    for (message, verb, detail, bytes) in [
        (line("open ", " flags READ,WRITE mode 0666"), Verb::Open, "READ,WRITE", None),
        (line("forced close ", " bytes read 1 written 2"), Verb::Close, "forced", Some((1, 2))),
        (line("opendir ", ""), Verb::Opendir, "", None),
        (line("remove name ", ""), Verb::Remove, "", None),
        (line("mkdir name ", " mode 0777"), Verb::Mkdir, "mode 0777", None),
        (line("set ", " owner 1 group 2"), Verb::Set, "owner 1 group 2", None),
    ] {
        if message.len() < 500 {
            let meant =
                Operation { verb, path: one.into(), detail: detail.into(), bytes, ..Default::default() };
            assert_eq!(message::parse(&message), (Message::Operation(meant), 1));
        }
    }
    let pair = [b"rename old \"", &*shown, b"\" new \"", &logged(two), b"\""].concat();
    let renamed = match message::parse(&pair) {
        (Message::Operation(renamed), 1) => renamed,
        other => return assert!(pair.is_empty(), "{other:?}"),
    };
    if pair.len() < 500 && !renamed.ambiguous {
        assert_eq!((renamed.path.as_slice(), renamed.target.as_deref()), (one, Some(two)));
    } else {
        assert!(renamed.cut || renamed.ambiguous);
    }
    let (user, address) = (String::from_utf8_lossy(one), "192.0.2.1");
    let opened =
        [b"session opened for local user ", &*logged(user.as_bytes()), b" from [192.0.2.1]"].concat();
    let meant = Message::Opened { user: user.clone().into(), address: address.into() };
    assert_eq!(message::parse(&opened), (meant, 1));
}
