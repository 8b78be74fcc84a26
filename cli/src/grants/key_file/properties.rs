//! What must hold of every file of keys that this program changes: lines of others stay byte for byte, and each key of
//! its own ends with its grants.

use super::{Lines, MARK, key_of};
use crate::host::keys::line::{Key, Line};
use crate::host::keys::options::Options;
use jiff::tz::TimeZone;
use pam_sftpjail::grants::{Grant, of_text};
use std::path::Path;

const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ2hsNnlr6Xgx6pVSSVmXG0fEoLhCYeJJGiqV7fYVQPB";
const GRANT: &str = "[[grant]]\nfolder = \"/srv/a\"\naccess = \"read-only\"\nuntil = 2099-01-01T00:00:00Z\n";

pub fn key_files(data: &[u8]) {
    for line in String::from_utf8_lossy(data).lines() {
        a_line(line);
    }
    let mut words = KEY.split(' ');
    let own = words.next().zip(words.next()).and_then(|(kind, key)| super::Fingerprint::of_key(kind, key));
    let own = own.map(|own| format!("{GRANT}key = \"{own}\"\n")).unwrap_or_default();
    let with_key = of_text(&own, Path::new("x")).unwrap_or_default();
    assert_eq!(with_key.len(), 1);
    let written = |grants: &[Grant], text: &[u8], new| {
        Lines { grants, is_guest: false, zone: TimeZone::UTC }.synchronised(text, new)
    };
    for new in [None, Some(KEY)] {
        let once = written(&with_key, data, new);
        assert_eq!(written(&with_key, &once, new), once);
        assert_eq!(others(&once), others(data));
        let is_own = |line: &[u8]| {
            key_of(&String::from_utf8_lossy(line)).is_some_and(|key| KEY.ends_with(key.encoded))
        };
        let count = |text: &[u8]| text.split(|byte| *byte == b'\n').filter(|line| is_own(line)).count();
        assert!(count(&once) >= count(data).max(usize::from(new.is_some())));
    }
    // Without grants, none of its own is left.
    let none = written(&[], data, None);
    assert_eq!(others(&none), others(data));
    let is_marked = |line: &[u8]| String::from_utf8_lossy(line).trim_end().ends_with(MARK);
    let is_key = |line: &[u8]| key_of(&String::from_utf8_lossy(line)).is_some();
    assert!(!none.split(|byte| *byte == b'\n').any(|line| is_marked(line) && is_key(line)));
}

/// Without the keys of this program, and without the end of the last line.
fn others(text: &[u8]) -> Vec<Vec<u8>> {
    let is_other = |line: &&[u8]| {
        let line = String::from_utf8_lossy(line);
        key_of(&line).is_none_or(|key| !format!(" {}", key.comment).ends_with(MARK))
    };
    let mut lines: Vec<_> =
        text.split(|byte| *byte == b'\n').filter(is_other).map(<[u8]>::to_owned).collect();
    while lines.last().is_some_and(Vec::is_empty) {
        lines.pop();
    }
    lines
}

/// A key reads as it is written, with and without options.
fn a_line(line: &str) {
    let Line::Key(key) = Line::parse(line) else { return };
    let bare = format!("{} {} {}", key.key_type, key.encoded, key.comment);
    let restricted = format!("restrict {bare}");
    for text in [&bare, &restricted] {
        let (key_type, encoded, comment) = (key.key_type, key.encoded, key.comment);
        let meant = Key { options: Options::default(), key_type, encoded, comment };
        assert_eq!(Line::parse(text), Line::Key(meant), "{line:?}");
    }
}
