//! The table for people. The path is the last column, so that a long one does not move the others.

use super::queue::Outcome;
use super::row::Row;
use crate::report::{Outside, table};
use pam_sftpjail::escape::one_line;
use std::io::{self, Write};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// How many rows decide the widths of the columns, if so many come at once. Later ones may widen them.
const SAMPLE: usize = 200;

/// A path with less room than this gets a line of its own. In columns.
const NARROWEST: usize = 24;
const INDENT: usize = 4;

const HEADER: [&str; COLUMNS] = ["TIME", "USER", "ADDRESS", "OPERATION", "RESULT", "BYTES", "PATH"];
const COLUMNS: usize = 7;

type Cells = [String; COLUMNS];

/// The text of a row. The detail comes last, in parentheses, if there is room.
struct Text {
    cells: Cells,
    detail: String,
}

/// Holds rows back until the widths are known, and then keeps the widths, unless a row needs more.
pub(crate) struct Table {
    /// The width of the terminal, if there is one.
    pub(super) columns: Option<usize>,
    waiting: Vec<Text>,
    widths: Option<[usize; COLUMNS]>,
}

impl Table {
    /// For a terminal of this width, or for a file or pipe.
    pub(crate) fn new(columns: Option<usize>) -> Self {
        Self { columns, waiting: Vec::new(), widths: None }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, row: &Row, time: String, out: &mut impl Write) -> io::Result<()> {
        let text = text(row, time);
        match &mut self.widths {
            Some(widths) => {
                for (width, own) in widths.iter_mut().zip(table::widths([&text.cells])) {
                    *width = own.max(*width);
                }
                write(&text, widths, self.columns, out)
            }
            None => {
                self.waiting.push(text);
                if self.waiting.len() < SAMPLE { Ok(()) } else { self.flush(out) }
            }
        }
    }

    /// Writes the rows that wait, if any.
    pub(crate) fn flush(&mut self, out: &mut impl Write) -> io::Result<()> {
        if self.waiting.is_empty() {
            return Ok(());
        }
        let header = Text { cells: HEADER.map(str::to_owned), detail: String::new() };
        let widths = table::widths(self.waiting.iter().chain([&header]).map(|text| &text.cells));
        write(&header, &widths, self.columns, out)?;
        for text in self.waiting.drain(..) {
            write(&text, &widths, self.columns, out)?;
        }
        self.widths = Some(widths);
        Ok(())
    }
}

fn text(row: &Row, time: String) -> Text {
    let event = &row.event;
    let (user, address) = match event.client() {
        Some(client) => (Outside::new(&client.user).to_string(), Outside::new(&client.address).address()),
        None => ("?".into(), "?".into()),
    };
    let result = match &event.outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Failed(status) => one_line(status),
        Outcome::Unclear(status) => format!("{status}?"),
    };
    let bytes = match event.operation.bytes {
        None => String::new(),
        Some((read, 0)) if read > 0 => format!("{read} read"),
        Some((0, written)) => format!("{written} written"),
        Some((read, written)) => format!("{read} read, {written} written"),
    };
    let mut path = shown(row.path());
    if let Some(target) = row.target() {
        path += " -> ";
        path += &shown(target);
    }
    if event.operation.cut {
        path += "…";
    }
    let detail = match event.operation.detail.as_str() {
        "" => String::new(),
        detail => format!(" ({})", one_line(detail)),
    };
    let verb = event.operation.verb.name().to_owned();
    Text { cells: [time, user, address, verb, result, bytes, path], detail }
}

fn shown(path: &[u8]) -> String {
    Outside::of_bytes(path).to_string()
}

/// Begins another line of the same row. Gives the room in it.
fn begin_line(line: &mut String, columns: usize) -> usize {
    line.truncate(line.trim_end().len());
    line.push('\n');
    line.extend(std::iter::repeat_n(' ', INDENT));
    columns.saturating_sub(INDENT)
}

fn write(
    text: &Text,
    widths: &[usize; COLUMNS],
    columns: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    let [cells @ .., path] = &text.cells;
    let mut line = String::new();
    let all = columns.unwrap_or(usize::MAX);
    let mut room = all;
    let mut is_broken = false;
    // A terminal may be too narrow even for what comes before the path.
    for (cell, width) in cells.iter().zip(widths) {
        if room < cell.width() && room < all {
            room = begin_line(&mut line, all);
            is_broken = true;
        }
        let cell = table::line(std::slice::from_ref(cell), std::slice::from_ref(width));
        room = room.saturating_sub(cell.width());
        line += &cell;
    }
    if room < NARROWEST || is_broken {
        room = begin_line(&mut line, all);
    }
    if path.width() + text.detail.width() <= room {
        line += path;
        line += &text.detail;
    } else {
        line += &fitted(path, room);
    }
    writeln!(out, "{}", line.trim_end())
}

/// The text in no more than this width, without its middle if it is longer: the ends of a path say most.
fn fitted(text: &str, columns: usize) -> String {
    if text.width() <= columns {
        return text.to_owned();
    }
    let most = columns.saturating_sub(1);
    let head = taken(text.chars(), most / 3);
    let tail: Vec<_> = taken(text.chars().rev(), most - most / 3).chars().collect();
    head + "…" + &tail.iter().rev().collect::<String>()
}

fn taken(chars: impl Iterator<Item = char>, columns: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.width().unwrap_or(0);
            used <= columns
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_that_is_too_wide_loses_its_middle() {
        assert_eq!(fitted("/home/mle", 9), "/home/mle");
        assert_eq!(fitted("/home/mle/a/very/long/path", 16), "/home…/long/path");
        assert_eq!(fitted("/home/mle/a/very/long/path", 16).width(), 16);
        // A wide character takes two columns, and is not cut in half.
        assert_eq!(fitted("日本語日本語", 8), "日…本語");
        assert_eq!(fitted("日本語日本語", 12), "日本語日本語");
    }
}
