//! Commands that change lines of a file.
//!
//! An admin pastes the fixes of a whole report, in any order, and some of them twice. So a line is found by its text:
//! its number is another one as soon as a command before has added or removed a line. A command of which one part would
//! not find its line any more does nothing: a line that is moved must not get lost.

use super::{Argument, Command, RootPath};
use crate::escape::word;

/// A line of a file as it was read, and the only one there with this text. It may go on over several lines of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// How many lines of the file follow that belong to it.
    more: usize,
}

/// A change of a line.
#[derive(Clone, Copy, Debug)]
pub enum LineEdit<'a> {
    /// Inserts lines before it.
    Insert(&'a [&'a str]),
    /// Inserts lines after it.
    Append(&'a [&'a str]),
    /// Replaces it with another one.
    Replace(&'a str),
    Delete,
    CommentOut,
}

/// A change of a file, for [`Command::edit`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// An expression of sed(1).
    script: String,
    /// The text of the line by which sed finds where it belongs.
    anchor: Option<String>,
    /// The lines that the file must not have yet.
    once: Vec<String>,
    order: Order,
}

/// In one run of sed: what is added first, because a line that is deleted or replaced takes no more commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    Added,
    Removed,
}

impl Line {
    /// The line from `first` to `last` of a file with this content; the first line of a file is 1. `None`: there is no
    /// such line, or another one has the same text, or no command can find it.
    pub fn find(content: &[u8], first: usize, last: usize) -> Option<Self> {
        let lines: Vec<_> =
            content.split(|byte| *byte == b'\n').map(|line| std::str::from_utf8(line).ok()).collect();
        let text = lines.get(first.checked_sub(1)?).copied()?.filter(|text| !text.is_empty())?;
        let same = lines.iter().flatten().filter(|line| matches(text, line)).count();
        (same == 1).then_some(Self { text: text.to_owned(), more: last.checked_sub(first)? })
    }

    /// `None`: nothing can be inserted after a line that goes on.
    pub fn change(&self, edit: LineEdit<'_>) -> Option<Change> {
        let (command, order) = match edit {
            LineEdit::Insert(lines) => (format!("i{}", sed_text(lines)), Order::Added),
            LineEdit::Append(_) if self.more > 0 => return None,
            LineEdit::Append(lines) => (format!("a{}", sed_text(lines)), Order::Added),
            LineEdit::Replace(line) => (format!("c{}", sed_text(&[line])), Order::Removed),
            LineEdit::Delete => ("d".to_owned(), Order::Removed),
            LineEdit::CommentOut => ("s/^/#/".to_owned(), Order::Removed),
        };
        let more = match (self.more, order) {
            (0, _) | (_, Order::Added) => String::new(),
            (more, Order::Removed) => format!(",+{more}"),
        };
        let script = format!("{}{more}{command}", address(&self.text));
        Some(Change { script, anchor: Some(self.text.clone()), once: Vec::new(), order })
    }
}

impl Change {
    /// Inserts lines at the top of a file that is not empty.
    pub fn at_top(lines: &[&str]) -> Self {
        Self::adding(format!("1i{}", sed_text(lines)))
    }

    /// Appends lines to a file that is not empty.
    pub fn at_end(lines: &[&str]) -> Self {
        Self::adding(format!("$a{}", sed_text(lines)))
    }

    fn adding(script: String) -> Self {
        Self { script, anchor: None, once: Vec::new(), order: Order::Added }
    }

    /// This change, if the file has none of `lines` yet: two of them could be worse than none.
    #[must_use]
    pub fn unless_there(self, lines: &[&str]) -> Self {
        Self { once: lines.iter().map(|line| (*line).to_owned()).collect(), ..self }
    }
}

impl Command {
    /// A command that makes all of these changes with sed(1): those of one file at once, and what is added to a file
    /// before anything is removed from another one. If one of several would not find its line, nothing happens.
    pub fn edit(changes: &[(RootPath, Change)]) -> Self {
        let mut files: Vec<(&RootPath, Vec<&Change>)> = Vec::new();
        for (file, change) in changes {
            match files.iter_mut().find(|(other, _)| *other == file) {
                Some((_, own)) => own.push(change),
                None => files.push((file, vec![change])),
            }
        }
        files.iter_mut().for_each(|(_, own)| own.sort_by_key(|change| change.order));
        files.sort_by_key(|(_, own)| own.iter().map(|change| change.order).max());
        let mut steps = Vec::new();
        // A line that is moved is there already.
        let moves = changes.iter().any(|(_, change)| change.order == Order::Removed);
        for (file, change) in changes {
            let anchor = change.anchor.as_ref().filter(|_| changes.len() > 1);
            steps.extend(anchor.map(|line| Self::is_there(line, file)));
            let once = change.once.iter().filter(|_| !moves);
            steps.extend(once.map(|line| Self::is_missing(line, file)));
        }
        steps.dedup();
        for (file, own) in files {
            let scripts: Vec<_> = own.iter().map(|change| word(change.script.as_str()).to_string()).collect();
            let scripts = match scripts.as_slice() {
                [script] => script.clone(),
                scripts => format!("-e {}", scripts.join(" -e ")),
            };
            let sed = Command::new("sed -i");
            steps.push(Self(format!("{sed} {scripts} {}", file.shell_word())));
        }
        let joined: Vec<_> = steps.iter().map(Self::to_string).collect();
        Self(joined.join(" && "))
    }

