//! Writes JSON, in which every text is safe on a terminal. A text from outside is plain in it, not escaped as in
//! sentences: [`Outside::plain`](super::Outside::plain).

use pam_sftpjail::escape::is_plain;
use serde::Serialize;
use serde_json::Serializer;
use serde_json::ser::Formatter;
use std::io::{self, Write};

/// The version of all documents. It rises when a key is renamed or removed, or changes its meaning.
pub(crate) const VERSION: u32 = 3;

/// Writes a document of `--json`, indented.
pub(crate) fn document(report: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    let mut text = Vec::new();
    serde_json::to_writer_pretty(&mut text, report)?;
    // Outside of strings there is nothing but ASCII, and in them no control character of ASCII but DEL.
    for (i, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        if i > 0 {
            writeln!(out)?;
        }
        safe(line, out)?;
    }
    writeln!(out)
}

/// Writes a document on one line.
pub(crate) fn line(value: &impl Serialize, out: &mut impl Write) -> io::Result<()> {
    value.serialize(&mut Serializer::with_formatter(&mut *out, Safe))?;
    out.write_all(b"\n")
}

/// serde_json's compact form, with strings that are safe on a terminal.
struct Safe;

impl Formatter for Safe {
    fn write_string_fragment<W: ?Sized + Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        safe(fragment, out)
    }
}

/// Writes a part of a string, with `\uNNNN` for every character that a terminal would obey or hide.
fn safe<W: ?Sized + Write>(text: &str, out: &mut W) -> io::Result<()> {
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
