//! The location of a line in a file, such as `/etc/pam.d/sshd:12`, and the fixes that change that line.

#[cfg(test)]
mod tests;

use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::{Change, Command, Fix, Line, LineEdit, RootPath};
use pam_sftpjail::plan::root_path;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};

/// Files here are not the admin's: packages and programs write them again.
const NOT_TO_EDIT: [&str; 7] = ["/usr", "/lib", "/lib64", "/run", "/var/lib", "/nix", "/etc/authselect"];

/// A line of a file. Where the format allows it, a backslash lets it go on over several lines of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Location {
    pub(crate) file: PathBuf,
    /// The number of its first line. The first line of a file is 1.
    pub(crate) line: usize,
    /// The number of its last line: the same, unless it goes on.
    pub(crate) last: usize,
}

impl Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escaped(&self.file), self.line)
    }
}

impl Location {
    /// A line that does not go on.
    pub(crate) fn single(file: PathBuf, line: usize) -> Self {
        Self { file, line, last: line }
    }

    /// Inserts `lines` before this one. None of them may hold a newline.
    pub(crate) fn insert(&self, lines: &[&str]) -> Edit {
        self.edit(LineEdit::Insert(lines), format!("insert before {self}: {}", shown(lines)))
    }

    /// Inserts `lines` after this one.
    pub(crate) fn insert_after(&self, lines: &[&str]) -> Edit {
        self.edit(LineEdit::Append(lines), format!("insert after {self}: {}", shown(lines)))
    }

    /// Replaces the line with another one.
    pub(crate) fn replace(&self, line: &str) -> Edit {
        self.edit(LineEdit::Replace(line), format!("write at {self}: {}", shown(&[line])))
    }

    /// Removes the line.
    pub(crate) fn delete(&self) -> Edit {
        self.edit(LineEdit::Delete, format!("remove the line at {self}"))
    }

    /// Turns the line into a comment.
    pub(crate) fn comment_out(&self) -> Edit {
        self.edit(LineEdit::CommentOut, format!("comment out the line at {self}"))
    }

    /// As [`insert`](Self::insert), into a copy of the file at `copy`, which has none of these lines yet.
    pub(crate) fn insert_into(&self, copy: &Path, lines: &[&str]) -> Edit {
        let there = Self { file: copy.to_owned(), ..self.clone() };
        let words = format!("insert before {there}: {}", shown(lines));
        let change = self.change(LineEdit::Insert(lines)).map(|change| change.unless_there(lines));
        Edit::one(editable(copy), change, words)
    }

    fn edit(&self, edit: LineEdit<'_>, words: String) -> Edit {
        Edit::one(editable(&self.file), self.change(edit), words)
    }

    fn change(&self, edit: LineEdit<'_>) -> Option<Change> {
        let content = fs::read(&self.file).ok()?;
        Line::find(&content, self.line, self.last)?.change(edit)
    }
}

/// The lines of a file, in words.
fn shown(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| one_line(line.trim())).collect();
    lines.join(" / ")
}

/// The file itself, if a command may change it: `sed -i` would replace a symlink with a file.
fn editable(file: &Path) -> Option<RootPath> {
    let root = root_path(file)?;
    let real = match file.canonicalize() {
        Ok(real) => root_path(&real)?,
        // It is made.
        Err(_) => root,
    };
    let is_the_admins = !NOT_TO_EDIT.iter().any(|directory| real.as_path().starts_with(directory));
    is_the_admins.then_some(real)
}

/// Appends `lines` to `file`, which has none of them yet. None of them may hold a newline.
pub(crate) fn append(file: &Path, lines: &[&str]) -> Edit {
    let words = format!("append to {}: {}", escaped(file), shown(lines));
    let alone = editable(file).map(|file| Command::append(lines, &file).unless_there(lines, &file));
    let change = Change::at_end(lines).unless_there(lines);
    Edit { alone, ..Edit::one(editable(file), Some(change), words) }
}

/// Appends `lines` to `file`, as a block: other blocks may have the same lines. None of them may hold a newline.
pub(crate) fn append_block(file: &Path, lines: &[&str]) -> Edit {
    let words = format!("append to {}: {}", escaped(file), shown(lines));
    let alone = editable(file).map(|file| Command::append(lines, &file));
    Edit { alone, ..Edit::one(editable(file), Some(Change::at_end(lines)), words) }
}

/// Inserts `lines` at the top of `file`, which has a line. None of them may hold a newline.
pub(crate) fn prepend(file: &Path, lines: &[&str]) -> Edit {
    let words = format!("insert at the top of {}: {}", escaped(file), shown(lines));
    Edit::one(editable(file), Some(Change::at_top(lines).unless_there(lines)), words)
}

/// A change of files: a command where root can paste it, and words for where not.
pub(crate) struct Edit {
    /// `None`: no command may change the file, or none can find the line.
    changes: Option<Vec<(RootPath, Change)>>,
    /// What makes the file first.
    copy: Option<Command>,
    /// The command, if it is the only change: the file may be empty.
    alone: Option<Command>,
    words: String,
}

impl Edit {
    fn one(file: Option<RootPath>, change: Option<Change>, words: String) -> Self {
        Self { changes: file.zip(change).map(|one| vec![one]), copy: None, alone: None, words }
    }

    /// This change, and another one.
    pub(crate) fn and(self, next: Self) -> Self {
        let changes = self.changes.zip(next.changes).map(|(changes, next)| [changes, next].concat());
        let words = format!("{}; {}", self.words, next.words);
        Self { changes, copy: self.copy.or(next.copy), alone: None, words }
    }

    /// A change of a copy, which `copy` makes. `words` say the same.
    pub(crate) fn of_copy(self, copy: Option<Command>, words: &str) -> Self {
        let changes = self.changes.filter(|_| copy.is_some());
        Self { changes, copy, words: format!("{words}; {}", self.words), ..self }
    }

    /// The fix with words before it.
    pub(crate) fn explained(self, words: impl Display) -> Fix {
        Fix::from(self).explained(words)
    }

    fn command(&self) -> Option<Command> {
        let changes = self.changes.as_deref()?;
        let command = self.alone.clone().unwrap_or_else(|| Command::edit(changes));
        Some(match &self.copy {
            Some(copy) => copy.clone().and(&command),
            None => command,
        })
    }
}

impl From<Edit> for Fix {
    fn from(edit: Edit) -> Self {
        Self::or(edit.command(), edit.words)
    }
}
