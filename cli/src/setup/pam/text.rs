//! The text of one file of PAM's, and setup's edits of it. It reads and writes no file.

use crate::desired::pam::OURS;
use crate::setup::journal::Replaced;
use std::ops::RangeInclusive;

/// What stands above each line of the module. [`is_own_comment`] knows it.
const COMMENT: &str = "# Added by `sftpjail setup`; `sftpjail setup --undo` removes it.";

/// Whether it is such a comment, of this version or of an earlier one, whose last words were others.
fn is_own_comment(line: &str) -> bool {
    line.starts_with("# Added by `sftpjail setup`;") && line.lines().nth(1).is_none()
}

/// An edit of a file; its lines are counted from 1.
pub(super) enum Edit {
    /// Inserts a line before the one with this number, or at the end.
    Insert(Option<usize>, &'static str),
    /// Replaces the line of PAM that these lines of the file hold.
    Replace(RangeInclusive<usize>, String),
}

impl Edit {
    /// The order of edits. An insertion before a line comes above that line's replacement.
    pub(super) fn line(&self) -> (usize, bool) {
        match self {
            Self::Insert(before, _) => (before.unwrap_or(usize::MAX), false),
            Self::Replace(lines, _) => (*lines.start(), true),
        }
    }
}

/// A file's lines, and the edits that were made.
pub(super) struct Text {
    pub(super) lines: Vec<String>,
    pub(super) inserted: Vec<String>,
    pub(super) replaced: Vec<Replaced>,
}

impl Text {
    pub(super) fn of(text: &str) -> Self {
        let lines = text.split_inclusive('\n').map(str::to_owned).collect();
        Self { lines, inserted: Vec::new(), replaced: Vec::new() }
    }

    pub(super) fn edit(&mut self, edit: Edit) {
        match edit {
            Edit::Insert(before, line) => {
                // As the lines of an earlier version have it, of which this may be one.
                let comment = self.lines.iter().find(|line| is_own_comment(line));
                let text = format!("{}\n{line}\n", comment.map_or(COMMENT, |comment| comment.trim_end()));
                let at = before.map_or(self.lines.len(), |number| self.above_comments(number));
                if let Some(above) =
                    at.checked_sub(1).and_then(|i| self.lines.get_mut(i)).filter(|l| !l.ends_with('\n'))
                {
                    above.push('\n');
                }
                self.lines.insert(at, text.clone());
                self.inserted.push(text);
            }
            Edit::Replace(lines, line) => {
                let to = (*lines.end()).min(self.lines.len());
                let from = lines.start().saturating_sub(1).min(to);
                let is = format!("{line}\n");
                let was = self.lines.splice(from..to, [is.clone()]).collect();
                self.replaced.push(Replaced { was, is });
            }
        }
    }

    /// Removes setup's comments whose line others have removed: that line is written again with its comment.
    pub(super) fn remove_orphans(&mut self) {
        let is_kept = |(i, line): (usize, &String)| !is_own_comment(line) || self.names_module(i + 1);
        let mut kept = self.lines.iter().enumerate().map(is_kept).collect::<Vec<_>>().into_iter();
        self.lines.retain(|_| kept.next().unwrap_or(true));
    }

    /// Where to insert before a line: above the comments that belong to it.
    fn above_comments(&self, number: usize) -> usize {
        let mut at = number.saturating_sub(1).min(self.lines.len());
        let line = |at: usize| at.checked_sub(1).and_then(|above| self.lines.get(above));
        if self.names_module(at) && line(at).is_some_and(|line| is_own_comment(line)) {
            return at - 1;
        }
        let is_comment =
            |line: &String| line.starts_with('#') && !line.starts_with("#%") && !is_own_comment(line);
        while line(at).is_some_and(is_comment) {
            at -= 1;
        }
        at
    }

    /// Whether the line that begins here, counted from 0, is one of the module's, and no comment.
    fn names_module(&self, at: usize) -> bool {
        let lines = self.lines.get(at..).unwrap_or_default();
        let last = lines.iter().position(|line| !line.ends_with("\\\n")).unwrap_or_default();
        let is_comment = lines.first().is_some_and(|line| line.starts_with('#'));
        !is_comment && lines.iter().take(last + 1).any(|line| line.contains(OURS))
    }
}
