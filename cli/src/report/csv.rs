//! Fields of CSV: safe on a terminal and in a spreadsheet.

use pam_sftpjail::escape::is_plain;
use std::fmt::Write as _;
use std::io;

/// The I/O error behind an error of the csv crate. The crate's own conversion hides a broken pipe.
pub(crate) fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

/// One field of CSV. What is not printable becomes `\xNN`, and `\` becomes `\\`, so that a terminal obeys nothing in
/// it. So does a first `=`, `+`, `-` or `@`: users choose names, and a spreadsheet runs `=HYPERLINK(…)` as a formula.
pub(crate) fn field(text: &[u8]) -> String {
    let mut safe = String::with_capacity(text.len());
    let (first, text) = text.split_at(usize::from(matches!(text, [b'=' | b'+' | b'-' | b'@', ..])));
    escape(&mut safe, first);
    for chunk in text.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut buffer = [0; 4];
            let bytes = c.encode_utf8(&mut buffer);
            match c {
                '\\' => safe.push_str("\\\\"),
                _ if is_plain(bytes) => safe.push(c),
                _ => escape(&mut safe, bytes.as_bytes()),
            }
        }
        escape(&mut safe, chunk.invalid());
    }
    safe
}

fn escape(safe: &mut String, bytes: &[u8]) {
    for byte in bytes {
        let _ = write!(safe, "\\x{byte:02x}");
    }
}
