//! The location of a line in a file, such as `/etc/pam.d/sshd:12`, and the commands that change that line.

use pam_sftpjail::escape::{escaped, word};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

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

    /// A command that inserts `lines` before this one. None of them may hold a newline.
    pub(crate) fn insert(&self, lines: &[&str]) -> String {
        self.sed(&format!("{}i {}", self.line, text(lines)))
    }

    /// A command that replaces the line with another one.
    pub(crate) fn replace(&self, line: &str) -> String {
        self.sed(&format!("{}c {}", self.range(), text(&[line])))
    }

    /// A command that removes the line.
    pub(crate) fn delete(&self) -> String {
        self.sed(&format!("{}d", self.range()))
    }

    /// A command that turns the line into a comment.
    pub(crate) fn comment_out(&self) -> String {
        self.sed(&format!("{}s/^/#/", self.range()))
    }

    /// The address of the whole line, for sed.
    fn range(&self) -> String {
        match self.line == self.last {
            true => self.line.to_string(),
            false => format!("{},{}", self.line, self.last),
        }
    }

    fn sed(&self, script: &str) -> String {
        // `sed -i` would replace a symlink with a file.
        let real = self.file.canonicalize();
        format!("sed -i {} {}", word(script), word(real.as_deref().unwrap_or(&self.file)))
    }
}

/// The text of sed's commands `i` and `c`, for which a backslash begins an escape.
fn text(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.replace('\\', "\\\\")).collect();
    lines.join("\\n")
}

/// A command that appends `lines` to `file`. It appends an empty line first: if the last line of the file has no
/// newline, it would otherwise be joined with the first of them.
pub(crate) fn append(file: &Path, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| word(*line).to_string()).collect();
    format!("printf '%s\\n' '' {} >>{}", lines.join(" "), word(file))
}
