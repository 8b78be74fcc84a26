//! What `Include` of sshd's configuration names: the files that a pattern matches, and the directories that decide it.

use super::DIRECTORY;
use crate::report::Error;
use glob::{MatchOptions, Pattern, glob, glob_with};
use std::path::{Path, PathBuf};

/// The files that a pattern of `Include` matches, in the order of glob(3), and directories that cannot be read.
/// `planned` counts as there.
pub(super) fn included(pattern: &str, planned: Option<&Path>) -> (Vec<PathBuf>, Vec<Error>) {
    let pattern = Path::new(DIRECTORY).join(pattern);
    let Some(pattern) = pattern.to_str() else { return Default::default() };
    let options = MatchOptions {
        require_literal_leading_dot: true,
        require_literal_separator: true,
        ..MatchOptions::default()
    };
    let (mut found, mut unreadable) = (Vec::new(), Vec::new());
    for entry in glob_with(pattern, options).into_iter().flatten() {
        match entry {
            Ok(file) => found.push(file),
            Err(error) => unreadable.push(Error::with(error.path(), "be read", error.error())),
        }
    }
    let is_match = |path: &&Path| Pattern::new(pattern).is_ok_and(|p| p.matches_path_with(path, options));
    if let Some(planned) = planned.filter(is_match).filter(|path| !found.iter().any(|file| file == path)) {
        let at = found.partition_point(|file| file.as_path() < planned);
        found.insert(at, planned.to_owned());
    }
    (found, unreadable)
}

/// The directories in which a pattern looks for files, and those in which what it names is missing.
pub(super) fn looked_in(pattern: &str) -> Vec<PathBuf> {
    let pattern = Path::new(DIRECTORY).join(pattern);
    let is_wild = |path: &Path| path.to_string_lossy().contains(['*', '?', '[']);
    let mut found = Vec::new();
    for (path, directory) in pattern.ancestors().zip(pattern.ancestors().skip(1)) {
        if is_wild(directory) {
            let matching = glob(&directory.to_string_lossy()).into_iter().flatten().flatten();
            found.extend(matching.filter(|path| path.is_dir()));
        } else if is_wild(path) || !path.exists() {
            found.push(directory.to_owned());
        }
    }
    found
}
