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
    /// Its number, if others have the same text.
    number: Option<usize>,
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
        let lines = || content.split(|byte| *byte == b'\n');
        let text =
            std::str::from_utf8(lines().nth(first.checked_sub(1)?)?).ok().filter(|text| !text.is_empty())?;
        let more = last.checked_sub(first)?;
        let is_same = |line: &&[u8]| std::str::from_utf8(line).is_ok_and(|line| matches(text, line));
        let is_unique = lines().filter(is_same).count() == 1;
        // The lines after another one with the same text could be any.
        let number = (!is_unique).then_some(first);
        (is_unique || more == 0).then(|| Self { text: text.to_owned(), more, number })
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
        let found = format!("/^{}$/{more}{command}", regex(&self.text).replace('/', "\\/"));
        let script = match self.number {
            None => vec![found],
            // The text of `i`, `a` and `c` ends with the expression only.
            Some(number) => vec![format!("{number}{{{found}"), "}".to_owned()],
        };
        let removed = (order == Order::Removed).then(|| self.text.clone());
        Some(Change { script, removed, order })
    }
}

impl Change {
    /// Inserts lines at the top of a file that is not empty.
    pub fn at_top(lines: &[&str]) -> Self {
        Self { script: vec![format!("1i{}", sed_text(lines))], removed: None, order: Order::Added }
    }

    /// Appends lines to a file that is not empty.
    pub fn at_end(lines: &[&str]) -> Self {
        Self { script: vec![format!("$a{}", sed_text(lines))], removed: None, order: Order::Added }
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
        match changes {
            [_] => edit,
            _ => changes.iter().rev().fold(edit, |edit, change| edit.if_there(file, change)),
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

    /// A command that appends `lines`, none of which holds a newline. It appends an empty line first: if the last line
    /// of the file has no newline, it would otherwise be joined with the first of them.
    pub fn append<'a>(lines: impl IntoIterator<Item = &'a str>, file: &RootPath) -> Self {
        let lines: Vec<_> = lines.into_iter().map(|line| word(line).to_string()).collect();
        Self(format!("printf '%s\\n' '' {} >>{}", lines.join(" "), file.shell_word()))
    }
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
    use std::fs;
    use std::path::Path;
    use std::process;

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
        assert_eq!(edit(5, LineEdit::CommentOut), "sed -i -e '5{/^four$/s/^/#/' -e '}' '/etc/x y'");
    }

    #[test]
    fn a_line_that_cannot_be_found_again_makes_no_command() {
        assert_eq!(Line::find(b"a\n", 2, 2), None);
        assert_eq!(Line::find(b"a\n", 0, 0), None);
        assert_eq!(Line::find(b"\xff\n", 1, 1), None);
        assert_eq!(Line::find(b"a \\\nb\na \\\nc\n", 1, 2), None);
    }

    /// Runs `changes`, each a command of its own, on a file.
    fn changed(name: &str, content: &str, changes: &[&[Change]]) -> String {
        let path = std::env::temp_dir().join(format!("sftpjail-lines-{}-{name}", process::id()));
        fs::write(&path, content).unwrap();
        for changes in changes {
            let command = Command::edit(&RootPath::checked(&path), changes).to_string();
            let out = process::Command::new("sh").args(["-c", &command]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{command}");
        }
        let after = fs::read_to_string(&path).unwrap();
        fs::remove_file(&path).unwrap();
        after
    }

    #[test]
    fn each_line_is_found_whatever_was_changed_before() {
        let content = "a\tb\n  [x=1 *] $^ \\ y/z\nlast";
        let inserted = [change(content, 1, LineEdit::Insert(&["new", "  two"]))];
        let replaced = [change(content, 2, LineEdit::Replace("  good\\"))];
        let deleted = [change(content, 1, LineEdit::Delete)];
        let top = [Change::at_top(&["top"])];
        for order in [[&top, &inserted, &replaced], [&replaced, &inserted, &top]] {
            let order = order.map(|changes| changes.as_slice());
            assert_eq!(changed("found", content, &order), "top\nnew\n  two\na\tb\n  good\\\nlast");
        }
        assert_eq!(changed("gone", content, &[&deleted, &deleted, &top]), "top\n  [x=1 *] $^ \\ y/z\nlast");
    }

    #[test]
    fn a_line_is_moved_once_and_may_be_the_last_or_the_one_above_which_it_goes() {
        for (content, moved) in [("one\nmove\ntwo\n", "one\ntwo\nmoved\n"), ("one\nmove", "one\nmoved\n")] {
            let down = [change(content, 2, LineEdit::Delete), Change::at_end(&["moved"])];
            assert_eq!(changed("down", content, &[&down, &down]).trim_end(), moved.trim_end());
        }
        let content = "move\none\n";
        let up = [change(content, 1, LineEdit::Insert(&["moved"])), change(content, 1, LineEdit::Delete)];
        assert_eq!(changed("up", content, &[&up, &up]), "moved\none\n");
    }

    #[test]
    fn a_number_is_used_beside_a_text_that_two_lines_have() {
        let content = "same\nother\nsame\n";
        let second = [change(content, 3, LineEdit::Replace("new"))];
        assert_eq!(changed("second", content, &[&second]), "same\nother\nnew\n");
        // The numbers are others now: then nothing happens.
        assert_eq!(
            changed("other", content, &[&[Change::at_top(&["top"])], &second]),
            "top\nsame\nother\nsame\n"
        );
    }

    #[test]
    fn a_line_that_goes_on_is_changed_as_a_whole() {
        let content = "one\na \\\nb \\\nc\nlast\n";
        let line = Line::find(content.as_bytes(), 2, 4).unwrap();
        let edited = |edit| changed("long", content, &[&[line.change(edit).unwrap()]]);
        assert_eq!(edited(LineEdit::Replace("new")), "one\nnew\nlast\n");
        assert_eq!(edited(LineEdit::Delete), "one\nlast\n");
        assert_eq!(edited(LineEdit::CommentOut), "one\n#a \\\n#b \\\n#c\nlast\n");
        assert_eq!(edited(LineEdit::Insert(&["new"])), "one\nnew\na \\\nb \\\nc\nlast\n");
        assert_eq!(line.change(LineEdit::Append(&["x"])), None);
    }
}
