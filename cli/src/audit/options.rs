//! The options of `audit`.

use super::operation::Verb;
use super::time;
use glob::Pattern;
use jiff::Timestamp;
use std::path::PathBuf;

/// What may be asked for.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what this user did, as the log spells the name.
    pub(super) user: Option<String>,
    /// Only from then on: RFC 3339, `YYYY-MM-DD[ HH:MM[:SS]]`, `today`, `yesterday`, or `2h`, `3d` ago.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(super) since: Option<Timestamp>,
    /// Only before then, in the same spellings; a date is its midnight.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(super) until: Option<Timestamp>,
    /// Only these operations; may be repeated, or take a list with commas.
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    pub(super) op: Vec<Verb>,
    /// Only where a path matches, on the host or in the jail; `*` stands for any text, with `/` in it.
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub(super) path: Option<Pattern>,
    /// Reads this file, plain or gzip, instead of the host's; may be repeated; `-` is stdin.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Vec<PathBuf>,
    /// CSV, with a line of names at the top.
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
    /// One JSON document for each line.
    #[arg(long)]
    pub(super) json: bool,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| format!("{}; [*] stands for a plain *", error.msg))
}
