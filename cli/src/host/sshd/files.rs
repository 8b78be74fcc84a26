//! Reads the files of sshd's configuration, as settings and as `Match` blocks.
//!
//! That is enough to know what to ask `sshd -T`, where a value comes from, and which blocks conflict. Only
//! sshd itself knows the effective settings of a login.

mod include;
mod line;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;

use super::patterns::is_match;
use crate::report::{Error, Location};
use include::{included, looked_in};
use line::{criteria, is_plain, words};
use std::collections::BTreeSet;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// sshd's main file. The second is that of SUSE, where an admin has made none.
pub(crate) const MAIN: [&str; 2] = ["/etc/ssh/sshd_config", "/usr/etc/ssh/sshd_config"];

/// The directory of relative paths in `Include`.
const DIRECTORY: &str = "/etc/ssh";

/// How deep sshd follows `Include`: SERVCONF_MAX_DEPTH of servconf.c.
const MAX_DEPTH: usize = 16;

/// The first line of what setup writes into a file of others. [`is_begin`] knows it.
pub(crate) const BEGIN: &str =
    "# Begin of what `sftpjail setup` added; `sftpjail setup --undo` removes it.\n";
/// Whether it is such a line, of this version or of an earlier one, whose last words were others.
pub(crate) fn is_begin(line: &str) -> bool {
    line.starts_with("# Begin of what `sftpjail setup` added;")
}

/// The last line of it.
pub(crate) const END: &str = "# End of what `sftpjail setup` added.\n";

/// sshd's configuration, in the order in which sshd reads it.
pub(crate) struct SshdConfig {
    /// The file that includes the others.
    pub(crate) main: PathBuf,
    /// All settings, in blocks and outside of them.
    pub(crate) settings: Vec<Setting>,
    pub(crate) blocks: Vec<Block>,
    /// Every file that was read, and every directory in which `Include` looks for files, or did not find one.
    pub(crate) files: Vec<PathBuf>,
    pub(crate) directories: Vec<PathBuf>,
    /// The patterns of `Include` in the main file that are for every login.
    includes: Vec<String>,
    /// What is there and could not be read.
    unreadable: Vec<Error>,
    /// Whether every line with `Match` or `Include` is sure to be read as every version of sshd reads it.
    pub(crate) is_plain: bool,
}

/// A `Match` block.
pub(crate) struct Block {
    pub(crate) location: Location,
    /// The attribute in lower case, such as `localport`, and its patterns as written. Those of the block that includes
    /// the file of this one hold as well, and come first.
    pub(crate) criteria: Vec<(String, Vec<String>)>,
    /// Whether it is between [`BEGIN`] and [`END`].
    pub(crate) is_marked: bool,
    /// Its index in [`SshdConfig::blocks`].
    number: usize,
}

/// A line that sets something.
pub(crate) struct Setting {
    pub(crate) location: Location,
    /// In lower case.
    pub(crate) keyword: String,
    /// The keyword as written.
    pub(crate) written: String,
    pub(crate) value: String,
    /// The index in [`SshdConfig::blocks`] of the block that it is in.
    block: Option<usize>,
}

impl Setting {
    /// Whether it is in a `Match` block.
    pub(crate) fn is_in_block(&self) -> bool {
        self.block.is_some()
    }

    /// Whether it is a `ChrootDirectory` below one of these directories.
    pub(crate) fn chroots_below(&self, roots: &[PathBuf]) -> bool {
        self.keyword == "chrootdirectory" && roots.iter().any(|root| Path::new(&self.value).starts_with(root))
    }

    /// Whether it sets `keyword` to this value, both in any case.
    pub(crate) fn sets(&self, keyword: &str, value: &str) -> bool {
        self.keyword.eq_ignore_ascii_case(keyword) && self.value.eq_ignore_ascii_case(value)
    }
}

impl Block {
    /// Whether its patterns for `attribute`, `user` or `group`, match this name.
    pub(crate) fn names(&self, attribute: &str, name: &str) -> bool {
        self.criteria.iter().any(|(own, patterns)| {
            own == attribute
                && patterns.iter().any(|p| is_match(p, name))
                && !patterns.iter().any(|p| p.strip_prefix('!').is_some_and(|p| is_match(p, name)))
        })
    }

    /// Its patterns for this attribute.
    pub(crate) fn patterns(&self, attribute: &str) -> impl Iterator<Item = &String> {
        self.criteria.iter().filter(move |(own, _)| own == attribute).flat_map(|(_, patterns)| patterns)
    }

    /// Whether it is for every login.
    fn is_for_all(&self) -> bool {
        self.criteria.is_empty()
    }

    /// Whether it tests neither the user nor a group.
    pub(crate) fn is_for_anybody(&self) -> bool {
        !self.criteria.iter().any(|(own, _)| own == "user" || own == "group" || own == "invalid-user")
    }
}

