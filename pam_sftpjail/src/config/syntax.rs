//! Text → TOML, and for a text that is no TOML the line that was probably meant.

use super::keys::{Key, Level};
use super::problem::Problem;
use crate::escape::one_line;
use toml::Spanned;
use toml::de::{DeTable, Error};

/// Parses the file.
pub(super) fn parse(text: &str) -> Result<Spanned<DeTable<'_>>, Problem> {
    DeTable::parse(text).map_err(|error| explained(text, &error))
}

/// The line, from 1, that has this byte of the text.
pub(super) fn line_of(text: &str, byte: usize) -> usize {
    1 + text.bytes().take(byte).filter(|byte| *byte == b'\n').count()
}

fn explained(text: &str, error: &Error) -> Problem {
    let line = error.span().map_or(1, |span| line_of(text, span.start));
    let written = text.lines().nth(line - 1).unwrap_or_default().trim();
    let problem = |what: String, fix: String| Problem::at(line, what, fix);
    if written.starts_with('[') {
        return header(line, written, error);
    }
    let Some((key, value)) = key_and_value(written) else {
        return problem(one_line(error.message()), format!("correct the line: {}", one_line(written)));
    };
    if error.message() == "duplicate key" {
        return problem(format!("{} is there twice", key.name), "keep one of them".into());
    }
    let what = format!("the value of {} is not written as TOML wants it", key.name);
    problem(what, format!("write {}", key.meant(value)))
}

/// A line with a header, such as `[profile]`.
fn header(line: usize, written: &str, error: &Error) -> Problem {
    let name = written.trim_matches(['[', ']']).trim();
    let fix = match name.rsplit('.').next() {
        Some("profile") => "write [[profile]]".into(),
        Some("volume") => "write [[profile.volume]]".into(),
        _ => format!("correct the line: {}", one_line(written)),
    };
    let what = match error.message() {
        "duplicate key" => format!("{} is there twice", one_line(written)),
        message => one_line(message),
    };
    Problem::at(line, what, fix)
}

/// The known key that a line begins with, and what comes after `=`, `:` or a blank, without a comment.
fn key_and_value(written: &str) -> Option<(&'static Key, &str)> {
    let end = written.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '_' | '-'))?;
    let (name, rest) = written.split_at(end);
    let name = name.to_lowercase().replace('-', "_");
    let key = Level::of(&name)?.key(&name)?;
    let value = rest.trim_start().trim_start_matches(['=', ':']).trim();
    Some((key, value.split_once(" #").map_or(value, |(value, _)| value.trim())))
}
