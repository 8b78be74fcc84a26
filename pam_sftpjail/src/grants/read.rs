//! The text of a file of grants → [`Grant`]s. It reads nothing else.

use super::{Fingerprint, Grant, Moment, Network};
use crate::config::keys::{ACCESS, Level};
use crate::config::problem::Problem;
use crate::config::table::{At, Table};
use crate::config::{resolve, root_file, syntax};
use crate::escape::escaped;
use crate::path::Normalised;
use std::fmt::Display;

/// A file with comments only has no grants. One without any text is an error.
pub(super) fn grants(text: &str) -> Result<Vec<Grant>, Problem> {
    root_file::must_have_text(text, "write it again, or remove it where no grants are meant")?;
    let parsed = syntax::parse(text, Level::Grants)?;
    let file = Table::file(text, Level::Grants, parsed.get_ref())?;
    let tables = file.tables("grant", Level::Grant)?.map(|list| list.value).unwrap_or_default();
    tables.iter().map(grant).collect()
}

fn grant(table: &Table<'_>) -> Result<Grant, Problem> {
    let folder = table.required("folder", Table::text)?;
    let at = table.text("at")?;
    let folder_path = path("folder", &folder)?;
    let access = table.required("access", Table::text)?;
    let read_only = match access.value.as_str() {
        "read-write" => false,
        "read-only" => true,
        _ => return Err(resolve::wrong_word(Level::Grant, "access", &access, ACCESS)),
    };
    let key = table.text("key")?;
    Ok(Grant {
        line: table.line,
        at: at.map_or_else(|| Ok(folder_path.clone()), |at| path("at", &at))?,
        folder: folder_path,
        read_only,
        owner: table.text("owner")?.map(|owner| resolve::account("owner", owner)).transpose()?,
        since: moment(table, "since")?,
        until: moment(table, "until")?,
        from: table.list("from")?.map_or_else(|| Ok(Vec::new()), networks)?,
        key: key
            .map(|key| {
                Fingerprint::parse(&key.value).map_err(|why| wrong("key", key.line, escaped(&key.value), why))
            })
            .transpose()?,
        note: table.text("note")?.map(note).transpose()?,
    })
}

/// `why`: the rest of a sentence about the value, and what to write.
fn wrong(key: &str, line: usize, value: impl Display, (why, fix): (String, impl Into<String>)) -> Problem {
    Problem::at(line, format!("{key} {value} {why}"), fix)
}

fn moment(table: &Table<'_>, key: &str) -> Result<Option<Moment>, Problem> {
    let of = |at: At<_>| Moment::new(key, at.value).map_err(|why| wrong(key, at.line, at.value, why));
    table.moment(key)?.map(of).transpose()
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
