//! Makes names and paths from outside safe to show: in a log line, on a terminal, or in a command to paste.
#![forbid(unsafe_code)]

use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display, Write};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// In bytes. Longer texts lose their middle, so that a log line (8 KiB in rsyslog) keeps its end.
const MAX_SHOWN: usize = 512;

/// Displays bytes from outside so that they stay one word of one line.
///
/// Plain names and paths are shown as they are. Everything else is put into double quotes: `"` and `\` get
/// a backslash, and every byte that is not [printable](is_plain) UTF-8 is shown as `\xNN`. So neither a
/// newline nor ` rhost=…` in a path can pretend to be another field.
pub struct Escaped<'a>(&'a [u8]);

/// Escapes any string of bytes: a name, a path, a line of a file.
pub fn escaped<S: AsRef<OsStr> + ?Sized>(text: &S) -> Escaped<'_> {
    Escaped(text.as_ref().as_bytes())
}

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.len() > MAX_SHOWN {
            let (head, rest) = self.0.split_at(MAX_SHOWN / 2);
            let (middle, tail) = rest.split_at(rest.len() - MAX_SHOWN / 2);
            return write!(f, "{}[{} bytes]{}", Whole(head), middle.len(), Whole(tail));
        }
        Whole(self.0).fmt(f)
    }
}

/// Displays bytes as [`Escaped`] does, and never leaves out the middle. It is for programs, which get the bytes back
/// with [`unescaped`].
pub struct Whole<'a>(&'a [u8]);

/// Escapes any string of bytes, of any length.
pub fn whole<S: AsRef<OsStr> + ?Sized>(text: &S) -> Whole<'_> {
    Whole(text.as_ref().as_bytes())
}

impl Display for Whole<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() && self.0.iter().all(stays) {
            // Every byte is ASCII here, so the lossy form is exact.
            return f.write_str(&String::from_utf8_lossy(self.0));
        }
        quoted(f, self.0)
    }
}

/// Whether a text of such bytes is escaped to itself.
fn stays(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'.' | b'_' | b'-' | b'@' | b'+' | b'$')
}

/// The bytes of a text that [`escaped`] or [`whole`] has made. `None`: it is not such a text, or has lost its middle.
pub fn unescaped(text: &str) -> Option<OsString> {
    let Some(inner) = text.strip_prefix('"') else {
        let is_plain = !text.is_empty() && text.bytes().all(|byte| stays(&byte));
        return is_plain.then(|| text.into());
    };
    let mut rest = inner.strip_suffix('"')?.as_bytes();
    let mut bytes = Vec::with_capacity(rest.len());
    loop {
        let (byte, length) = match rest {
            [] => return Some(OsString::from_vec(bytes)),
            [b'\\', b'x', high, low, ..] => {
                let digit =
                    |digit: u8| char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
                (digit(*high)? << 4 | digit(*low)?, 4)
            }
            [b'\\', byte @ (b'"' | b'\\'), ..] => (*byte, 2),
            [b'\\' | b'"', ..] => return None,
            [byte, ..] => (*byte, 1),
        };
        bytes.push(byte);
        rest = rest.get(length..)?;
    }
}

/// Displays bytes from outside as one word of a command for any POSIX shell, so that a fix can be pasted.
///
/// Plain names and paths are shown as they are, and others in single quotes. Text that is not printable
/// UTF-8 is written by printf(1). `$(…)` loses newlines at the end, so a text that ends with one gets `/.`.
/// That names the same directory; for anything but a directory, the command fails instead of changing
/// another file.
pub(crate) struct Word<'a>(&'a [u8]);

/// Quotes anything that is a string of bytes for a shell.
pub(crate) fn word<S: AsRef<OsStr> + ?Sized>(text: &S) -> Word<'_> {
    Word(text.as_ref().as_bytes())
}

impl Display for Word<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '-' | '@' | '+');
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.is_empty() && text.chars().all(plain) => f.write_str(text),
            Ok(text) if is_plain(text) => write!(f, "'{}'", text.replace('\'', r"'\''")),
            _ => printed(f, self.0),
        }
    }
}

/// Writes `bytes` as a command that prints them. Plain characters stay. All others are octal, since they
/// could mean something to printf's format, as an option, or to history expansion.
fn printed(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    let octal =
        |f: &mut fmt::Formatter<'_>, bytes: &[u8]| bytes.iter().try_for_each(|b| write!(f, "\\{b:03o}"));
    f.write_str("\"$(printf '")?;
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let plain = if c.is_ascii() {
                c.is_ascii_alphanumeric() || matches!(c, '/' | '.' | '_' | '@' | '+' | ' ')
            } else {
                !unprintable(c)
            };
            if plain {
                f.write_char(c)?;
            } else {
                octal(f, c.encode_utf8(&mut [0; 4]).as_bytes())?;
            }
        }
        octal(f, chunk.invalid())?;
    }
    if bytes.ends_with(b"\n") {
        f.write_str("/.")?;
    }
    f.write_str("')\"")
}

