//! Parts of sentences: counts and lists of names.

use pam_sftpjail::escape::escaped;
use std::ffi::OsStr;
use std::time::Duration;

/// The greatest number of names in one sentence.
const MAX_NAMES: usize = 20;

/// Such as `1 file` and `3 files`.
pub(crate) fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

/// A number of bytes, in the first unit that leaves no more than four digits, or in GiB.
pub(crate) fn size(bytes: u64) -> String {
    let units = ["KiB", "MiB", "GiB"];
    let mut amount = bytes;
    let mut unit = "B";
    for larger in units {
        if amount < 10_000 {
            break;
        }
        amount /= 1024;
        unit = larger;
    }
    format!("{amount} {unit}")
}

/// A time in its two largest units, such as `2h 5m`; the second one is left out where it is 0.
pub(crate) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    let (first, second) = match seconds {
        0..60 => ((seconds, "s"), (0, "")),
        60..3_600 => ((seconds / 60, "m"), (seconds % 60, "s")),
        3_600..86_400 => ((seconds / 3_600, "h"), (seconds / 60 % 60, "m")),
        _ => ((seconds / 86_400, "d"), (seconds / 3_600 % 24, "h")),
    };
    match second.0 {
        0 => format!("{}{}", first.0, first.1),
        more => format!("{}{} {more}{}", first.0, first.1, second.1),
    }
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

#[cfg(test)]
mod tests {
    use super::{duration, size};
    use std::time::Duration;

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [
            (0, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (1_200, "20m"),
            (3_630, "1h"),
            (7_500, "2h 5m"),
            (90_000, "1d 1h"),
        ] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }

    #[test]
    fn sizes_are_short() {
        for (n, text) in [
            (0, "0 B"),
            (9_999, "9999 B"),
            (10_240, "10 KiB"),
            (5 << 30, "5120 MiB"),
            (1 << 50, "1048576 GiB"),
        ] {
            assert_eq!(size(n), text);
        }
    }
}
