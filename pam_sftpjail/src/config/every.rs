//! All faults of a text at once, for the program: whoever corrects a file wants to know them all. A login needs the first
//! only, and none of this.
//!
//! It goes on after a line that is no TOML only where it is certain that the line is a statement of its own. Of what
//! may follow from an earlier fault, it says nothing.

use super::keys::Level;
use super::problem::Problem;
use super::problems::Problems;
use super::syntax::{explained, is_complete, may_go_on, meant_header};
use toml::de::DeTable;

/// How many lines that are no TOML are named. A file with more is something else.
const MOST_LINES: usize = 50;

/// In lines. What comes before a longer one is not read.
const LONGEST_STATEMENT: usize = 50;

/// The faults of a text whose outermost table is `file`. `read` reads what is TOML. The first one is that of a login.
pub(crate) fn problems(
    text: &str,
    file: Level,
    read: impl FnOnce(&str, &DeTable<'_>, &mut Problems),
) -> Vec<Problem> {
    let mut found = Problems::default();
    let text = without_broken_lines(text, file, &mut found);
    if let Ok(parsed) = DeTable::parse(&text) {
        read(&text, parsed.get_ref(), &mut found);
    }
    found.sorted()
}

/// The text with an empty line in the place of each that is no TOML. It ends where its statements cannot be told apart.
fn without_broken_lines(text: &str, file: Level, found: &mut Problems) -> String {
    let mut text = text.to_owned();
    for _ in 0..MOST_LINES {
        let Err(error) = DeTable::parse(&text) else { return text };
        let problem = explained(&text, file, &error);
        let line = problem.line().unwrap_or(1);
        found.add(problem);
        found.is_partial = true;
        let lines: Vec<_> = text.lines().collect();
        let (before, rest) = lines.split_at((line - 1).min(lines.len()));
        let mended = match rest.split_first() {
            Some((broken, after)) if is_complete(&before.join("\n")) => {
                instead_of(broken).map(|instead| [before, &[instead], after].concat().join("\n"))
            }
            _ => None,
        };
        match mended {
            Some(mended) => text = mended,
            None => return whole_statements(before),
        }
    }
    String::new()
}

/// The lines without the beginning of a statement at their end.
fn whole_statements(lines: &[&str]) -> String {
    let shorter = (0..=LONGEST_STATEMENT.min(lines.len())).filter_map(|less| lines.get(..lines.len() - less));
    shorter.map(|lines| lines.join("\n")).find(|text| is_complete(text)).unwrap_or_default()
}

/// What can stand in the place of a line between statements, so that the others keep their meaning. `None`: the statement
/// may go on in the next line.
fn instead_of(broken: &str) -> Option<&'static str> {
    let broken = broken.trim();
    if broken.starts_with('[') {
        return meant_header(broken).filter(|meant| *meant != broken);
    }
    (!may_go_on(broken)).then_some("")
}
