//! Changes as they are pasted: the machine's own sed(1) and grep(1) run them.

use super::*;
use std::process;

/// A path that only root can redirect, and where nothing is. The commands are run on a file of the test's own.
const PATH: &str = "/etc/sftpjail-lines";

fn change(content: &str, line: usize, edit: LineEdit<'_>) -> Change {
    Line::find(content.as_bytes(), line, line).and_then(|line| line.change(edit)).expect("a change")
}

/// Runs commands for [`PATH`] on a file with this content; gives the content after.
fn pasted(name: &str, content: &str, commands: impl Iterator<Item = Command>) -> String {
    let file = std::env::temp_dir().join(format!("sftpjail-lines-{}-{name}", process::id()));
    fs::write(&file, content).unwrap();
    for command in commands {
        let command = command.to_string().replace(PATH, file.to_str().unwrap());
        let out = process::Command::new("sh").args(["-c", &command]).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stderr), "", "{command}");
    }
    let after = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    after
}

fn path() -> RootPath {
    root_path(Path::new(PATH)).expect("only root can redirect it")
}

/// Makes `changes`, each by a command of its own.
fn changed(name: &str, content: &str, changes: &[&[Change]]) -> String {
    let edit = |changes: &&[Change]| {
        Command::edit(&changes.iter().map(|change| (path(), change.clone())).collect::<Vec<_>>())
    };
    pasted(name, content, changes.iter().map(edit))
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
fn a_line_that_is_moved_is_not_lost_if_the_line_above_which_it_goes_is_gone() {
    let content = "top\nmove\n";
    let up = [change(content, 1, LineEdit::Insert(&["moved"])), change(content, 2, LineEdit::Delete)];
    let gone = [change(content, 1, LineEdit::Replace("other"))];
    assert_eq!(changed("anchor", content, &[&gone, &up]), "other\nmove\n");
}

#[test]
fn a_line_is_added_once() {
    for content in ["", "a 1", "a [1]\nlast\n"] {
        let append = || Command::append(&["a [1]"], &path()).unless_there(&["a [1]"], &path());
        let after = pasted("once", content, [append(), append()].into_iter());
        assert_eq!(after.lines().filter(|line| *line == "a [1]").count(), 1, "{after}");
    }
    for last in [&[][..], &["-last"]] {
        let first = change("x\n", 1, LineEdit::Insert(&["first"])).unless_there(&["first"]);
        let last = last.iter().map(|last| Change::at_end(&[last]).unless_there(&[last]));
        let all: Vec<_> = [first].into_iter().chain(last.clone()).collect();
        let after = format!("first\nx\n{}", last.map(|_| "-last\n").collect::<String>());
        assert_eq!(changed("both", "x\n", &[&all, &all]), after);
    }
}

#[test]
fn a_line_that_begins_with_a_hyphen_is_moved() {
    let content = "one\n-move\n";
    let up = [change(content, 1, LineEdit::Insert(&["moved"])), change(content, 2, LineEdit::Delete)];
    assert_eq!(changed("hyphen", content, &[&up, &up]), "moved\none\n");
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
