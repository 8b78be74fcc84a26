//! Writes CSV, in which every field is safe on a terminal and in a spreadsheet, whatever a verb puts into it.

use pam_sftpjail::escape::is_plain;
use std::fmt::Write as _;
use std::io::{self, Write};

/// A table of CSV that is being written.
pub(crate) struct Sheet<W: Write>(csv::Writer<W>);

impl<W: Write> Sheet<W> {
    /// Begins with a line of the names of the columns.
    pub(crate) fn new(out: W, columns: &[&str]) -> io::Result<Self> {
        let mut writer = csv::Writer::from_writer(out);
        writer.write_record(columns).map_err(io_error)?;
        Ok(Self(writer))
    }

    /// Writes a row, with as many fields as there are columns: any bytes.
    pub(crate) fn row(&mut self, fields: impl IntoIterator<Item = impl AsRef<[u8]>>) -> io::Result<()> {
        self.0.write_record(fields.into_iter().map(|text| field(text.as_ref()))).map_err(io_error)
    }

    pub(crate) fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// The I/O error behind an error of the csv crate. The crate's own conversion hides a broken pipe.
fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// One field of CSV. What is not printable becomes `\xNN`, and `\` becomes `\\`, so that a terminal obeys nothing in
/// it. Users choose names, and a spreadsheet runs `=HYPERLINK(…)` as a formula. So the first character of a formula
/// becomes `\xNN`, and `;` does everywhere: a spreadsheet that takes it for the separator, as in German or French,
/// would begin a new cell after it. (A tab is not printable.)
fn field(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut is_first = true;
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer);
            match c {
                '\\' => safe.push_str("\\\\"),
                ';' => escape(&mut safe, b";"),
                _ if is_first && begins_formula(c) => escape(&mut safe, bytes.as_bytes()),
                _ if is_plain(bytes) => safe.push(c),
                _ => escape(&mut safe, bytes.as_bytes()),
            }
            // Blanks before a formula may be skipped.
            is_first &= c == ' ';
        }
        escape(&mut safe, chunk.invalid());
        is_first &= chunk.invalid().is_empty();
    }
    safe
}

/// Whether a spreadsheet takes what follows for a formula. Excel does so for the wide forms in East Asian locales.
fn begins_formula(c: char) -> bool {
    matches!(c, '=' | '+' | '-' | '@' | '\u{ff1d}' | '\u{ff0b}' | '\u{ff0d}' | '\u{ff20}')
}

fn escape(safe: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(safe, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spreadsheet_finds_a_formula_whatever_its_separator_is() {
        for (text, expected) in [
            ("=1+1", "\\x3d1+1"),
            ("a=1", "a=1"),
            ("/home/a;=HYPERLINK(1)", "/home/a\\x3b=HYPERLINK(1)"),
            ("/a\t=1\r@x", "/a\\x09=1\\x0d@x"),
            (" =1", " \\x3d1"),
            ("\u{ff1d}1", "\\xef\\xbc\\x9d1"),
            ("-", "\\x2d"),
            ("", ""),
        ] {
            assert_eq!(field(text.as_bytes()), expected);
            // A line of such fields is one cell for a separator that is not a comma.
            assert!(!field(text.as_bytes()).contains([';', '\t']));
        }
        assert_eq!(field(b"\xff=1"), "\\xff=1");
    }

    #[test]
    fn no_row_is_written_as_it_is() {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out, &["path", "pid"]).unwrap();
        sheet.row([b"=1,\n\xff".as_slice(), b"7"]).unwrap();
        sheet.flush().unwrap();
        drop(sheet);
        assert_eq!(String::from_utf8(out).unwrap(), "path,pid\n\"\\x3d1,\\x0a\\xff\",7\n");
    }
}
