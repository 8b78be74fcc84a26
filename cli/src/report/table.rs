//! Tables for people: columns that are as wide as their cells. Whatever a cell holds, a terminal obeys nothing in it.

use pam_sftpjail::escape::{is_plain, one_line};
use std::borrow::Cow;
use unicode_width::UnicodeWidthStr;

/// The blanks between two columns.
const GAP: usize = 2;

/// The width of each column, in columns of a terminal.
pub(crate) fn widths<'r, const N: usize>(rows: impl IntoIterator<Item = &'r [String; N]>) -> [usize; N] {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = shown(cell).width().max(*width);
        }
    }
    widths
}

/// The widths of as many columns as fit side by side into `room`, and at least that of the first.
pub(crate) fn fitting(widths: &[usize], room: usize) -> &[usize] {
    let mut shown = widths;
    loop {
        match shown.split_last() {
            Some((_, fewer))
                if !fewer.is_empty() && shown.iter().sum::<usize>() + GAP * fewer.len() > room =>
            {
                shown = fewer;
            }
            _ => return shown,
        }
    }
}

/// A row: each cell in a column of this width, with a gap behind it. A cell that is too wide moves the others.
pub(crate) fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        let cell = shown(cell);
        line += &cell;
        line.extend(std::iter::repeat_n(' ', (width + GAP).saturating_sub(cell.width()).max(1)));
    }
    line
}

/// Names in cells are escaped already. This is for what is not: it becomes `?`.
fn shown(cell: &str) -> Cow<'_, str> {
    if is_plain(cell) { cell.into() } else { one_line(cell).into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_obeys_nothing_in_a_cell() {
        let row = ["a\u{1b}[2J".to_owned(), "\u{202e}\u{9b}b".to_owned()];
        let widths = widths([&row]);
        assert_eq!(line(&row, &widths).trim_end(), "a?[2J  ??b");
    }
}
