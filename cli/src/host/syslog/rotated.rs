//! The files of a log that logrotate has renamed.

use super::unreadable::{Unreadable, Why};
use pam_sftpjail::escape::escaped;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// The log and its rotated files, such as `.1`, `.2.gz` or `-20241122`. The oldest comes first: two may begin in one
/// second. The error: there may be more.
pub(super) fn rotated(log: &str) -> Result<Vec<PathBuf>, Unreadable> {
    let log = Path::new(log);
    let (Some(directory), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let is_its = |file: &str| {
        let Some(rest) = file.strip_prefix(name) else { return false };
        let rest =
            [".gz", ".xz", ".bz2", ".zst"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
        rest.is_empty()
            || (rest.starts_with(['.', '-'])
                && rest.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-'))
    };
    let entries = directory.read_dir().and_then(Iterator::collect::<io::Result<Vec<_>>>);
    let entries = match entries {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(|error| {
            let name = escaped(directory).to_string();
            Unreadable { name, why: Why::Failed(error) }
        })?,
    };
    let own = entries.iter().filter(|entry| entry.file_name().to_str().is_some_and(is_its));
    let mut files: Vec<_> = own.map(|entry| entry.path()).collect();
    sort(&mut files, log);
    Ok(files)
}

fn sort(files: &mut [PathBuf], log: &Path) {
    files.sort_by_cached_key(|file| (file == log, Reverse(number(file)), file.clone()));
}

/// The number of a rotated file. `None`: it has a date, or is the log itself.
fn number(file: &Path) -> Option<u32> {
    let name = file.file_name()?.to_str()?;
    name.split('.').rev().find_map(|part| part.parse().ok()).filter(|number| *number < 10_000)
}

/// The numbers that are missing between the rotated files.
pub(super) fn missing_numbers(files: &[PathBuf]) -> Vec<u32> {
    let numbers: HashSet<u32> = files.iter().filter_map(|file| number(file)).collect();
    // The numbers begin with 0 or 1. Files older than the oldest one were deleted on purpose.
    let last = numbers.iter().copied().max().unwrap_or(0);
    (1..last).filter(|number| !numbers.contains(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_file_comes_first_and_the_log_last() {
        for names in [
            ["x.log.10.gz", "x.log.2.gz", "x.log.1", "x.log"],
            ["x.log-20241122.gz", "x.log-20241123", "x.log-20241124", "x.log"],
        ] {
            let mut files = names.map(PathBuf::from);
            files.reverse();
            sort(&mut files, Path::new("x.log"));
            assert_eq!(files, names.map(PathBuf::from));
        }
    }

    #[test]
    fn missing_numbers_are_found() {
        let missing = |names: &[&str]| missing_numbers(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.2.gz"]), [0; 0]);
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.4.gz"]), [2, 3]);
        assert_eq!(missing(&["x.log", "x.log-20241122.gz", "x.log-20241124.gz"]), [0; 0]);
    }
}