/// Writes `bytes` between double quotes, with a backslash before each `"` and `\`.
fn quoted(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    f.write_char('"')?;
    for chunk in bytes.utf8_chunks() {
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

/// Whether a terminal shows every character of it visibly and in its place.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) || !text.chars().any(unprintable)
}

/// Whether std calls it unprintable, or it is invisible.
///
/// std does so for the general categories Cc, Cf, Cs, Co, Cn, Zl, Zp, and Zs but for the space itself
/// (core/src/unicode/printable.py). These are control and format characters (some reorder their
/// neighbours), tags, unassigned characters, and spaces that look like another.
fn unprintable(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_control();
    }
    // std escapes a combining character only at the beginning of a text; here it comes after an x.
    let escaped = || ["x", c.encode_utf8(&mut [0; 4])].concat().escape_debug().count() > 2;
    is_invisible(c) || (c.escape_debug().len() > 1 && escaped())
}

/// Whether it has Default_Ignorable_Code_Point in Unicode's DerivedCoreProperties.txt, and is in none of the
/// categories above; or is the blank of braille.
fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{2800}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Makes a sentence safe that has its own quotes, such as a parser's message: replaces unprintable
/// characters by `?`.
pub fn one_line(text: &str) -> String {
    text.chars().map(|c| if unprintable(c) { '?' } else { c }).collect()
}

#[cfg(test)]
mod shells;

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::RangeInclusive;

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
        assert_eq!(of(b"it's\n\xff\\"), r#""$(printf 'it\047s\012\377\134')""#);
        assert_eq!(of(b"-%d!\n"), r#""$(printf '\055\045d\041\012/.')""#);
    }

    /// The property as in Unicode 16, with the characters that are unassigned yet.
    const DEFAULT_IGNORABLE: [RangeInclusive<u32>; 17] = [
        0xad..=0xad,
        0x34f..=0x34f,
        0x61c..=0x61c,
        0x115f..=0x1160,
        0x17b4..=0x17b5,
        0x180b..=0x180f,
        0x200b..=0x200f,
        0x202a..=0x202e,
        0x2060..=0x206f,
        0x3164..=0x3164,
        0xfe00..=0xfe0f,
        0xfeff..=0xfeff,
        0xffa0..=0xffa0,
        0xfff0..=0xfff8,
        0x1bca0..=0x1bca3,
        0x1d173..=0x1d17a,
        0xe0000..=0xe0fff,
    ];

    #[test]
    fn hiding_and_reordering_characters_are_not_printable_and_every_script_is() {
        let others =
            [0..=0x1f, 0x7f..=0xa0, 0x2000..=0x200f, 0x2028..=0x202f, 0x2066..=0x2069, 0xfff9..=0xfffb];
        let singles = [0x1680, 0x205f, 0x2800, 0x3000, 0xe000, 0xfdd0, 0xfffe, 0x378, 0xf0000, 0x10_ffff];
        let singles = singles.map(|code| code..=code);
        for code in DEFAULT_IGNORABLE.into_iter().chain(others).chain(singles).flatten() {
            let c = char::from_u32(code).unwrap();
            assert!(unprintable(c), "U+{code:04X}");
            assert!(!one_line(&format!("a{c}b")).contains(c), "U+{code:04X}");
        }
        for text in [
            " ~!\"\\",
            "\u{e9} e\u{301} \u{df}",
            "日本語",
            "русский",
            "עברית",
            "العربية",
            "हिन्दी",
            "ไทย",
            "한국어",
            "\u{1f600}",
            "€ § ¿",
            "\u{fffd}",
        ] {
            assert!(is_plain(text), "{text}");
            assert_eq!(one_line(text), text);
        }
    }

    #[test]
    fn an_escaped_text_gives_its_bytes_back_unless_it_has_lost_its_middle() {
        for bytes in [
            &b"/home/mle"[..],
            b"",
            b"a b \"c\" \\x41 \\",
            b"\xff\n\x1b",
            "\u{e9}\u{202e}".as_bytes(),
            &[b'"'; 5000],
        ] {
            let text = Whole(bytes).to_string();
            assert_eq!(unescaped(&text).as_deref(), Some(OsStr::from_bytes(bytes)), "{text}");
        }
        assert_eq!(unescaped(&of(&[b'x'; 5000])), None);
        assert_eq!(unescaped(&of(&[b' '; 5000])), None);
        for text in ["", "\"", "a b", "\"a\"b\"", "\"\\\"", "\"\\x4\"", "\"\\y\"", "\u{e9}"] {
            assert_eq!(unescaped(text), None, "{text}");
        }
    }

    #[test]
    fn a_very_long_text_loses_its_middle() {
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
