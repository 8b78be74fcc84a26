//! Commands that change lines of a file.
//!
//! An admin pastes the fixes of a whole report, in any order, and some of them twice. So a line is found by its text: its
//! number is another one as soon as a command before has added or removed a line.

use super::{Argument, Command, RootPath};
use crate::escape::word;

/// A line of a file as it was read. It may go on over several lines of the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    text: String,
    /// How many lines of the file follow that belong to it.
    more: usize,
    /// The text of the line above, if others have the same text.
    above: Option<String>,
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
    /// Expressions of sed(1).
    script: Vec<String>,
    /// The text of a line that it takes away.
    removed: Option<String>,
    /// The line that it appends to the file, if it is one.
    appended: Option<String>,
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
    /// such line, or no command can find it.
    pub fn find(content: &[u8], first: usize, last: usize) -> Option<Self> {
        let lines: Vec<_> =
            content.split(|byte| *byte == b'\n').map(|line| str::from_utf8(line).ok()).collect();
        let text = |number: usize| *lines.get(number.checked_sub(1)?)?;
        let own = text(first).filter(|text| !text.is_empty())?;
        let more = last.checked_sub(first)?;
        let is = |number: usize, wanted: &str| text(number).is_some_and(|text| matches(wanted, text));
        let same: Vec<_> = (1..=lines.len()).filter(|number| is(*number, own)).collect();
        let above = match same.as_slice() {
            [_] => None,
            // Two blocks may have the same line. The lines after it could be any.
            _ if more > 0 => return None,
            _ => {
                let above = text(first - 1)?;
                let is_unique = same.iter().filter(|number| is(**number - 1, above)).count() == 1;
                Some(above.to_owned()).filter(|_| is_unique).map(Some)?
            }
        };
        Some(Self { text: own.to_owned(), more, above })
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
        let found = format!("{}{more}{command}", address(&self.text));
        let script = match &self.above {
            None => vec![found],
            // The text of `i`, `a` and `c` ends with the expression only.
            Some(above) => vec![format!("{}{{n;{found}", address(above)), "}".to_owned()],
        };
        let removed = (order == Order::Removed).then(|| self.text.clone());
        Some(Change { script, removed, appended: None, order })
    }
}

impl Change {
    /// Inserts lines at the top of a file that is not empty.
    pub fn at_top(lines: &[&str]) -> Self {
        Self::adding(format!("1i{}", sed_text(lines)))
    }

    /// Appends lines to a file that is not empty.
    pub fn at_end(lines: &[&str]) -> Self {
        Self { appended: single(lines), ..Self::adding(format!("$a{}", sed_text(lines))) }
    }

    fn adding(script: String) -> Self {
        Self { script: vec![script], removed: None, appended: None, order: Order::Added }
    }

    /// Whether it needs a run of sed of its own: it is found by the line above, on which other changes could wait.
    pub fn is_alone(&self) -> bool {
        self.script.len() > 1
    }

    /// Whether it takes a line away.
    pub fn removes(&self) -> bool {
        self.removed.is_some()
    }
}

impl Command {
    /// A command that makes all of these changes at once, with sed(1). If they move a line, nothing happens once it is
    /// gone.
    pub fn edit(file: &RootPath, changes: &[Change]) -> Self {
        let mut sorted: Vec<_> = changes.iter().collect();
        sorted.sort_by_key(|change| change.order);
        let scripts: Vec<_> = sorted.iter().flat_map(|change| &change.script).collect();
        let script = match scripts.as_slice() {
            [script] => word(script.as_str()).to_string(),
            scripts => {
                let scripts: Vec<_> =
                    scripts.iter().map(|script| format!("-e {}", word(script.as_str()))).collect();
                scripts.join(" ")
            }
        };
        let sed = Command::new("sed -i");
        let edit = Self(format!("{sed} {script} {}", file.shell_word()));
        if let [_] = changes {
            return edit;
        }
        match changes.iter().any(Change::removes) {
            true => changes.iter().rev().fold(edit, |edit, change| edit.if_there(file, change)),
            false => {
                let appended = changes.iter().filter_map(|change| change.appended.as_deref());
                appended.fold(edit, |edit, line| edit.unless_there(file, line))
            }
        }
    }

    /// This command, if the line that `change` takes away is there.
    #[must_use]
    pub fn if_there(self, file: &RootPath, change: &Change) -> Self {
        match &change.removed {
            Some(text) => Self(format!("grep -qx {} {} && {self}", word(&regex(text)), file.shell_word())),
            None => self,
        }
    }

    /// This command, if the file has no such line: two of them could be worse than none.
    fn unless_there(self, file: &RootPath, line: &str) -> Self {
        Self(format!("! grep -qsx {} {} && {self}", word(&regex(line)), file.shell_word()))
    }

    /// A command that appends `lines`, none of which holds a newline; a single line, if it is not there. It appends an
    /// empty line first: if the last line of the file has no newline, it would otherwise be joined with the first of
    /// them.
    pub fn append(lines: &[&str], file: &RootPath) -> Self {
        let words: Vec<_> = lines.iter().map(|line| word(*line).to_string()).collect();
        let append = Self(format!("printf '%s\\n' '' {} >>{}", words.join(" "), file.shell_word()));
        match single(lines) {
            Some(line) => append.unless_there(file, &line),
            None => append,
        }
    }
}

/// The line, if it is only one.
fn single(lines: &[&str]) -> Option<String> {
    match lines {
        [line] => Some((*line).to_owned()),
        _ => None,
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
        let content = "one\ntwo\n3.a/b\nfour\nfour\n";
        let edit = |line, edit| Command::edit(&file, &[change(content, line, edit)]).to_string();
        assert_eq!(edit(3, LineEdit::Delete), r"sed -i '/^3\.a\/b$/d' '/etc/x y'");
        assert_eq!(edit(1, LineEdit::Insert(&["a\\", "  b"])), r"sed -i '/^one$/i a\\\n  b' '/etc/x y'");
        assert_eq!(edit(1, LineEdit::Append(&["  b"])), r"sed -i '/^one$/a\  b' '/etc/x y'");
        assert_eq!(edit(2, LineEdit::Replace("a\ne id")), "sed -i '/^two$/c a e id' '/etc/x y'");
        let second = edit(5, LineEdit::CommentOut);
        assert_eq!(second, "sed -i -e '/^four$/{n;/^four$/s/^/#/' -e '}' '/etc/x y'");
    }

    #[test]
    fn a_line_that_cannot_be_found_again_makes_no_command() {
        assert_eq!(Line::find(b"a\n", 2, 2), None);
        assert_eq!(Line::find(b"a\n", 0, 0), None);
        assert_eq!(Line::find(b"\xff\n", 1, 1), None);
        assert_eq!(Line::find(b"a \\\nb\na \\\nc\n", 1, 2), None);
    }
}
