//! Setup's own `Match` block: where it stands, and how it gets what is missing. Everything else in its file is the
//! admin's, and stays: other values that members can have, further lines, comments.

use super::is_for_group_only;
use crate::desired::sshd::{KEYS_FILE, Setting, patterns};
use crate::host::sshd::files::{self, BEGIN, Block, END, SshdConfig};
use crate::report::{Error, Location};
use crate::setup::change::{Change, FileChange};
use crate::setup::choices::Choices;
use crate::setup::target::Target;
use pam_sftpjail::escape::{escaped, one_line};
use std::path::PathBuf;

/// sshd reads it before the other files of the directory, and the first value of a setting wins.
pub(in crate::setup) const DROP_IN: &str = "00-sftpjail.conf";

/// Where our block stands, or will stand.
pub(super) struct Own {
    pub(super) file: PathBuf,
    /// Whether the file is ours as a whole. If not, it is sshd's main file.
    is_drop_in: bool,
}

/// What the block should be.
struct Wanted<'w> {
    groups: &'w [String],
    settings: &'w [Setting],
    dropped: Option<&'w Setting>,
}

/// The file with the block as it should be.
pub(super) struct Edited {
    pub(super) text: String,
    pub(super) notes: Vec<String>,
    pub(super) changes: Vec<Change>,
}

impl Own {
    /// A file of its own, if sshd includes a directory of such files.
    pub(super) fn find(config: &SshdConfig) -> Self {
        match config.drop_in_directory() {
            Some(directory) => Self { file: directory.join(DROP_IN), is_drop_in: true },
            None => Self { file: config.main.clone(), is_drop_in: false },
        }
    }

    /// Whether setup has written the block.
    pub(super) fn is_ours(&self, block: &Block) -> bool {
        block.location.file == self.file && (self.is_drop_in || block.is_marked)
    }

