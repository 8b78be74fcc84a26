//! The files of sshd's configuration, read only as far as it decides what to ask `sshd -T`, and
//! where to say that something stands. What holds for a login, sshd alone says.

use crate::check::place::Place;
use glob::{MatchOptions, glob_with};
use std::fs;
use std::path::{Path, PathBuf};

/// As many levels of `Include` as sshd follows (servconf.c: SERVCONF_MAX_DEPTH).
pub(crate) const MAX_DEPTH: usize = 16;

/// All lines, in the order in which sshd reads them.
pub(super) struct SshdConfig {
    pub(super) file: PathBuf,
    lines: Vec<Line>,
}

struct Line {
    place: Place,
    /// In lower case.
    keyword: String,
    arguments: Vec<String>,
}

/// A `Match` line, for those of its criteria that have patterns.
pub(super) struct Match<'c> {
    pub(super) place: &'c Place,
    /// The attribute in lower case, such as `localport`, and its patterns as written.
    pub(super) criteria: Vec<(String, Vec<&'c str>)>,
}

impl SshdConfig {
    /// A file that cannot be read has no lines; sshd complains about it itself.
    pub(super) fn read(file: &Path) -> Self {
        let mut lines = Vec::new();
        collect(file, 0, &mut lines);
        Self { file: file.to_owned(), lines }
    }

    pub(super) fn matches(&self) -> impl Iterator<Item = Match<'_>> {
        let lines = self.lines.iter().filter(|line| line.keyword == "match");
        lines.map(|line| Match { place: &line.place, criteria: criteria(&line.arguments) })
    }

    /// The patterns of `Match User` or of `Match Group`, wherever they stand.
    pub(super) fn patterns(&self, attribute: &str) -> Vec<String> {
        let all = self.matches().flat_map(|line| line.criteria);
        let of_it = all.filter(|(name, _)| name == attribute).flat_map(|(_, patterns)| patterns);
        of_it.map(|pattern| pattern.trim_start_matches('!').to_owned()).collect()
    }

    /// The first place where `keyword` is given `value`.
    pub(super) fn place_of(&self, keyword: &str, value: &str) -> Option<&Place> {
        let says = |line: &&Line| {
            line.keyword.eq_ignore_ascii_case(keyword) && line.arguments.join(" ").eq_ignore_ascii_case(value)
        };
        self.lines.iter().find(says).map(|line| &line.place)
    }

    /// The first `Match` line: what stands before it in a block of its own wins.
    pub(super) fn first_match(&self) -> Option<&Place> {
        self.lines.iter().find(|line| line.keyword == "match").map(|line| &line.place)
    }

    /// How many files it is made of.
    pub(super) fn files(&self) -> usize {
        let mut files: Vec<_> = self.lines.iter().map(|line| &line.place.file).collect();
        files.sort();
        files.dedup();
        files.len()
    }
}

fn collect(file: &Path, depth: usize, lines: &mut Vec<Line>) {
    let Some(text) = fs::read(file).ok().filter(|_| depth <= MAX_DEPTH) else { return };
    for (i, line) in String::from_utf8_lossy(&text).lines().enumerate() {
        let mut words = words(line).into_iter();
        let Some(keyword) = words.next().map(|word| word.to_ascii_lowercase()) else { continue };
        let arguments: Vec<_> = words.collect();
        if keyword == "include" {
            for file in arguments.iter().flat_map(|pattern| included(pattern)) {
                collect(&file, depth + 1, lines);
            }
        } else {
            let place = Place::single(file.to_owned(), i + 1);
            lines.push(Line { place, keyword, arguments });
        }
    }
}

/// The files of one pattern, in the order of glob(3); a relative one is below /etc/ssh.
pub(crate) fn included(pattern: &str) -> Vec<PathBuf> {
    let pattern = Path::new("/etc/ssh").join(pattern);
    let options = MatchOptions { require_literal_leading_dot: true, ..MatchOptions::default() };
    let found = pattern.to_str().and_then(|pattern| glob_with(pattern, options).ok());
    found.into_iter().flatten().flatten().collect()
}

/// Words may be quoted, a `=` may stand after the keyword, and a `#` begins a comment.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    }
    words
}

pub(crate) fn criteria(arguments: &[String]) -> Vec<(String, Vec<&str>)> {
    let mut criteria = Vec::new();
    let mut words = arguments.iter();
    while let Some(attribute) = words.next().map(|word| word.to_ascii_lowercase()) {
        // These two have no pattern.
        if attribute == "all" || attribute == "invalid-user" {
            continue;
        }
        let Some(patterns) = words.next() else { break };
        criteria.push((attribute, patterns.split(',').map(str::trim).filter(|p| !p.is_empty()).collect()));
    }
    criteria
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_sshd_splits_them() {
        for (line, expected) in [
            ("Match Group sftp", &["Match", "Group", "sftp"][..]),
            ("\tForceCommand=internal-sftp -l INFO", &["ForceCommand", "internal-sftp", "-l", "INFO"]),
            (
                "Match User \"a b\",c Address 10.0.0.0/8 # why",
                &["Match", "User", "a b", ",c", "Address", "10.0.0.0/8"],
            ),
            ("Port = 22", &["Port", "22"]),
            ("# nothing", &[]),
            ("  ", &[]),
        ] {
            assert_eq!(words(line), expected, "{line}");
        }
    }

    #[test]
    fn criteria_are_attributes_with_patterns() {
        let arguments = words("Group sftp,!staff Address 10.0.0.0/8,*");
        let expected = [("group", vec!["sftp", "!staff"]), ("address", vec!["10.0.0.0/8", "*"])];
        assert_eq!(criteria(&arguments), expected.map(|(a, p)| (a.to_owned(), p)));
        assert_eq!(criteria(&words("all")), []);
        assert_eq!(criteria(&words("User")), []);
    }
}
