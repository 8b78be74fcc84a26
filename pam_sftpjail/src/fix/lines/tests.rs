//! Edits are run by the machine's own sed(1) and grep(1).

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
fn a_line_is_appended_once() {
    let path = std::env::temp_dir().join(format!("sftpjail-lines-{}-once", process::id()));
    let command = Command::append(&["a [1]"], &RootPath::checked(&path)).to_string();
    for content in ["", "a 1", "a [1]\nlast\n"] {
        fs::write(&path, content).unwrap();
        for _ in 0..2 {
            process::Command::new("sh").args(["-c", &command]).status().unwrap();
        }
        let after = fs::read_to_string(&path).unwrap();
        assert_eq!(after.lines().filter(|line| *line == "a [1]").count(), 1, "{after}");
    }
    fs::remove_file(&path).unwrap();
    let both = [change("x\n", 1, LineEdit::Insert(&["first"])), Change::at_end(&["last"])];
    assert_eq!(changed("both", "x\n", &[&both, &both]), "first\nx\nlast\n");
}

#[test]
fn the_line_above_tells_apart_what_two_blocks_have() {
    let content = "Match User a\n  x yes\nMatch User b\n  x yes\nlast\n";
    let second = [change(content, 4, LineEdit::Replace("  x no"))];
    let good = "Match User a\n  x yes\nMatch User b\n  x no\nlast\n";
    assert_eq!(changed("second", content, &[&second, &second]), good);
    // As many lines as there are between them.
    let top = [Change::at_top(&["Match User c", "  y"])];
    assert_eq!(changed("moved", content, &[&top, &second]), format!("Match User c\n  y\n{good}"));
    let twice = "a\nb\na\nb\n";
    for line in 1..=4 {
        // Only the second `a` has a `b` above it.
        assert_eq!(Line::find(twice.as_bytes(), line, line).is_some(), line == 3, "{line}");
    }
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
