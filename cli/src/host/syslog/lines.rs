//! Splits a stream into lines, in a buffer that does not grow, however long a line is.

use std::io::{self, Read};

/// The longest line, in bytes. rsyslog cuts lines at 8 KiB, and the journal's JSON of a message is a few KiB.
pub(crate) const MAX_LINE: usize = 64 << 10;

/// The lines of a stream.
pub(crate) struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// Whether the rest of a line that is too long has to be skipped.
    skipping: bool,
}

/// A line without its newline.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Line<'a> {
    Whole(&'a [u8]),
    /// The last line, without a newline.
    Unended(&'a [u8]),
    /// Longer than [`MAX_LINE`].
    TooLong,
}

impl<R: Read> Lines<R> {
    pub(crate) fn new(reader: R) -> Self {
        Self { reader, buffer: vec![0; 4 * MAX_LINE], start: 0, end: 0, skipping: false }
    }

    /// The next line; `None` at the end of the stream.
    pub(crate) fn next(&mut self) -> io::Result<Option<Line<'_>>> {
        // There is no newline before this position.
        let mut searched = self.start;
        loop {
            let fresh = self.buffer.get(searched..self.end).unwrap_or_default();
            if let Some(newline) = memchr::memchr(b'\n', fresh) {
                let line = self.start..searched + newline;
                self.start = line.end + 1;
                if std::mem::take(&mut self.skipping) || line.len() > MAX_LINE {
                    return Ok(Some(Line::TooLong));
                }
                return Ok(Some(Line::Whole(self.buffer.get(line).unwrap_or_default())));
            }
            if self.end - self.start > MAX_LINE {
                self.skipping = true;
            }
            if self.skipping {
                self.start = self.end;
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            searched = self.end;
            let room = self.buffer.get_mut(self.end..).unwrap_or_default();
            let read = match self.reader.read(room) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                read => read?,
            };
            if read == 0 {
                let line = self.start..self.end;
                self.start = self.end;
                return Ok(if std::mem::take(&mut self.skipping) {
                    Some(Line::TooLong)
                } else if line.is_empty() {
                    None
                } else {
                    Some(Line::Unended(self.buffer.get(line).unwrap_or_default()))
                });
            }
            self.end += read;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that gives its bytes in pieces of this size.
    struct Pieces<'a>(&'a [u8], usize);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let size = self.1.min(self.0.len()).min(buffer.len());
            buffer[..size].copy_from_slice(&self.0[..size]);
            self.0 = &self.0[size..];
            Ok(size)
        }
    }

    fn lines(text: &[u8], piece: usize) -> Vec<String> {
        let mut lines = Lines::new(Pieces(text, piece));
        let mut all = Vec::new();
        while let Some(line) = lines.next().unwrap() {
            all.push(match line {
                Line::Whole(line) if line.len() > 10 => format!("{} bytes", line.len()),
                Line::Whole(line) => String::from_utf8_lossy(line).into_owned(),
                Line::Unended(line) => format!("unended {}", line.len()),
                Line::TooLong => "too long".into(),
            });
        }
        all
    }

    #[test]
    fn lines_are_split_whatever_the_size_of_reads_is() {
        for piece in [1, 2, 3, 1000] {
            assert_eq!(lines(b"", piece), [""; 0]);
            assert_eq!(lines(b"a\n\nbc\n", piece), ["a", "", "bc"]);
            assert_eq!(lines(b"a\nbc", piece), ["a", "unended 2"]);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_skipped_and_the_next_is_read() {
        for length in [MAX_LINE + 1, 4 * MAX_LINE, 4 * MAX_LINE + 1, 50 * MAX_LINE] {
            let long = vec![b'x'; length];
            for piece in [999, 1 << 20] {
                let text = [b"a\n", &long[..], b"\nb\n"].concat();
                assert_eq!(lines(&text, piece), ["a", "too long", "b"], "{length} {piece}");
                assert_eq!(lines(&text[..2 + length], piece), ["a", "too long"], "{length} {piece}");
            }
        }
        let most = [&vec![b'x'; MAX_LINE][..], b"\nb\n"].concat();
        for piece in [999, MAX_LINE] {
            assert_eq!(lines(&most, piece), [format!("{MAX_LINE} bytes"), "b".into()], "{piece}");
        }
    }
}
