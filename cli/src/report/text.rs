//! Parts of sentences: counts and lists of names.

use pam_sftpjail::escape::escaped;
use std::ffi::OsStr;

/// The greatest number of names in one sentence.
const MAX_NAMES: usize = 20;

/// Such as `1 file` and `3 files`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// Names, escaped, with commas between them.
pub(crate) fn listed<S: AsRef<OsStr>>(names: impl IntoIterator<Item = S>) -> String {
    joined(names, ", ")
}

/// Names, escaped, with `between` between them.
pub(crate) fn joined<S: AsRef<OsStr>>(names: impl IntoIterator<Item = S>, between: &str) -> String {
    let names: Vec<_> = names.into_iter().map(|name| escaped(name.as_ref()).to_string()).collect();
    names.join(between)
}

/// As [`listed`], of the first [`MAX_NAMES`] names, with the number of the others.
pub(crate) fn listed_first<S: AsRef<OsStr>>(names: impl ExactSizeIterator<Item = S>) -> String {
    let more = names.len().saturating_sub(MAX_NAMES);
    let shown = listed(names.take(MAX_NAMES));
    match more {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
