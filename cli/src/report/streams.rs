//! Where text leaves this program: standard output and standard error. Nothing else names them (clippy.toml), so that
//! a terminal obeys nothing of what any verb writes but this program's own colours.
//!
//! It is the last line of defence. Who writes a name from outside makes an [`Outside`](super::Outside) of it, which
//! shows what is in it; here, what is left of such characters becomes `?`.

use super::terminal::COLOURS;
use anstream::AutoStream;
use pam_sftpjail::escape::is_plain;
use std::io::{self, Stderr, StdoutLock, Write};

/// Standard output, with colours if it is a terminal that wants them.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn stdout() -> Harmless<AutoStream<StdoutLock<'static>>> {
    Harmless::new(anstream::stdout().lock())
}

/// Standard output for gigabytes without colours.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn plain_stdout() -> Harmless<StdoutLock<'static>> {
    Harmless::new(io::stdout().lock())
}

/// Standard error.
#[expect(clippy::disallowed_methods, reason = "this is the place")]
pub(crate) fn stderr() -> Harmless<Stderr> {
    Harmless::new(io::stderr())
}

/// Writes text of which a terminal shows every character in its place. Lines, tabs and this program's colours stay.
pub(crate) struct Harmless<W> {
    inner: W,
    /// The beginning of a character, or of a colour, whose end has not been written yet.
    begun: Vec<u8>,
}

impl<W: Write> Harmless<W> {
    pub(super) fn new(inner: W) -> Self {
        Self { inner, begun: Vec::new() }
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let stays = |byte: &u8| matches!(byte, b' '..=b'~' | b'\n' | b'\t');
        if self.begun.is_empty() && bytes.iter().all(stays) {
            return self.inner.write(bytes);
        }
        let text = [std::mem::take(&mut self.begun).as_slice(), bytes].concat();
        let (harmless, begun) = harmless(&text);
        self.begun = begun.to_vec();
        self.inner.write_all(harmless.as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

/// The text without what a terminal would obey or hide, and what may be the beginning of more at its end.
fn harmless(text: &[u8]) -> (String, &[u8]) {
    let mut harmless = String::with_capacity(text.len());
    let mut chunks = text.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let (is_last, invalid) = (chunks.peek().is_none(), chunk.invalid());
        let mut rest = chunk.valid();
        while let Some(c) = rest.chars().next() {
            if let Some(colour) = COLOURS.iter().find(|colour| rest.starts_with(**colour)) {
                harmless.push_str(colour);
                rest = rest.strip_prefix(colour).unwrap_or_default();
                continue;
            }
            if is_last && invalid.is_empty() && COLOURS.iter().any(|colour| colour.starts_with(rest)) {
                return (harmless, rest.as_bytes());
            }
            let end = rest.find(|c: char| c.is_control()).filter(|end| *end > 0);
            let (words, after) = rest.split_at_checked(end.unwrap_or(c.len_utf8())).unwrap_or((rest, ""));
            match words {
                "\n" | "\t" => harmless.push_str(words),
                _ if is_plain(words) => harmless.push_str(words),
                _ => harmless.extend(
                    words.chars().map(|c| if is_plain(c.encode_utf8(&mut [0; 4])) { c } else { '?' }),
                ),
            }
            rest = after;
        }
        if is_last && std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none()) {
            return (harmless, invalid);
        }
        if !invalid.is_empty() {
            harmless.push('?');
        }
    }
    (harmless, b"")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::terminal::{Alarm, Mark};

    /// What is written of `text`, in pieces of `size` bytes.
    fn written(text: &[u8], size: usize) -> String {
        let mut out = Harmless::new(Vec::new());
        text.chunks(size).for_each(|piece| out.write_all(piece).unwrap());
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn a_terminal_obeys_only_this_programs_colours_however_the_text_comes() {
        let own = format!("{} a\tb \u{e9} \u{1f600}\n{}\n", Mark::Bad, Alarm("c"));
        let outside = b"\x1b[2J\x1b[8m\x1b]0;x\x07\xc2\x9b2J\xe2\x80\xae\x7f\r\xff\xe2\x80d\x1b\n";
        for size in 1..=outside.len() {
            assert_eq!(written(own.as_bytes(), size), own);
            assert_eq!(written(outside, size), "?[2J?[8m?]0;x??2J???\u{3f}?d?\n", "{size}");
        }
        assert_eq!(written(b"", 1), "");
    }
}
