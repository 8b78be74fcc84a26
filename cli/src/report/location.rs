//! The location of a line in a file, such as `/etc/pam.d/sshd:12`, and the fixes that change that line.

use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::fix::{Command, Fix, LineEdit, RootPath};
use pam_sftpjail::plan::root_path;
use std::fmt::{self, Display};
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

    fn edit(&self, edit: LineEdit<'_>, words: String) -> Edit {
        let command = editable(&self.file).map(|file| Command::edit(&file, (self.line, self.last), edit));
        Edit { command, words }
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

/// Appends `lines` to `file`. None of them may hold a newline.
pub(crate) fn append(file: &Path, lines: &[&str]) -> Edit {
    let command = editable(file).map(|file| Command::append(lines.iter().copied(), &file));
    Edit { command, words: format!("append to {}: {}", escaped(file), shown(lines)) }
}

/// A change of a file: a command where root can paste it, and words for where not.
pub(crate) struct Edit {
    command: Option<Command>,
    words: String,
}

impl Edit {
    /// This change, and then another one.
    pub(crate) fn and(self, next: Self) -> Self {
        let command = self.command.zip(next.command).map(|(first, next)| first.and(&next));
        Self { command, words: format!("{}; {}", self.words, next.words) }
    }

    /// A change of a copy, which `copy` makes. `words` say the same.
    pub(crate) fn of_copy(self, copy: Option<Command>, words: &str) -> Self {
        let command = copy.zip(self.command).map(|(copy, edit)| copy.and(&edit));
        Self { command, words: format!("{words}; {}", self.words) }
    }

    /// The fix with words before it.
    pub(crate) fn explained(self, words: impl Display) -> Fix {
        Fix::from(self).explained(words)
    }
}

impl From<Edit> for Fix {
    fn from(edit: Edit) -> Self {
        Self::or(edit.command, edit.words)
    }
}