impl SshdConfig {
    /// The main file that sshd reads, if there is one.
    pub(crate) fn main_file() -> Option<&'static Path> {
        // One that cannot be looked at is there.
        let is_there = |path: &Path| {
            path.metadata().map_or_else(|error| error.kind() != ErrorKind::NotFound, |stat| stat.is_file())
        };
        MAIN.map(Path::new).into_iter().find(|path| is_there(path))
    }

    /// Reads the main file and what it includes. The error: a file is there that cannot be read, and whose blocks are
    /// unknown therefore.
    pub(crate) fn read(main: &Path) -> Result<Self, Error> {
        Self::read_with(main, None)
    }

    /// The same, as if a file of this path had this text: the configuration that a change of it would make.
    pub(crate) fn read_with(main: &Path, planned: Option<(&Path, &str)>) -> Result<Self, Error> {
        let mut config = Self::all(main, planned);
        match config.unreadable.pop() {
            Some(error) => Err(error),
            None => Ok(config),
        }
    }

    /// Reads what can be read: where sshd is asked as well, which reports the others itself, or where only what is
    /// known counts.
    pub(crate) fn readable(main: &Path) -> Self {
        Self::all(main, None)
    }

    fn all(main: &Path, planned: Option<(&Path, &str)>) -> Self {
        let mut config = Self {
            main: main.to_owned(),
            settings: Vec::new(),
            blocks: Vec::new(),
            files: Vec::new(),
            directories: Vec::new(),
            includes: Vec::new(),
            unreadable: Vec::new(),
            is_plain: true,
        };
        config.file(main, None, 0, planned);
        config
    }

    /// The patterns of all blocks for `attribute`, without `!`.
    pub(crate) fn patterns(&self, attribute: &str) -> Vec<String> {
        let all = self.blocks.iter().flat_map(|block| block.patterns(attribute));
        all.map(|pattern| pattern.strip_prefix('!').unwrap_or(pattern).to_owned()).collect()
    }

    /// Whether a block tests this attribute.
    pub(crate) fn asks_for(&self, attribute: &str) -> bool {
        self.blocks.iter().flat_map(|block| &block.criteria).any(|(own, _)| own == attribute)
    }

    /// The line that sets `keyword` to `value`. `None`: there is none, or several do, of which one may be for other
    /// users.
    pub(crate) fn location_of(&self, keyword: &str, value: &str) -> Option<&Location> {
        let mut all = self.settings.iter().filter(|setting| setting.sets(keyword, value));
        let first = all.next().filter(|_| all.next().is_none());
        first.map(|setting| &setting.location)
    }

    /// The settings of a block.
    pub(crate) fn of_block(&self, block: &Block) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| setting.block == Some(block.number))
    }

    /// Whether sshd meets this setting before the block's own line for the same keyword: of the lines that match a
    /// login, the first counts. Included files are read in their place, so a block can go on after one that it
    /// includes.
    pub(crate) fn comes_before(&self, setting: &Setting, block: &Block) -> bool {
        let is_own = |other: &Setting| other.block == Some(block.number) && other.keyword == setting.keyword;
        let first = self.settings.iter().find(|other| is_own(other) || other.location == setting.location);
        first.is_none_or(|first| !is_own(first))
    }

    /// The number of files with settings or blocks.
    pub(crate) fn count_files(&self) -> usize {
        let locations = self.settings.iter().map(|setting| &setting.location);
        let locations = locations.chain(self.blocks.iter().map(|block| &block.location));
        locations.map(|location| &location.file).collect::<BTreeSet<_>>().len()
    }

    /// The directory whose files `*.conf` are included for everybody.
    pub(crate) fn drop_in_directory(&self) -> Option<PathBuf> {
        self.includes.iter().find_map(|pattern| {
            let directory = Path::new(DIRECTORY).join(pattern.strip_suffix("/*.conf")?);
            // Packages own the directories outside of /etc.
            (directory.starts_with("/etc") && !directory.to_str()?.contains(['*', '?', '[']))
                .then_some(directory)
        })
    }

    /// Reads a file. `block`: the one that includes it. A `Match` in the file ends with the file.
    fn file(&mut self, file: &Path, block: Option<usize>, depth: usize, planned: Option<(&Path, &str)>) {
        if depth > MAX_DEPTH {
            self.is_plain = false;
            return;
        }
        let bytes = match planned.filter(|(path, _)| *path == file) {
            Some((_, text)) => text.as_bytes().to_owned(),
            None => match fs::read(file) {
                Ok(bytes) => bytes,
                // To sshd, a directory is an empty file.
                Err(error) if [ErrorKind::NotFound, ErrorKind::IsADirectory].contains(&error.kind()) => {
                    return;
                }
                Err(error) => {
                    self.is_plain = false;
                    return self.unreadable.push(Error::with(file, "be read", &error));
                }
            },
        };
        self.files.push(file.to_owned());
        let mut current = block;
        let mut is_marked = false;
        for (i, text) in String::from_utf8_lossy(&bytes).lines().enumerate() {
            is_marked = match text {
                _ if is_begin(text) => true,
                _ if text == END.trim_end() => false,
                _ => is_marked,
            };
            self.is_plain &= is_plain(text);
            let mut words = words(text).into_iter();
            let Some(written) = words.next() else { continue };
            let arguments: Vec<_> = words.collect();
            let (keyword, location) =
                (written.to_ascii_lowercase(), Location::single(file.to_owned(), i + 1));
            if keyword == "include" {
                let current_block = current.and_then(|number| self.blocks.get(number));
                if current_block.is_none_or(Block::is_for_all) && depth == 0 {
                    self.includes.extend(arguments.iter().cloned());
                }
                let planned_path = planned.map(|(path, _)| path);
                let directories = arguments.iter().flat_map(|pattern| looked_in(pattern));
                self.directories.extend(directories);
                for pattern in &arguments {
                    let (included, unreadable) = included(pattern, planned_path);
                    self.is_plain &= unreadable.is_empty();
                    self.unreadable.extend(unreadable);
                    for file in included {
                        self.file(&file, current, depth + 1, planned);
                    }
                }
            } else if keyword == "match" {
                let including = block.and_then(|number| self.blocks.get(number));
                let mut all = including.map_or_else(Vec::new, |block| block.criteria.clone());
                all.extend(criteria(&arguments));
                let (criteria, number) = (all, self.blocks.len());
                self.blocks.push(Block { location, criteria, is_marked, number });
                current = Some(number);
            } else {
                let value = arguments.join(" ");
                self.settings.push(Setting { location, keyword, written, value, block: current });
            }
        }
    }
}

#[cfg(test)]
pub(super) mod tests;
