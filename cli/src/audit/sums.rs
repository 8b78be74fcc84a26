//! Writes a summary as a table, as CSV and as JSON Lines.

use super::summary::{Summary, Sums};
use crate::report::json::{VERSION, line};
use crate::report::text::size;
use crate::report::{Outside, table};
use serde::Serialize;
use std::io::{self, Write};

/// New columns come at the end, and none is renamed: CSV has no version.
pub(crate) const COLUMNS: [&str; 12] = [
    "user",
    "sessions",
    "uploaded_files",
    "uploaded_bytes",
    "downloaded_files",
    "downloaded_bytes",
    "deletions",
    "unclear_deletions",
    "failed",
    "unclear",
    "first",
    "last",
];

const HEADER: [&str; 6] = ["USER", "SESSIONS", "UPLOADED", "DOWNLOADED", "DELETED", "FAILED"];

/// The columns that a line with both times needs. A narrower terminal has one time a line.
const BOTH_TIMES: usize = 50;
const INDENT: &str = "    ";

/// One user as a JSON document.
#[derive(Serialize)]
struct Document<'s> {
    version: u32,
    kind: &'static str,
    /// `null` where the log names none.
    user: Option<&'s str>,
    sessions: u64,
    uploaded_files: u64,
    uploaded_bytes: u64,
    downloaded_files: u64,
    downloaded_bytes: u64,
    deletions: u64,
    unclear_deletions: u64,
    failed: u64,
    unclear: u64,
    first: String,
    last: String,
}

/// The fields of CSV of one user; times are RFC 3339.
pub(crate) fn fields(user: Option<&str>, sums: &Sums, [first, last]: [String; 2]) -> [String; COLUMNS.len()] {
    [
        user.unwrap_or_default().to_owned(),
        sums.sessions.to_string(),
        sums.uploaded_files.to_string(),
        sums.uploaded_bytes.to_string(),
        sums.downloaded_files.to_string(),
        sums.downloaded_bytes.to_string(),
        sums.deletions.to_string(),
        sums.unclear_deletions.to_string(),
        sums.failed.to_string(),
        sums.unclear.to_string(),
        first,
        last,
    ]
}

/// Writes one user as a JSON document; times are RFC 3339.
pub(crate) fn json(
    user: Option<&str>,
    sums: &Sums,
    [first, last]: [String; 2],
    out: &mut impl Write,
) -> io::Result<()> {
    let Sums { sessions, uploaded_files, uploaded_bytes, downloaded_files, downloaded_bytes, .. } = *sums;
    let Sums { deletions, unclear_deletions, failed, unclear, .. } = *sums;
    let (version, kind) = (VERSION, "summary");
    let document = Document {
        version,
        kind,
        user,
        sessions,
        uploaded_files,
        uploaded_bytes,
        downloaded_files,
        downloaded_bytes,
        deletions,
        unclear_deletions,
        failed,
        unclear,
        first,
        last,
    };
    line(&document, out)
}

/// Writes all users, by name, for a terminal of this width or for a pipe. Where the times do not fit into the line,
/// they get one of their own; a terminal that is still too narrow goes without the last sums.
pub(crate) fn print(
    summary: &Summary,
    time: impl Fn(jiff::Timestamp) -> String,
    columns: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    let moved = |files: u64, bytes| match files {
        0 => "-".to_owned(),
        files => format!("{files} ({})", size(bytes)),
    };
    let number = |number: u64| if number == 0 { "-".to_owned() } else { number.to_string() };
    let deleted = |sums: &Sums| match sums.unclear_deletions {
        0 => number(sums.deletions),
        unclear => format!("{} (+{unclear}?)", sums.deletions),
    };
    let rows = summary.users.iter().map(|(user, sums)| {
        let cells = [
            user.as_ref().map_or("?".to_owned(), |user| Outside::new(user).to_string()),
            sums.sessions.to_string(),
            moved(sums.uploaded_files, sums.uploaded_bytes),
            moved(sums.downloaded_files, sums.downloaded_bytes),
            deleted(sums),
            number(sums.failed),
        ];
        (cells, [time(sums.first), time(sums.last)])
    });
    let header = (HEADER.map(str::to_owned), ["FIRST", "LAST"].map(str::to_owned));
    let rows: Vec<_> = std::iter::once(header).chain(rows).collect();
    if rows.len() == 1 {
        return Ok(());
    }
    let widths = table::widths(rows.iter().map(|(cells, _)| cells));
    let of_times = table::widths(rows.iter().map(|(_, times)| times));
    let room = columns.unwrap_or(usize::MAX);
    let all = [widths.as_slice(), &of_times].concat();
    let shown = table::fitting(&widths, room);
    for (cells, times) in &rows {
        let [first, last] = times;
        if table::fitting(&all, room).len() == all.len() {
            writeln!(out, "{}{}", table::line(cells, &widths), table::line(times, &of_times).trim_end())?;
            continue;
        }
        writeln!(out, "{}", table::line(cells, shown).trim_end())?;
        match room >= BOTH_TIMES {
            true => writeln!(out, "{INDENT}{}", table::line(times, &of_times).trim_end())?,
            false => writeln!(out, "{INDENT}{first}\n{INDENT}{last}")?,
        }
    }
    Ok(())
}
