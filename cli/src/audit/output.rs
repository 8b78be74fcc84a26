//! Operations and gaps → a table for people, CSV, or JSON Lines.

use super::gaps::{Kind, Tally};
use super::json;
use super::queue::{Event, Outcome};
use super::table::Table;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::is_plain;
use std::fmt::Write as _;
use std::io::{self, Write};

/// How to write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// So many columns, if it is for a terminal.
    Table(Option<usize>),
    Csv,
    Json,
}

/// An operation and what this host adds to it.
pub(crate) struct Row {
    pub(crate) event: Event,
    /// Where on the host path and target are, if that is not as the log has them.
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) target: Option<Vec<u8>>,
}

/// Writes rows in one style.
pub(crate) struct Output<W: Write> {
    zone: TimeZone,
    sink: Sink<W>,
}

enum Sink<W: Write> {
    Table(Table, W),
    Csv(Box<csv::Writer<W>>),
    Json(W),
}

impl Row {
    /// On the host, if that is known.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.as_deref().unwrap_or(&self.event.operation.path)
    }

    /// On the host, if that is known.
    pub(crate) fn target(&self) -> Option<&[u8]> {
        self.target.as_deref().or(self.event.operation.target.as_deref())
    }

    /// `ok`, `failed` or `unclear`, and what internal-sftp answered if it was not success.
    pub(crate) fn result(&self) -> (&'static str, Option<&str>) {
        match &self.event.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Failed(status) => ("failed", Some(status)),
            Outcome::Unclear(status) => ("unclear", Some(status)),
        }
    }
}

impl<W: Write> Output<W> {
    /// Times are shown in `zone`.
    pub(crate) fn new(out: W, style: Style, zone: TimeZone) -> io::Result<Self> {
        let sink = match style {
            Style::Table(width) => Sink::Table(Table::new(width), out),
            Style::Json => Sink::Json(out),
            Style::Csv => {
                let mut writer = csv::Writer::from_writer(out);
                writer.write_record(COLUMNS).map_err(io_error)?;
                Sink::Csv(Box::new(writer))
            }
        };
        Ok(Self { zone, sink })
    }

    /// Writes an operation.
    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        let time = row.event.time;
        match &mut self.sink {
            Sink::Table(table, out) => {
                let time = self.zone.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string();
                table.row(row, time, out)
            }
            Sink::Csv(writer) => {
                writer.write_record(fields(row, rfc3339(time, &self.zone))).map_err(io_error)
            }
            Sink::Json(out) => json::operation(row, rfc3339(time, &self.zone), out),
        }
    }

    /// Writes a gap, where gaps are part of the output; says whether they are.
    pub(crate) fn gap(&mut self, kind: Kind, tally: &Tally) -> io::Result<bool> {
        match &mut self.sink {
            Sink::Json(out) => json::gap(kind, tally, out).map(|()| true),
            Sink::Table(..) | Sink::Csv(_) => Ok(false),
        }
    }

    /// Writes what is held back.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Table(table, out) => table.flush(out).and_then(|()| out.flush()),
            Sink::Csv(writer) => writer.flush(),
            Sink::Json(out) => out.flush(),
        }
    }
}

fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    time.display_with_offset(zone.to_offset(time)).to_string()
}

/// The crate's own conversion would hide that a pipe is broken.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn fields(row: &Row, time: String) -> [String; COLUMNS.len()] {
    let Event { host, pid, who, operation, .. } = &row.event;
    let (result, status) = row.result();
    let number = |number: Option<u64>| number.map_or(String::new(), |number| number.to_string());
    let who = who.as_ref();
    [
        time,
        safe(who.map_or("", |who| &who.user).as_bytes()),
        safe(who.map_or("", |who| &who.address).as_bytes()),
        operation.verb.name().to_owned(),
        safe(row.path()),
        number(operation.bytes.map(|(read, _)| read)),
        number(operation.bytes.map(|(_, written)| written)),
        result.to_owned(),
        safe(status.unwrap_or_default().as_bytes()),
        safe(row.target().unwrap_or_default()),
        safe(operation.detail.as_bytes()),
        row.path.as_ref().map_or(String::new(), |_| safe(&operation.path)),
        safe(host.as_bytes()),
        pid.to_string(),
    ]
}

/// It grows at its end only.
const COLUMNS: [&str; 14] = [
    "time",
    "user",
    "address",
    "operation",
    "path",
    "read",
    "written",
    "result",
    "status",
    "target",
    "detail",
    "jail_path",
    "host",
    "pid",
];

/// One field of CSV, safe on a terminal: `\xNN` for what is not printable, and `\\` for `\`. And safe
/// in a spreadsheet, which would take a name such as `=HYPERLINK(…)` for a formula: users choose names.
fn safe(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    let (first, text) = text.split_at(usize::from(matches!(text, [b'=' | b'+' | b'-' | b'@', ..])));
    escape(&mut safe, first);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer);
            match c {
                '\\' => safe.push_str("\\\\"),
                _ if is_plain(bytes) => safe.push(c),
                _ => escape(&mut safe, bytes.as_bytes()),
            }
        }
        escape(&mut safe, chunk.invalid());
    }
    safe
}

fn escape(safe: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(safe, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests;
