//! Text → TOML, and for a text that is no TOML the line that was probably meant.

use super::keys::{Key, Level};
use super::problem::Problem;
use crate::escape::one_line;
use toml::Spanned;
use toml::de::{DeTable, Error};

/// Parses a file whose outermost table is `file`.
pub(crate) fn parse(text: &str, file: Level) -> Result<Spanned<DeTable<'_>>, Problem> {
    DeTable::parse(text).map_err(|error| explained(text, file, &error))
}

/// The line, from 1, that has this byte of the text.
pub(crate) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

/// Why the text is no TOML: the first line that is none, what is so, and what to write.
///
/// `noticed`: what the parser says first. It notices what is wrong in values after all that is wrong between them.
pub(super) fn explained(text: &str, file: Level, noticed: &Error) -> Problem {
    let at = |error: &Error| error.span().map_or(0, |span| span.start);
    let (_, errors) = DeTable::parse_recoverable(text);
    let error = errors.iter().min_by_key(|error| at(error)).unwrap_or(noticed);
    let line = line_of(text, at(error));
    let begun = unfinished(text, file, line_of(text, at(noticed)));
    if let Some(problem) = begun.filter(|problem| problem.line() <= Some(line)) {
        return problem;
    }
    let written = text.lines().nth(line - 1).unwrap_or_default().trim();
    let problem = |what: String, fix: String| Problem::at(line, what, fix);
    if written.starts_with('[') {
        return header(text, line, written, error);
    }
    let Some((key, value)) = key_and_value(file, written) else {
        return problem(one_line(error.message()), format!("correct the line: {}", one_line(written)));
    };
    if error.message() == "duplicate key" {
        return problem(format!("{} is there twice", key.name), "keep one of them".into());
    }
    let what = format!("the value of {} is not written as TOML wants it", key.name);
    problem(what, format!("write {}", key.meant(value)))
}

/// A value without an end: the parser notices it in a later line only, `noticed`, which is not the one to correct.
fn unfinished(text: &str, file: Level, noticed: usize) -> Option<Problem> {
    let lines: Vec<_> = text.lines().map(str::trim).collect();
    let before = lines.get(..noticed.min(lines.len() + 1) - 1)?;
    let has_key = |line: &&str| key_and_value(file, line).is_some();
    // A text in three quotes may hold lines that look like keys.
    let begins =
        |line: &&str| has_key(line) && (may_go_on(line) || has_open_quote(line)) && !is_complete(line);
    let start = before.iter().rposition(begins)?;
    let (key, _) = key_and_value(file, before.get(start)?)?;
    let begun = before.get(start..)?;
    if is_complete(&begun.join("\n")) {
        return None;
    }
    let written = lines.get(noticed - 1).copied().unwrap_or_default();
    let name = key.name;
    if let Some(at) = begun.iter().position(|line| has_open_quote(line)) {
        let what = format!("a quote in the value of {name} is not closed");
        let line = begun.get(at).copied().unwrap_or_default();
        let fix = match at {
            0 => format!("write {}", key.meant(key_and_value(file, line)?.1)),
            _ => format!("correct the line: {}", one_line(line)),
        };
        return Some(Problem::at(start + at + 1, what, fix));
    }
    // Another line that is wrong may be part of the value.
    let is_other = written.is_empty() || written.starts_with('[') || has_key(&written);
    let whole = begun.join(" ");
    let fix = format!("write {}", key.meant(key_and_value(file, &whole)?.1));
    is_other.then(|| Problem::at(start + 1, format!("the value of {name} has no end"), fix))
}

/// Whether these lines are TOML by themselves.
pub(super) fn is_complete(lines: &str) -> bool {
    DeTable::parse(lines).is_ok()
}

/// Whether the statement that begins in the line may go on in the next one.
pub(super) fn may_go_on(line: &str) -> bool {
    let count = |bracket| line.matches(bracket).count();
    count('[') != count(']') || count('{') != count('}') || line.contains("\"\"\"") || line.contains("'''")
}

/// Whether a text that begins in the line does not end in it. One in three quotes may go on.
fn has_open_quote(line: &str) -> bool {
    let mut open = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (open, c) {
            (None, '#') => return false,
            (None, '"' | '\'') => open = Some(c),
            (Some('"'), '\\') => drop(chars.next()),
            (Some(quote), c) if c == quote => open = None,
            _ => {}
        }
    }
    open.is_some() && !line.contains("\"\"\"") && !line.contains("'''")
}

/// A line with a header, such as `[profile]`.
fn header(text: &str, line: usize, written: &str, error: &Error) -> Problem {
    let name = written.trim_matches(['[', ']']).trim();
    // The parser notices a header in single brackets only where a right one of the same name comes after it.
    if let Some(first) = single_bracketed(text, line, name).filter(|_| written.starts_with("[[")) {
        let what = format!("[{}] is in single brackets, so there could be one only", one_line(name));
        return Problem::at(first, what, format!("write [[{}]]", one_line(name)));
    }
    let fix = match meant_header(written) {
        Some(meant) => format!("write {meant}"),
        None => format!("correct the line: {}", one_line(written)),
    };
    let what = match error.message() {
        "duplicate key" => format!("{} is there twice", one_line(written)),
        message => one_line(message),
    };
    Problem::at(line, what, fix)
}

/// The header that was probably meant by a line that begins with a bracket.
pub(super) fn meant_header(written: &str) -> Option<&'static str> {
    match written.trim_matches(['[', ']']).trim().rsplit('.').next() {
        Some("profile") => Some("[[profile]]"),
        Some("volume") => Some("[[profile.volume]]"),
        Some("grant") => Some("[[grant]]"),
        _ => None,
    }
}

/// The first line above `below` that is the header `[name]`.
fn single_bracketed(text: &str, below: usize, name: &str) -> Option<usize> {
    let is_it = |line: &str| {
        let line = line.split('#').next().unwrap_or_default().trim();
        let inside = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        inside.is_some_and(|inside| inside.trim() == name)
    };
    text.lines().take(below - 1).position(is_it).map(|at| at + 1)
}

/// The known key that a line begins with, and what comes after `=`, `:` or a blank, without a comment.
fn key_and_value(file: Level, written: &str) -> Option<(&'static Key, &str)> {
    let end = written.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))?;
    let (name, rest) = written.split_at(end);
    let name = name.to_lowercase().replace('-', "_");
    let key = file.with(&name)?.key(&name)?;
    let value = rest.trim_start().trim_start_matches(['=', ':']).trim();
    Some((key, value.split_once(" #").map_or(value, |(value, _)| value.trim())))
}
