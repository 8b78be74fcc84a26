//! The text of a file of grants → [`Grant`]s. It reads nothing else.

use super::{Fingerprint, Grant, Moment, Network};
use crate::config::keys::{ACCESS, Level};
use crate::config::problem::Problem;
use crate::config::problems::Problems;
use crate::config::table::{At, Table};
use crate::config::{resolve, root_file, syntax};
use crate::escape::escaped;
use crate::path::Normalised;
use std::fmt::Display;
use toml::value::Datetime;

/// A file with comments only has no grants. One without any text is an error.
pub(super) fn grants(text: &str) -> Result<Vec<Grant>, Problem> {
    root_file::must_have_text(text, "write it again, or remove it where no grants are meant")?;
    let parsed = syntax::parse(text, Level::Grants)?;
    let mut found = Problems::default();
    let file = Table::file(text, Level::Grants, parsed.get_ref(), &mut found);
    let tables = file.tables("grant", Level::Grant, &mut found).map(|list| list.value).unwrap_or_default();
    let grants: Vec<_> = tables.iter().map(|table| grant(table, &mut found)).collect();
    found.end(grants.into_iter().collect())
}

fn grant(table: &Table<'_>, found: &mut Problems) -> Option<Grant> {
    let folder = table.required("folder", found, Table::text);
    let folder = folder.map(|folder| found.note(path("folder", &folder)));
    let at = table.text("at", found).map(|at| found.note(path("at", &at)));
    let access = table.required("access", found, Table::text);
    let read_only = access.map(|access| found.note(is_read_only(&access)));
    let key = table.text("key", found).map(|key| {
        let parsed = Fingerprint::parse(&key.value);
        found.note(parsed.map_err(|why| wrong("key", key.line, escaped(&key.value), why)))
    });
    let owner = table.text("owner", found).map(|owner| found.note(resolve::account("owner", owner)));
    let mut moment = |name| {
        let written = table.moment(name, found);
        written.map(|at| found.note(moment(name, at)))
    };
    let (since, until) = (moment("since"), moment("until"));
    let from = table.list("from", found).map(|list| found.note(networks(list)));
    let note = table.text("note", found).map(|text| found.note(note(text)));
    let folder = folder??;
    Some(Grant {
        line: table.line,
        at: at.unwrap_or_else(|| Some(folder.clone()))?,
        folder,
        read_only: read_only??,
        owner: optional(owner)?,
        since: optional(since)?,
        until: optional(until)?,
        from: from.unwrap_or_else(|| Some(Vec::new()))?,
        key: optional(key)?,
        note: optional(note)?,
    })
}

/// The value of a key that may be missing: `None` where it is wrong.
fn optional<T>(value: Option<Option<T>>) -> Option<Option<T>> {
    value.map_or(Some(None), |value| value.map(Some))
}

fn is_read_only(access: &At<String>) -> Result<bool, Problem> {
    match access.value.as_str() {
        "read-write" => Ok(false),
        "read-only" => Ok(true),
        _ => Err(resolve::wrong_word(Level::Grant, "access", access, ACCESS)),
    }
}

/// `why`: the rest of a sentence about the value, and what to write.
fn wrong(key: &str, line: usize, value: impl Display, (why, fix): (String, impl Into<String>)) -> Problem {
    Problem::at(line, format!("{key} {value} {why}"), fix)
}

fn moment(key: &str, at: At<Datetime>) -> Result<Moment, Problem> {
    Moment::new(key, at.value).map_err(|why| wrong(key, at.line, at.value, why))
}

fn path(key: &str, text: &At<String>) -> Result<Normalised, Problem> {
    Normalised::parse(text.value.as_ref()).map_err(|why| {
        let what = format!("{key} {} {why}", escaped(&text.value));
        Problem::at(text.line, what, format!("give the absolute path, such as {key} = \"/srv/www/media\""))
    })
}

fn networks(list: At<Vec<String>>) -> Result<Vec<Network>, Problem> {
    if list.value.is_empty() {
        return Err(Problem::at(
            list.line,
            "from is empty, so that no login could use the grant",
            "remove it",
        ));
    }
    let parse = |text: &String| {
        Network::parse(text)
            .map_err(|(why, fix)| Problem::at(list.line, format!("from: {} {why}", escaped(text)), fix))
    };
    list.value.iter().map(parse).collect()
}

fn note(text: At<String>) -> Result<String, Problem> {
    match text.value.chars().any(char::is_control) {
        true => Err(Problem::at(
            text.line,
            "note has a line break or another control character",
            "write it in one line",
        )),
        false => Ok(text.value),
    }
}
