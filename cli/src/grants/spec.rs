//! What a grant is to say, as a table of TOML, and read again as a login reads it.

use super::end::{End, written};
use super::options::GrantOptions;
use crate::report::Error;
use jiff::Zoned;
use pam_sftpjail::grants::{Grant, of_text};
use serde::Serialize;
use std::path::Path;
use toml::value::Datetime;

/// The keys of a `[[grant]]`, in the order in which they are written.
#[derive(Serialize)]
struct Table<'o> {
    folder: &'o str,
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<&'o str>,
    access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<Datetime>,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Datetime>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    from: &'o [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'o str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<&'o str>,
}

/// A new grant, which begins now: its text, and what a login reads of it.
pub(super) fn of_options(
    options: &GrantOptions,
    now: &Zoned,
    until: Option<&End>,
    key: Option<&str>,
) -> Result<(String, Grant), Error> {
    let table = Table {
        folder: &options.folder,
        at: options.at.as_deref(),
        access: if options.read_only { "read-only" } else { "read-write" },
        owner: options.owner.as_deref(),
        since: written(now).parse().ok(),
        until: until.and_then(|end| end.written().parse().ok()),
        from: &options.from,
        key,
        note: options.note.as_deref(),
    };
    let keys = toml::to_string(&table).map_err(|error| Error::new(error, "report this as a bug"))?;
    let text = format!("[[grant]]\n{keys}");
    let grant = read(&text)?;
    Ok((text, grant))
}

/// What a login reads of a grant that ends then: only its `until` is of use.
pub(super) fn ending(until: &End) -> Result<Grant, Error> {
    read(&format!("[[grant]]\nfolder = \"/x\"\naccess = \"read-only\"\nuntil = {}\n", until.written()))
}

/// The error does without the place in a file that is not there yet.
fn read(text: &str) -> Result<Grant, Error> {
    let place = Path::new("grant");
    let grants = of_text(text, place).map_err(|error| {
        let what = error.to_string();
        let what = what.strip_prefix("grant: ").unwrap_or(&what);
        let what = what.strip_prefix("line ").and_then(|rest| Some(rest.split_once(": ")?.1)).unwrap_or(what);
        Error::new(what, error.fix())
    })?;
    grants.into_iter().next().ok_or_else(|| Error::new("there is no grant", "report this as a bug"))
}
