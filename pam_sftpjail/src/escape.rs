//! Names and paths from outside, made safe for a log line or a terminal.
#![forbid(unsafe_code)]

use std::ffi::OsStr;
use std::fmt::{self, Display, Write};
use std::os::unix::ffi::OsStrExt;

/// Longer ones lose their middle, so that a log line (8 KiB in rsyslog) keeps its end. In bytes.
const MAX_SHOWN: usize = 512;

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
        if self.0.len() > MAX_SHOWN {
            let (head, rest) = self.0.split_at(MAX_SHOWN / 2);
            let (middle, tail) = rest.split_at(rest.len() - MAX_SHOWN / 2);
            return write!(f, "{}[{} bytes]{}", Escaped(head), middle.len(), Escaped(tail));
        }
        if !self.0.is_empty() && self.0.iter().all(plain) {
            // Every byte is ASCII here, so the lossy form is exact.
            return f.write_str(&String::from_utf8_lossy(self.0));
        }
        quoted(f, self.0, '"')
    }
}

/// Displays bytes from outside as one word of a shell command, so that a cure can be pasted.
///
/// Plain names and paths are shown as they are, others in single quotes; only what is not
/// printable UTF-8 needs bash's `$'…'`.
pub struct Word<'a>(&'a [u8]);

/// Quotes anything that is a string of bytes for a shell.
pub fn word<S: AsRef<OsStr> + ?Sized>(text: &S) -> Word<'_> {
    Word(text.as_ref().as_bytes())
}

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '+');
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.is_empty() && text.chars().all(plain) => f.write_str(text),
            Ok(text) if !text.chars().any(unprintable) => write!(f, "'{}'", text.replace('\'', r"'\''")),
            _ => {
                f.write_char('$')?;
                quoted(f, self.0, '\'')
            }
        }
    }
}

/// Writes `bytes` between two quotes, with backslashes before what would end or change them.
fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8], quote: char) -> fmt::Result {
    f.write_char(quote)?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                c if c == quote || c == '\\' => write!(f, "\\{c}")?,
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
    f.write_char(quote)
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
    fn a_shell_reads_one_word_and_runs_nothing() {
        let of = |bytes| Word(bytes).to_string();
        assert_eq!(of(b"/home/mle/sub"), "/home/mle/sub");
        assert_eq!(of(b""), "''");
        assert_eq!(of(b"web$"), "'web$'");
        assert_eq!(of(b"/home/$(x) `y`"), "'/home/$(x) `y`'");
        assert_eq!(of(b"it's"), r"'it'\''s'");
        assert_eq!(of(b"it's\n\xff\\"), r"$'it\'s\x0a\xff\\'");
    }

    #[test]
    fn what_is_very_long_loses_its_middle() {
        let long = of(&[b'x'; 5000]);
        assert_eq!(long, format!("{0}[4488 bytes]{0}", "x".repeat(256)));
        assert!(of(&[0xff; 5000]).len() < 2100);
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
