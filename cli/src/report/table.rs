//! Columns of a table for people, wide enough for their cells.

use unicode_width::UnicodeWidthStr;

/// Between two columns.
pub(crate) const GAP: usize = 2;

/// How wide each column must be, in columns of a terminal.
pub(crate) fn widths<'r, const N: usize>(rows: impl IntoIterator<Item = &'r [String; N]>) -> [usize; N] {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.width().max(*width);
        }
    }
    widths
}

/// Cells in columns of these widths, with a gap behind each. A cell that is too wide pushes the others.
pub(crate) fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line += cell;
        line.extend(std::iter::repeat_n(' ', (width + GAP).saturating_sub(cell.width()).max(1)));
    }
    line
}
