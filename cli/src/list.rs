//! `sftpjail list`: who is in a jail. It reads the registry and /proc, and changes nothing.

use crate::host::sessions::{self, Clocks, Session};
use crate::host::zone::{moment, zone};
use crate::report::json::{VERSION, document};
use crate::report::table;
use crate::report::terminal::{self, Mark};
use crate::report::text::{duration, size};
use crate::report::{Outside, Status};
use jiff::Timestamp;
use pam_sftpjail::config::Namespace;
use pam_sftpjail::registry::Record;
use serde::Serialize;
use std::io::{self, Write};

#[derive(Serialize)]
struct Report {
    version: u32,
    sessions: Vec<Entry>,
    /// Records and processes that could not be read; the sessions themselves go on.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    user: String,
    uid: u32,
    pid: u32,
    /// RFC 3339, in UTC.
    since: String,
    /// PAM_RHOST: with `UseDNS`, a name.
    address: String,
    service: String,
    profile: String,
    namespace: Namespace,
    jail: String,
    /// Hexadecimal, where `jail` is not UTF-8 and so not exact.
    #[serde(skip_serializing_if = "Option::is_none")]
    jail_bytes: Option<String>,
    /// A process that sees the jail there, where this program does not: its service has a mount namespace of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    jail_seen_by: Option<i32>,
    home: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    home_bytes: Option<String>,
    authentication: Vec<String>,
    /// When the first of the grants that the jail holds ends: RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    refused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_moved: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_seconds: Option<u64>,
}

/// Lists the live sessions, by user and time. The error is a registry that cannot be read.
pub(crate) fn run(json: bool, out: &mut impl Write) -> io::Result<Status> {
    let sessions = sessions::live()?;
    let mut problems: Vec<_> = sessions.iter().filter_map(|session| session.record.clone().err()).collect();
    let unseen = sessions.iter().find_map(|session| session.unseen.as_ref());
    problems.extend(unseen.map(|why| format!("not all processes of sessions are known: {why}")));
    let status = if problems.is_empty() { Status::Ok } else { Status::Problems };
    let written = if json {
        let mut clocks = Clocks::default();
        let sessions = sessions.iter().filter_map(|session| Entry::of(session, &mut clocks)).collect();
        document(&Report { version: VERSION, sessions, problems }, out)
    } else {
        let mut problems = problems.iter();
        print(&sessions, out)
            .and_then(|()| problems.try_for_each(|problem| writeln!(out, "{} {problem}", Mark::Attention)))
    };
    status.after(written, out)
}

fn print(sessions: &[Session], out: &mut impl Write) -> io::Result<()> {
    if sessions.is_empty() {
        return writeln!(out, "Nobody is in a jail.");
    }
    let header = ["USER", "PID", "SINCE", "IDLE", "MOVED", "FROM", "PROFILE", "JAIL"].map(str::to_owned);
    let mut clocks = Clocks::default();
    let rows = sessions.iter().filter_map(|session| {
        let record = session.record.as_ref().ok()?;
        let unknown = || "-".to_owned();
        Some([
            Outside::new(&record.user).to_string(),
            record.pid.to_string(),
            opened(record).map_or_else(unknown, |since| since.to_zoned(zone()).strftime("%F %T").to_string()),
            session.idle(&mut clocks).map_or_else(unknown, duration),
            session.moved().map_or_else(unknown, size),
            Outside::of_escaped(&record.rhost).address(),
            if record.profile.is_empty() { unknown() } else { Outside::new(&record.profile).to_string() },
            if record.refused {
                "none (refused)".into()
            } else {
                let jail = Outside::of_escaped(&record.jail);
                match session.seen_elsewhere_by() {
                    None => format!("{jail} ({})", record.namespace),
                    Some(pid) => format!("{jail} ({}, as process {pid} sees it)", record.namespace),
                }
            },
        ])
    });
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    let widths = table::widths(&rows);
    // A narrow terminal goes without the last columns: an admin knows those anyway.
    let shown = table::fitting(&widths, terminal::columns().unwrap_or(usize::MAX));
    rows.iter().try_for_each(|row| writeln!(out, "{}", table::line(row, shown).trim_end()))
}

/// When the session was opened; `None` if the record holds no time that exists.
fn opened(record: &Record) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(record.since).ok()?).ok()
}

impl Entry {
    fn of(session: &Session, clocks: &mut Clocks) -> Option<Self> {
        let record = session.record.clone().ok()?;
        let [address, jail, home] =
            [&record.rhost, &record.jail, &record.home].map(|text| Outside::of_escaped(text));
        Some(Self {
            since: opened(&record).map_or_else(String::new, |since| since.to_string()),
            until: record.until.map(|until| moment(until).to_string()),
            bytes_moved: session.moved(),
            idle_seconds: session.idle(clocks).map(|idle| idle.as_secs()),
            user: record.user,
            uid: record.uid,
            pid: record.pid,
            address: address.plain().into_owned(),
            service: record.service,
            profile: record.profile,
            namespace: record.namespace,
            jail: jail.plain().into_owned(),
            jail_bytes: jail.bytes(),
            jail_seen_by: session.seen_elsewhere_by(),
            home: home.plain().into_owned(),
            home_bytes: home.bytes(),
            authentication: record.authentication,
            refused: record.refused,
        })
    }
}
