//! Where something stands: `/etc/pam.d/sshd:12`.

use pam_sftpjail::escape::{escaped, word};
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

/// A line of a file, which may go on over several lines of the file.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Location {
    pub(crate) file: PathBuf,
    /// Where it begins. The first line of a file is 1.
    pub(crate) line: usize,
    /// Where it ends: the same, unless a backslash lets it go on.
    pub(crate) last: usize,
}

impl Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", escaped(&self.file), self.line)
    }
}

impl Location {
    /// A line that is a line of the file.
    pub(crate) fn single(file: PathBuf, line: usize) -> Self {
        Self { file, line, last: line }
    }

    /// A command that puts `lines`, none of which holds a newline, before this one.
    pub(crate) fn insert(&self, lines: &[&str]) -> String {
        self.sed(&format!("{}i {}", self.line, text(lines)))
    }

    /// A command that puts another line in this one's place.
    pub(crate) fn replace(&self, line: &str) -> String {
        self.sed(&format!("{}c {}", self.range(), text(&[line])))
    }

    /// A command that takes the line out.
    pub(crate) fn delete(&self) -> String {
        self.sed(&format!("{}d", self.range()))
    }

    /// A command that turns the line into a comment.
    pub(crate) fn comment_out(&self) -> String {
        self.sed(&format!("{}s/^/#/", self.range()))
    }

    /// All of it, for sed.
    fn range(&self) -> String {
        match self.line == self.last {
            true => self.line.to_string(),
            false => format!("{},{}", self.line, self.last),
        }
    }

    fn sed(&self, script: &str) -> String {
        // sed would put a file in a symlink's place.
        let real = self.file.canonicalize();
        format!("sed -i {} {}", word(script), word(real.as_deref().unwrap_or(&self.file)))
    }
}

/// For sed's `i` and `c`, which take a backslash for the beginning of an escape.
fn text(lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| line.replace('\\', "\\\\")).collect();
    lines.join("\\n")
}

/// A command that puts `lines` at the end of `file`. An empty line goes before them, since the last line of
/// the file may have no newline and would become one with the first of them.
pub(crate) fn append(file: &Path, lines: &[&str]) -> String {
    let lines: Vec<_> = lines.iter().map(|line| word(*line).to_string()).collect();
    format!("printf '%s\\n' '' {} >>{}", lines.join(" "), word(file))
}
