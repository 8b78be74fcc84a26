//! Writes a summary as a table, as CSV and as JSON Lines.

use super::summary::{Summary, Sums};
use crate::report::json::{VERSION, line};
use crate::report::text::size;
use crate::report::{Outside, table};
use serde::Serialize;
use std::io::{self, Write};

/// New columns come at the end, and none is renamed: CSV has no version.
pub(crate) const COLUMNS: [&str; 11] = [
    "user",
    "sessions",
    "uploaded_files",
    "uploaded_bytes",
    "downloaded_files",
    "downloaded_bytes",
    "deletions",
    "failed",
    "unclear",
    "first",
    "last",
];

const HEADER: [&str; 8] =
    ["USER", "SESSIONS", "UPLOADED", "DOWNLOADED", "DELETED", "FAILED", "FIRST", "LAST"];

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
    failed: u64,
    unclear: u64,
    first: String,
    last: String,
}

/// The fields of CSV of one user; times are RFC 3339.
pub(crate) fn fields(user: Option<&str>, sums: &Sums, [first, last]: [String; 2]) -> [String; COLUMNS.len()] {
    [
        Outside::new(user.unwrap_or_default()).field(),
        sums.sessions.to_string(),
        sums.uploaded_files.to_string(),
        sums.uploaded_bytes.to_string(),
        sums.downloaded_files.to_string(),
        sums.downloaded_bytes.to_string(),
        sums.deletions.to_string(),
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
    let Sums { deletions, failed, unclear, .. } = *sums;
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
        failed,
        unclear,
        first,
        last,
    };
    line(&document, out)
}

/// Writes all users, by name, for a terminal of this width or for a pipe. A narrow terminal goes without the last
/// columns.
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
    let rows = summary.users.iter().map(|(user, sums)| {
        [
            user.as_ref().map_or("?".to_owned(), |user| Outside::new(user).to_string()),
            sums.sessions.to_string(),
            moved(sums.uploaded_files, sums.uploaded_bytes),
            moved(sums.downloaded_files, sums.downloaded_bytes),
            number(sums.deletions),
            number(sums.failed),
            time(sums.first),
            time(sums.last),
        ]
    });
    let rows: Vec<_> = std::iter::once(HEADER.map(str::to_owned)).chain(rows).collect();
    if rows.len() == 1 {
        return Ok(());
    }
    let widths = table::widths(&rows);
    let shown = table::fitting(&widths, columns.unwrap_or(usize::MAX));
    rows.iter().try_for_each(|row| writeln!(out, "{}", table::line(row, shown).trim_end()))
}
