//! Names and paths from outside, made safe for a log line or a terminal.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fmt::{self, Display, Write};
use std::os::unix::ffi::OsStrExt;

/// Displays bytes from outside so that they stay one word of one line.
///
/// Plain names and paths are shown as they are. Everything else is put into double quotes, with
/// `"` and `\` escaped by a backslash and every byte that is not printable UTF-8 as `\xNN`, so
/// that neither a newline nor ` rhost=…` in a path can pretend to be another field.
pub struct Escaped<'a>(&'a [u8]);

/// Escapes anything that is a string of bytes: a name, a path, a line of a file.
pub fn escaped<S: AsRef<OsStr> + ?Sized>(text: &S) -> Escaped<'_> {
    Escaped(text.as_ref().as_bytes())
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain =
            |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'.' | b'_' | b'-' | b'@' | b'+' | b'$');
        if !self.0.is_empty() && self.0.iter().all(plain) {
            // Every byte is ASCII here, so the lossy form is exact.
            return f.write_str(&String::from_utf8_lossy(self.0));
        }
        f.write_char('"')?;
        for chunk in self.0.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => write!(f, "\\{c}")?,
                    c if unprintable(c) => {
                        let mut bytes = [0; 4];
                        for b in c.encode_utf8(&mut bytes).bytes() {
                            write!(f, "\\x{b:02x}")?;
                        }
                    }
                    c => f.write_char(c)?,
                }
            }
            for b in chunk.invalid() {
                write!(f, "\\x{b:02x}")?;
            }
        }
        f.write_char('"')
    }
}

/// Control characters, and those that reorder or hide what stands beside them.
fn unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// The same for a sentence that quotes its own words already, such as a parser's message: only
/// what is unprintable is replaced.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if unprintable(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(bytes: &[u8]) -> String {
        Escaped(bytes).to_string()
    }

    #[test]
    fn plain_paths_are_shown_as_they_are() {
        assert_eq!(of(b"/home/mle/sub"), "/home/mle/sub");
        assert_eq!(of(b"web$"), "web$");
    }

    #[test]
    fn a_path_cannot_pretend_to_be_another_field_or_line() {
        assert_eq!(of(b"/home/a b rhost=1"), "\"/home/a b rhost=1\"");
        assert_eq!(of(b"a\nb"), "\"a\\x0ab\"");
        assert_eq!(of(b"a\"b\\c"), "\"a\\\"b\\\\c\"");
        assert_eq!(of(b""), "\"\"");
    }

    #[test]
    fn terminals_see_no_controls_and_no_reordering() {
        assert_eq!(of(b"\x1b[2J"), "\"\\x1b[2J\"");
        assert_eq!(of(b"caf\xe9"), "\"caf\\xe9\"");
        assert_eq!(of("caf\u{e9}".as_bytes()), "\"caf\u{e9}\"");
        assert_eq!(of("x\u{202e}y".as_bytes()), "\"x\\xe2\\x80\\xaey\"");
        assert_eq!(one_line("a\nb\u{1b}"), "a?b?");
    }
}