    /// A command that appends `lines`, none of which holds a newline, to a file that may be empty. It appends an empty
    /// line first: if the last line of the file has no newline, it would otherwise be joined with the first of them.
    pub fn append(lines: &[&str], file: &RootPath) -> Self {
        let words: Vec<_> = lines.iter().map(|line| word(*line).to_string()).collect();
        Self(format!("printf '%s\\n' '' {} >>{}", words.join(" "), file.shell_word()))
    }

    /// This command, if the file has none of `lines` yet: two of them could be worse than none.
    #[must_use]
    pub fn unless_there(self, lines: &[&str], file: &RootPath) -> Self {
        lines.iter().rev().fold(self, |command, line| Self::is_missing(line, file).and(&command))
    }

    /// Succeeds if the file has this line, which may begin with a hyphen.
    fn is_there(line: &str, file: &RootPath) -> Self {
        Self(format!("grep -qsxe {} {}", word(&regex(line)), file.shell_word()))
    }

    fn is_missing(line: &str, file: &RootPath) -> Self {
        Self(format!("! {}", Self::is_there(line, file)))
    }
}

/// The address of lines with this text.
fn address(text: &str) -> String {
    format!("/^{}$/", regex(text).replace('/', "\\/"))
}

/// A basic regular expression for `text`, for sed(1) and grep(1).
fn regex(text: &str) -> String {
    let mut regex = String::new();
    for c in text.chars() {
        match c {
            '\\' | '.' | '*' | '[' | '^' | '$' => regex.extend(['\\', c]),
            // A tab, which would not be seen in a command.
            c if c.is_control() => regex.push('.'),
            c => regex.push(c),
        }
    }
    regex
}

/// Whether the regular expression for `text` finds `line`.
fn matches(text: &str, line: &str) -> bool {
    let is_same = |(a, b): (char, char)| a == b || a.is_control();
    text.chars().count() == line.chars().count() && text.chars().zip(line.chars()).all(is_same)
}

/// The text of the commands `i`, `a` and `c` of GNU's and BusyBox's sed, in which a backslash begins an escape, and
/// blanks at the beginning are lost but for a backslash before them. A newline would begin another command.
fn sed_text(lines: &[&str]) -> String {
    let lines: Vec<_> =
        lines.iter().map(|line| line.replace('\\', "\\\\").replace(['\n', '\r'], " ")).collect();
    let begin = if lines.first().is_some_and(|first| first.starts_with(' ')) { "\\" } else { " " };
    format!("{begin}{}", lines.join("\\n"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn change(content: &str, line: usize, edit: LineEdit<'_>) -> Change {
        Line::find(content.as_bytes(), line, line).and_then(|line| line.change(edit)).expect("a change")
    }

    #[test]
    fn no_text_of_an_edit_is_a_command_of_sed() {
        let file = RootPath::checked(Path::new("/etc/x y"));
        let content = "one\ntwo\n3.a/b\n";
        let edit = |line, edit| Command::edit(&[(file.clone(), change(content, line, edit))]).to_string();
        assert_eq!(edit(3, LineEdit::Delete), r"sed -i '/^3\.a\/b$/d' '/etc/x y'");
        assert_eq!(edit(1, LineEdit::Insert(&["a\\", "  b"])), r"sed -i '/^one$/i a\\\n  b' '/etc/x y'");
        assert_eq!(edit(1, LineEdit::Append(&["  b"])), r"sed -i '/^one$/a\  b' '/etc/x y'");
        assert_eq!(edit(2, LineEdit::Replace("a\ne id")), "sed -i '/^two$/c a e id' '/etc/x y'");
        assert_eq!(edit(2, LineEdit::CommentOut), "sed -i '/^two$/s/^/#/' '/etc/x y'");
        // It would not be seen in a command.
        let tab = Command::edit(&[(file, change("a\tb\n", 1, LineEdit::Delete))]).to_string();
        assert_eq!(tab, "sed -i '/^a.b$/d' '/etc/x y'");
    }

    #[test]
    fn a_line_is_added_once_and_one_that_is_moved_is_there_already() {
        let file = RootPath::checked(Path::new("/etc/x"));
        let content = "one\ntwo\n";
        let added = change(content, 1, LineEdit::Append(&["two"])).unless_there(&["two"]);
        let removed = change(content, 2, LineEdit::Delete);
        let edit = |changes: &[&Change]| {
            let changes: Vec<_> = changes.iter().map(|change| (file.clone(), (*change).clone())).collect();
            Command::edit(&changes).to_string()
        };
        assert_eq!(edit(&[&added]), "! grep -qsxe two /etc/x && sed -i '/^one$/a two' /etc/x");
        let moved =
            "grep -qsxe one /etc/x && grep -qsxe two /etc/x && sed -i -e '/^one$/a two' -e '/^two$/d' /etc/x";
        assert_eq!(edit(&[&added, &removed]), moved);
    }

    #[test]
    fn a_line_that_cannot_be_found_again_makes_no_command() {
        assert_eq!(Line::find(b"a\n", 2, 2), None);
        assert_eq!(Line::find(b"a\n", 0, 0), None);
        assert_eq!(Line::find(b"\xff\n", 1, 1), None);
        // Two blocks may have the same line, and the line above it may be changed by another fix.
        for line in [2, 4] {
            assert_eq!(Line::find(b"a\n  x\nb\n  x\n", line, line), None);
        }
    }
}
