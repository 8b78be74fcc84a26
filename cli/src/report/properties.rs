//! What must hold of whatever leaves this program: a terminal and a spreadsheet obey nothing of it, and a program can
//! have all of it back.

use super::csv::Sheet;
use super::outside::Outside;
use super::streams::Harmless;
use super::{json, table, terminal, text};
use pam_sftpjail::escape::is_plain;
use std::io::Write;
use std::str::from_utf8;

/// Texts with `\x1f` between them, as fields of a row.
pub fn csv(data: &[u8]) {
    let fields: Vec<&[u8]> = data.split(|byte| *byte == b'\x1f').collect();
    let mut bytes = Vec::new();
    let columns: Vec<_> = fields.iter().map(|_| "column").collect();
    if let Ok(mut sheet) = Sheet::new(&mut bytes, &columns) {
        assert!(sheet.row(&fields).is_ok() && sheet.flush().is_ok());
    }
    let written = String::from_utf8_lossy(&bytes);
    assert!(written.lines().all(is_plain) && written.lines().count() == 2, "{written}");
    assert!(!written.contains(';'), "{written}");
    let mut reader = csv::Reader::from_reader(&*bytes);
    let read = reader.records().next().and_then(Result::ok).unwrap_or_default();
    let is_formula = |cell: &str| {
        cell.trim_start_matches(' ')
            .starts_with(['=', '+', '-', '@', '\u{ff1d}', '\u{ff0b}', '\u{ff0d}', '\u{ff20}'])
    };
    assert!(!read.iter().any(is_formula), "{written}");
    let back: Vec<_> = read.iter().map(unescaped).collect();
    assert_eq!(back, fields, "{written}");
}

/// The bytes of a field: the README says how a program has them back.
fn unescaped(field: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut parts = field.split('\\');
    bytes.extend(parts.next().unwrap_or_default().bytes());
    while let Some(part) = parts.next() {
        match part.strip_prefix('x').and_then(|rest| rest.split_at_checked(2)) {
            Some((byte, rest)) => {
                bytes.extend(u8::from_str_radix(byte, 16));
                bytes.extend(rest.bytes());
            }
            // Two of them are one.
            None => {
                bytes.push(b'\\');
                bytes.extend(part.bytes());
                bytes.extend(parts.next().unwrap_or_default().bytes());
            }
        }
    }
    bytes
}

/// Whatever comes to the streams, in pieces of any size: no more leaves than lines, tabs and this program's colours.
/// And no writer above them lets anything else come there.
pub fn writers(data: &[u8]) {
    let written = |size: usize| {
        let mut bytes = Vec::new();
        let mut out = Harmless::new(&mut bytes);
        assert!(data.chunks(size).all(|piece| out.write_all(piece).is_ok()));
        bytes
    };
    let whole = written(data.len().max(1));
    let plain = String::from_utf8_lossy(&whole).into_owned();
    let plain =
        terminal::COLOURS.iter().fold(plain, |text, colour| text.replace(colour, "")).replace('\t', "");
    assert!(plain.lines().all(is_plain), "{plain:?}");
    for size in [1, 2, 3, 7] {
        assert_eq!(written(size), whole, "{size}");
    }
    // What is harmless already stays as it is.
    let mut twice = Vec::new();
    assert!(Harmless::new(&mut twice).write_all(&whole).is_ok());
    assert_eq!(twice, whole);

    let outside = Outside::of_bytes(data);
    for shown in [outside.to_string(), outside.address()] {
        assert!(is_plain(&shown) && !shown.is_empty(), "{shown:?}");
    }
    if data.len() <= 512 {
        assert_eq!(Outside::of_escaped(&outside.to_string()).plain(), outside.plain());
    }
    assert_eq!(outside.bytes().is_some(), from_utf8(data).is_err());
    let cell = String::from_utf8_lossy(data).into_owned();
    let row = [cell.clone(), "/".to_owned()];
    assert!(is_plain(&table::line(&row, &table::widths([&row]))), "{cell:?}");
    assert!(is_plain(&terminal::advice(&cell, None, 4)) && is_plain(&text::listed([&cell])), "{cell:?}");
    let mut bytes = Vec::new();
    assert!(json::line(&cell, &mut bytes).is_ok());
    let line = String::from_utf8_lossy(&bytes);
    assert!(line.ends_with('\n') && line.lines().all(is_plain) && line.lines().count() == 1, "{line:?}");
    assert_eq!(serde_json::from_str::<String>(&line).ok(), Some(cell));
}
