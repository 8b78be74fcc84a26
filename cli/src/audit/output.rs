//! Writes operations and gaps as a table for people, as CSV or as JSON Lines.

use super::gaps::{Kind, Tally};
use super::json;
use super::queue::Event;
use super::row::Row;
use super::summary::{Summary, Sums};
use super::sums;
use super::table::Table;
use super::time::shown;
use crate::report::csv::Sheet;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use std::borrow::Cow;
use std::io::{self, Write};

/// The form of the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// With the width of the terminal in columns, if it is for one.
    Table(Option<usize>),
    Csv,
    Json,
}

/// Writes rows in one style.
pub(crate) struct Output<W: Write> {
    zone: TimeZone,
    sink: Sink<W>,
}

enum Sink<W: Write> {
    Table(Table, W),
    Csv(Box<Sheet<W>>),
    Json(W),
}

impl<W: Write> Output<W> {
    /// Times are shown in `zone`. `is_summary`: there will be sums, and no rows.
    pub(crate) fn new(out: W, style: Style, zone: TimeZone, is_summary: bool) -> io::Result<Self> {
        let sink = match style {
            Style::Table(width) => Sink::Table(Table::new(width), out),
            Style::Json => Sink::Json(out),
            Style::Csv => {
                let header = if is_summary { sums::COLUMNS.as_slice() } else { &COLUMNS };
                Sink::Csv(Box::new(Sheet::new(out, header)?))
            }
        };
        Ok(Self { zone, sink })
    }

    /// Writes an operation.
    pub(crate) fn row(&mut self, row: &Row) -> io::Result<()> {
        let time = row.event.time;
        match &mut self.sink {
            Sink::Table(table, out) => table.row(row, shown(time, &self.zone), out),
            Sink::Csv(sheet) => sheet.row(fields(row, rfc3339(time, &self.zone))),
            Sink::Json(out) => json::operation(row, rfc3339(time, &self.zone), out),
        }
    }

    /// Writes the sums of all users.
    pub(crate) fn summary(&mut self, summary: &Summary) -> io::Result<()> {
        let zone = &self.zone;
        let times = |sums: &Sums| [sums.first, sums.last].map(|time| rfc3339(time, zone));
        let mut users = summary.users.iter().map(|(user, sums)| (user.as_deref(), sums));
        match &mut self.sink {
            Sink::Table(table, out) => sums::print(summary, |time| shown(time, zone), table.columns, out),
            Sink::Csv(sheet) => {
                users.try_for_each(|(user, sums)| sheet.row(sums::fields(user, sums, times(sums))))
            }
            Sink::Json(out) => users.try_for_each(|(user, sums)| sums::json(user, sums, times(sums), out)),
        }
    }

    /// Writes the gaps of a kind, where gaps are part of the output. Gives whether they are.
    pub(crate) fn gap(&mut self, kind: Kind, tally: &Tally) -> io::Result<bool> {
        match &mut self.sink {
            Sink::Json(out) => json::gap(kind, tally, out).map(|()| true),
            Sink::Table(..) | Sink::Csv(_) => Ok(false),
        }
    }

    /// Writes the rows that are still held back.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        match &mut self.sink {
            Sink::Table(table, out) => table.flush(out).and_then(|()| out.flush()),
            Sink::Csv(sheet) => sheet.flush(),
            Sink::Json(out) => out.flush(),
        }
    }
}

fn rfc3339(time: Timestamp, zone: &TimeZone) -> String {
    time.display_with_offset(zone.to_offset(time)).to_string()
}

fn fields(row: &Row, time: String) -> [Cow<'_, [u8]>; COLUMNS.len()] {
    let Event { who, operation, .. } = &row.event;
    let (result, status) = row.result();
    let number = |number: Option<u64>| owned(number.map_or(String::new(), |number| number.to_string()));
    let client = who.client();
    [
        owned(time),
        client.map_or("", |client| &client.user).as_bytes().into(),
        client.map_or("", |client| &client.address).as_bytes().into(),
        operation.verb.name().as_bytes().into(),
        row.path().into(),
        number(operation.bytes.map(|(read, _)| read)),
        number(operation.bytes.map(|(_, written)| written)),
        result.as_bytes().into(),
        status.unwrap_or_default().as_bytes().into(),
        row.target().unwrap_or_default().into(),
        operation.detail.as_bytes().into(),
        row.path.as_ref().map_or(Cow::default(), |_| operation.path.as_slice().into()),
        who.host.as_bytes().into(),
        owned(who.pid.to_string()),
    ]
}

fn owned(text: String) -> Cow<'static, [u8]> {
    text.into_bytes().into()
}

/// New columns come at the end, and none is renamed: CSV has no version.
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

#[cfg(test)]
mod tests;
