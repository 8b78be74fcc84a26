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
        match std::str::from_utf8(self.0) {
            Ok(text) if !text.is_empty() && self.0.iter().all(stays) => f.write_str(text),
            _ => quoted(f, self.0),
        }
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
mod tests;
