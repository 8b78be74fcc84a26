//! The files of sshd's configuration as blocks of `Match` lines, read only as far as it takes to find
//! what contradicts ours. What holds for a login, `sshd -T` says.

use crate::check::sshd::ask::is_match;
use crate::check::sshd::config::{MAX_DEPTH, criteria, included, words};
use crate::setup::wanted;
use pam_sftpjail::escape::escaped;
use std::fs;
use std::path::{Path, PathBuf};

pub(super) struct SshdConfig {
    pub(super) main: PathBuf,
    /// In the order in which sshd reads them.
    pub(super) blocks: Vec<Block>,
    /// Outside of blocks.
    global: Vec<Setting>,
    /// Patterns of `Include` in the main file, outside of blocks.
    includes: Vec<String>,
}

/// A `Match` line with what stands below it.
pub(super) struct Block {
    pub(super) file: PathBuf,
    pub(super) line: usize,
    /// The attribute in lower case, such as `localport`, and its patterns.
    criteria: Vec<(String, Vec<String>)>,
    pub(super) settings: Vec<Setting>,
    /// Between our marks.
    pub(super) is_marked: bool,
}

pub(super) struct Setting {
    file: PathBuf,
    line: usize,
    /// In lower case.
    pub(super) keyword: String,
    pub(super) written: String,
    pub(super) value: String,
}

impl Setting {
    pub(super) fn place(&self) -> String {
        format!("{}:{}", escaped(&self.file), self.line)
    }
}

impl Block {
    /// Whether it is for this user, or this group, by name.
    pub(super) fn names(&self, attribute: &str, name: &str) -> bool {
        self.criteria.iter().any(|(own, patterns)| {
            let is_match = |p: &str| is_match(p.as_bytes(), name.as_bytes());
            own == attribute
                && patterns.iter().any(|p| is_match(p))
                && !patterns.iter().any(|p| p.strip_prefix('!').is_some_and(is_match))
        })
    }

    /// The patterns that it asks for of this attribute.
    pub(super) fn patterns(&self, attribute: &str) -> impl Iterator<Item = &String> {
        self.criteria.iter().filter(move |(own, _)| own == attribute).flat_map(|(_, patterns)| patterns)
    }

    /// Whether it asks neither for a user nor for a group.
    pub(super) fn is_for_anybody(&self) -> bool {
        !self.criteria.iter().any(|(own, _)| own == "user" || own == "group" || own == "invalid-user")
    }

    /// Whether it says of all members of the group all that is wanted.
    pub(super) fn is_complete(&self, group: &str, wanted: &[wanted::Setting]) -> bool {
        self.criteria.len() == 1
            && self.names("group", group)
            && wanted.iter().all(|wanted| {
                // The first decides.
                self.settings.iter().find_map(|own| wanted.accepts(&own.keyword, &own.value)) == Some(true)
            })
    }
}

impl SshdConfig {
    pub(super) fn read(main: &Path) -> Self {
        let mut config =
            Self { main: main.to_owned(), blocks: Vec::new(), global: Vec::new(), includes: Vec::new() };
        config.file(main, None, 0);
        config
    }

    /// All of them, inside blocks and outside.
    pub(super) fn settings(&self) -> impl Iterator<Item = &Setting> {
        self.global.iter().chain(self.blocks.iter().flat_map(|block| &block.settings))
    }

    /// The directory whose files `*.conf` are included for everybody.
    pub(super) fn drop_in_directory(&self) -> Option<PathBuf> {
        self.includes.iter().find_map(|pattern| {
            let directory = Path::new("/etc/ssh").join(pattern.strip_suffix("/*.conf")?);
            // A distributor's is not to be written to.
            (directory.starts_with("/etc") && !directory.to_str()?.contains(['*', '?', '[']))
                .then_some(directory)
        })
    }

    /// `block`: the one in which the file is included. A `Match` in it ends with the file.
    fn file(&mut self, file: &Path, block: Option<usize>, depth: usize) {
        let Some(bytes) = fs::read(file).ok().filter(|_| depth <= MAX_DEPTH) else { return };
        let mut current = block;
        let mut is_marked = false;
        for (i, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            is_marked = match text {
                _ if text == super::BEGIN.trim_end() => true,
                _ if text == super::END.trim_end() => false,
                _ => is_marked,
            };
            let mut words = words(text).into_iter();
            let Some(written) = words.next() else { continue };
            let arguments: Vec<_> = words.collect();
            let (keyword, line) = (written.to_ascii_lowercase(), i + 1);
            if keyword == "include" {
                if current.is_none() && depth == 0 {
                    self.includes.extend(arguments.iter().cloned());
                }
                for file in arguments.iter().flat_map(|pattern| included(pattern)) {
                    self.file(&file, current, depth + 1);
                }
            } else if keyword == "match" {
                let criteria = owned(criteria(&arguments));
                let file = file.to_owned();
                self.blocks.push(Block { file, line, criteria, settings: Vec::new(), is_marked });
                current = Some(self.blocks.len() - 1);
            } else {
                let value = arguments.join(" ");
                let setting = Setting { file: file.to_owned(), line, keyword, written, value };
                match current.and_then(|at| self.blocks.get_mut(at)) {
                    Some(block) => block.settings.push(setting),
                    None => self.global.push(setting),
                }
            }
        }
    }
}

fn owned(criteria: Vec<(String, Vec<&str>)>) -> Vec<(String, Vec<String>)> {
    let patterns = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    criteria.into_iter().map(|(attribute, list)| (attribute, patterns(list))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_for_whom_its_patterns_name() {
        let block = |line: &str| Block {
            file: "/etc/ssh/sshd_config".into(),
            line: 1,
            criteria: owned(criteria(&words(line))),
            settings: Vec::new(),
            is_marked: false,
        };
        assert!(block("Group sftp,other").names("group", "sftp"));
        assert!(block("group \"sftp*\"").names("group", "sftp-only"));
        assert!(!block("Group *,!sftp").names("group", "sftp"));
        assert!(!block("User sftp").names("group", "sftp"));
        assert!(block("Address 10.0.0.0/8").is_for_anybody() && block("all").is_for_anybody());
        assert!(!block("User anna Address 10.0.0.0/8").is_for_anybody());
    }
}