    /// The block that is there already.
    fn present<'c>(&self, config: &'c SshdConfig) -> Option<&'c Block> {
        config.blocks.iter().find(|block| self.is_ours(block) && is_for_group_only(block))
    }

    /// Whether the block that is there has this setting.
    pub(super) fn says(&self, config: &SshdConfig, setting: &Setting) -> bool {
        let mut lines = self.present(config).into_iter().flat_map(|block| config.of_block(block));
        lines.any(|line| {
            self.is_here(&line.location) && setting.accepts(&line.keyword, &line.value) == Some(true)
        })
    }

    /// Whether a line is in the file of the block, and not in one that the block includes.
    fn is_here(&self, location: &Location) -> bool {
        location.file == self.file
    }

    /// The groups of the present block that neither the planned one nor a profile has.
    pub(super) fn dropped_groups(
        &self,
        config: &SshdConfig,
        planned: &SshdConfig,
        choices: &Choices,
    ) -> Vec<String> {
        let groups =
            |config| self.present(config).into_iter().flat_map(|block: &Block| block.patterns("group"));
        let left: Vec<_> = groups(planned).chain(&choices.groups).collect();
        groups(config).filter(|group| !group.starts_with('!') && !left.contains(group)).cloned().collect()
    }

    /// Edits the block that is there, or adds one. `dropped`: what it is not to say any more.
    pub(super) fn edited(
        &self,
        config: &SshdConfig,
        groups: &[String],
        settings: &[Setting],
        dropped: Option<&Setting>,
    ) -> Result<Edited, Error> {
        let target = match self.is_drop_in {
            true => Target::ours(&self.file)?,
            false => Target::of_others(&self.file)?,
        };
        let before = target.read()?;
        let text = String::from_utf8(before.clone().unwrap_or_default())
            .map_err(|_| Error::new(format!("{} is not UTF-8", escaped(&self.file)), "save it as UTF-8"))?;
        let mut changes = Vec::new();
        if let Some(directory) = self.file.parent().filter(|directory| !directory.exists()) {
            changes.push(Change::Directory { path: directory.to_owned(), mode: 0o755 });
        }
        let (after, inserted, notes) = match self.present(config) {
            Some(block) => {
                let wanted = Wanted { groups, settings, dropped };
                let (after, notes) = self.completed(&text, config, block, &wanted);
                (after, Vec::new(), notes)
            }
            None => {
                let (after, own) = self.with_new(&text, &new(groups, settings));
                // Setup's own file is removed as a whole.
                let inserted = if before.is_some() && !text.is_empty() { vec![own] } else { Vec::new() };
                (after, inserted, Vec::new())
            }
        };
        changes.push(Change::File(FileChange {
            target,
            before,
            after: after.clone().into_bytes(),
            inserted,
            replaced: Vec::new(),
        }));
        Ok(Edited { text: after, notes, changes })
    }

    /// The text with a new block at its end, and what was inserted. In a file of others it stands between [`BEGIN`]
    /// and [`END`], and `Match all` ends it: what others add below is for everybody.
    fn with_new(&self, text: &str, block: &str) -> (String, String) {
        let own = match self.is_drop_in {
            true => format!("# Made by `sftpjail setup`; `sftpjail setup --undo` removes it.\n{block}"),
            false => format!("{BEGIN}{block}Match all\n{END}"),
        };
        let newline = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
        (format!("{text}{newline}{own}"), own)
    }

    /// The text with this block as wanted, and sentences about lines that were set back.
    fn completed(
        &self,
        text: &str,
        config: &SshdConfig,
        block: &Block,
        &Wanted { groups, settings, dropped }: &Wanted<'_>,
    ) -> (String, Vec<String>) {
        let mut lines: Vec<String> = text.split_inclusive('\n').map(str::to_owned).collect();
        let mut replace = |location: &Location, line: String| {
            if let Some(old) = location.line.checked_sub(1).and_then(|i| lines.get_mut(i)) {
                *old = line;
            }
        };
        if groups.iter().any(|group| !block.names("group", group)) {
            let excluded = block.patterns("group").filter(|pattern| pattern.starts_with('!'));
            let all: Vec<_> = groups.iter().chain(excluded).cloned().collect();
            replace(&block.location, format!("Match Group {}\n", patterns(&all)));
        }
        let (mut missing, mut notes) = (Vec::new(), Vec::new());
        // Of two lines for one setting, sshd uses the first.
        for setting in settings {
            let line = config.of_block(block).find(|line| line.keyword.eq_ignore_ascii_case(setting.keyword));
            match line {
                Some(line) if setting.accepts(&line.keyword, &line.value) == Some(true) => {}
                Some(line) if self.is_here(&line.location) => {
                    let why = if setting.keyword == KEYS_FILE {
                        "as --managed-keys says"
                    } else {
                        "which members need"
                    };
                    notes.push(format!(
                        "{}: {} {} becomes {} {}, {why}",
                        line.location,
                        line.written,
                        one_line(&line.value),
                        setting.keyword,
                        setting.value
                    ));
                    replace(&line.location, line_of(setting));
                }
                _ => missing.push(line_of(setting)),
            }
        }
        let is_dropped = |line: &files::Setting| {
            dropped.is_some_and(|setting| setting.accepts(&line.keyword, &line.value) == Some(true))
        };
        for line in config.of_block(block).filter(|line| is_dropped(line) && self.is_here(&line.location)) {
            replace(&line.location, String::new());
        }
        // Above what the block includes, so that these values come first.
        let here = config.of_block(block).map(|line| &line.location);
        let last = here.take_while(|location| self.is_here(location)).map(|location| location.line).max();
        let at = last.unwrap_or(block.location.line).min(lines.len());
        if let Some(above) =
            at.checked_sub(1).and_then(|i| lines.get_mut(i)).filter(|l| !l.is_empty() && !l.ends_with('\n'))
        {
            above.push('\n');
        }
        lines.splice(at..at, missing);
        (lines.concat(), notes)
    }
}

fn new(groups: &[String], settings: &[Setting]) -> String {
    let lines: String = settings.iter().map(line_of).collect();
    format!("Match Group {}\n{lines}", patterns(groups))
}

fn line_of(setting: &Setting) -> String {
    format!("    {} {}\n", setting.keyword, setting.value)
}
