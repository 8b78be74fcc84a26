//! `sftpjail list`.

use crate::Verdict;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::config::Namespace;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::registry::{Record, Registry};
use serde::Serialize;
use std::io::{self, Write};

/// The version of the JSON document; it grows when a key changes its meaning or goes.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Report {
    version: u32,
    sessions: Vec<Session>,
    /// What could not be read; the sessions themselves go on.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Session {
    user: String,
    uid: u32,
    pid: u32,
    /// RFC 3339, in UTC.
    since: String,
    rhost: String,
    service: String,
    profile: String,
    namespace: Namespace,
    jail: String,
    home: String,
    authentication: Vec<String>,
}

/// Lists the live sessions, by user and time.
pub(crate) fn run(json: bool, out: &mut impl Write) -> io::Result<Verdict> {
    let (mut records, problems) = live()?;
    records.sort_by(|a, b| (&a.user, a.since, a.pid).cmp(&(&b.user, b.since, b.pid)));
    let verdict = if problems.is_empty() { Verdict::Sound } else { Verdict::Problems };
    if json {
        let sessions = records.into_iter().map(Session::of).collect();
        serde_json::to_writer_pretty(&mut *out, &Report { version: VERSION, sessions, problems })?;
        writeln!(out)?;
    } else {
        print(&records, out)?;
        for problem in problems {
            writeln!(out, "! {problem}")?;
        }
    }
    out.flush()?;
    Ok(verdict)
}

fn live() -> io::Result<(Vec<Record>, Vec<String>)> {
    let failed =
        |refusal: pam_sftpjail::error::Refusal| io::Error::other(format!("{refusal}; {}", refusal.cure()));
    let (mut records, mut problems) = (Vec::new(), Vec::new());
    if let Some(registry) = Registry::existing().map_err(failed)? {
        for user in registry.users().map_err(failed)? {
            for live in registry.live(&user).map_err(failed)? {
                match live.read() {
                    Ok(record) => records.extend(record),
                    Err(problem) => problems.push(format!("{}: {problem}", escaped(&user))),
                }
            }
        }
    }
    Ok((records, problems))
}

fn print(records: &[Record], out: &mut impl Write) -> io::Result<()> {
    if records.is_empty() {
        return writeln!(out, "Nobody is in a jail.");
    }
    let head = ["USER", "PID", "SINCE", "FROM", "PROFILE", "NAMESPACE", "JAIL"].map(str::to_owned);
    let rows = records.iter().map(|record| {
        [
            escaped(&record.user).to_string(),
            record.pid.to_string(),
            moment(record.since).map_or_else(
                || record.since.to_string(),
                |since| since.to_zoned(TimeZone::system()).strftime("%F %T").to_string(),
            ),
            record.rhost.clone(),
            escaped(&record.profile).to_string(),
            record.namespace.to_string(),
            record.jail.clone(),
        ]
    });
    let rows: Vec<_> = std::iter::once(head).chain(rows).collect();
    let width = |i: usize| rows.iter().filter_map(|row| Some(row.get(i)?.chars().count())).max().unwrap_or(0);
    let widths: Vec<_> = (0..7).map(width).collect();
    for row in &rows {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        writeln!(out, "{}", cells.join("  ").trim_end())?;
    }
    Ok(())
}

fn moment(since: u64) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(since).ok()?).ok()
}

impl Session {
    fn of(record: Record) -> Self {
        Self {
            since: moment(record.since).map_or_else(String::new, |since| since.to_string()),
            user: record.user,
            uid: record.uid,
            pid: record.pid,
            rhost: record.rhost,
            service: record.service,
            profile: record.profile,
            namespace: record.namespace,
            jail: record.jail,
            home: record.home,
            authentication: record.authentication,
        }
    }
}
