//! What must hold of every file of grants that this program changes: it says what was meant, and nothing else in it has
//! changed.

use super::{added, extended, removed, verified};
use pam_sftpjail::grants::{Grant, of_text};
use std::path::Path;

const FILE: &str = "/etc/sftpjail/grants.d/a user.toml";
const NEW: &str = "[[grant]]\nfolder = \"/srv/new\"\naccess = \"read-only\"\n";
const UNTIL: &str = "2099-01-01T00:00:00Z";

pub fn edited_grants(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let read = |text: &str| of_text(text, Path::new(FILE)).ok();
    let (Some(old), Some(new)) = (read(text), read(NEW)) else { return };
    let all = [old.clone(), new.clone()].concat();
    if let Ok(longer) = verified(added(text, NEW), &all, Path::new(FILE)) {
        assert!(longer.starts_with(text), "{longer}");
        let is_new = |grant: &Grant| old.iter().all(|other| other.folder != grant.folder);
        let found = read(&longer).unwrap_or_default();
        if found.iter().filter(|grant| is_new(grant)).count() == 1 {
            let shorter = removed(&longer, &found, is_new);
            assert_eq!(shorter.trim_end(), text.trim_end(), "{longer}");
        }
    }
    for gone in &old {
        let is_gone = |grant: &Grant| grant.line == gone.line;
        let left: Vec<_> = old.iter().filter(|grant| !is_gone(grant)).cloned().collect();
        if let Ok(shorter) = verified(removed(text, &old, is_gone), &left, Path::new(FILE)) {
            assert!(is_part(&shorter, text), "{shorter}");
        }
        let moment = read(&format!("{NEW}until = {UNTIL}\n")).and_then(|read| read.first()?.until);
        let later = |grant: &Grant| Grant {
            until: if is_gone(grant) { moment } else { grant.until },
            ..grant.clone()
        };
        let all: Vec<_> = old.iter().map(later).collect();
        if let Ok(longer) = verified(extended(text, &old, is_gone, UNTIL), &all, Path::new(FILE)) {
            let others: String = longer.split_inclusive('\n').filter(|line| !line.contains(UNTIL)).collect();
            assert!(is_part(others.trim_end_matches('\n'), text), "{longer}");
            let comments =
                |text: &str| text.lines().filter(|line| line.trim_start().starts_with('#')).count();
            assert!(comments(&longer) >= comments(text), "{longer}");
        }
    }
}

/// Whether the lines are lines of the whole, in their order, but for blanks at their ends.
fn is_part(part: &str, whole: &str) -> bool {
    let mut lines = whole.lines().map(str::trim_end);
    part.lines().all(|line| lines.any(|other| other == line.trim_end()))
}
