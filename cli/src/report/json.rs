//! Writes JSON, in which every text is safe on a terminal. A text from outside is plain in it, not escaped as in
//! sentences: [`Outside::plain`](super::Outside::plain).

use pam_sftpjail::escape::is_plain;
use serde::Serialize;
use std::io::{self, BufWriter, ErrorKind, Write};

/// The version of all documents. It rises when a key is renamed or removed, or changes its meaning.
pub(crate) const VERSION: u32 = 3;

/// Writes a document of `--json`, indented.
pub(crate) fn document(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    // Standard output would write each of its lines by itself.
    let mut out = Safe(BufWriter::new(out));
    serde_json::to_writer_pretty(&mut out, report)?;
    out.0.write_all(b"\n")?;
    out.flush()
}

/// Writes a document on one line.
pub(crate) fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    serde_json::to_writer(Safe(&mut *out), value)?;
    out.write_all(b"\n")
}

/// Writes what serde_json writes, with strings that are safe on a terminal. serde_json writes whole characters, and
/// control characters of ASCII as escapes, but for DEL and the ends of lines between values.
struct Safe<W>(W);

impl<W: Write> Write for Safe<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text =
            std::str::from_utf8(bytes).map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        match text.strip_suffix('\n') {
            Some(before) => safe(before, &mut self.0).and_then(|()| self.0.write_all(b"\n")),
            None => safe(text, &mut self.0),
        }?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Writes a part of a string, with `\uNNNN` for every character that a terminal would obey or hide.
fn safe(text: &str, out: &mut impl Write) -> io::Result<()> {
    if is_plain(text) {
        return out.write_all(text.as_bytes());
    }
    for c in text.chars() {
        if is_plain(c.encode_utf8(&mut [0; 4])) {
            write!(out, "{c}")?;
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_are_exact_and_have_nothing_that_a_terminal_would_obey() {
        let odd = "/a\x1b[2J\u{9b}\u{202e}\u{61c}\x7f\r\n\t\"\\\u{e9}\u{1f600}\u{e0041}";
        let value = serde_json::json!({ odd: [odd, { "k": odd }], "n": 1, "e": [] });
        let (mut indented, mut one) = (Vec::new(), Vec::new());
        document(&value, &mut indented).unwrap();
        line(&value, &mut one).unwrap();
        for text in [indented, one] {
            let text = String::from_utf8(text).unwrap();
            assert!(text.ends_with('\n') && text.lines().all(is_plain), "{text}");
            assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), value);
        }
    }
}
