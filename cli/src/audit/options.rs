//! The options of `audit`: what an admin may ask for.

use super::time;
use super::wanted::Wanted;
use glob::Pattern;
use jiff::Timestamp;
use std::path::PathBuf;

/// What was asked for.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only what this user did. Give the name as the log spells it.
    pub(super) user: Option<String>,
    /// Only at or after this time: RFC 3339, `YYYY-MM-DD[ HH:MM[:SS]]`, `today`, `yesterday`, or `2h` or `3d` for a
    /// time ago.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(super) since: Option<Timestamp>,
    /// Only before this time, in the same forms. A date alone means the midnight at which it begins.
    #[arg(long, value_name = "TIME", value_parser = time::parse)]
    pub(super) until: Option<Timestamp>,
    /// Only these operations: one, or a list with commas. May be repeated.
    #[arg(long, value_name = "OPERATION", value_delimiter = ',')]
    pub(super) op: Vec<Wanted>,
    /// Only operations with a path that matches, on the host or in the jail. `*` stands for any text, `/` included.
    #[arg(long, value_name = "GLOB", value_parser = pattern)]
    pub(super) path: Option<Pattern>,
    /// Reads this log file, plain or gzip, instead of the host's. `-` is stdin. May be repeated.
    #[arg(long, value_name = "PATH")]
    pub(super) file: Vec<PathBuf>,
    /// Goes on with what is logged from now on, or since --since, until ctrl-C.
    #[arg(long, conflicts_with_all = ["until", "summary"])]
    pub(super) follow: bool,
    /// One line for each user instead of one for each operation: sessions, files and bytes up and down, deletions, the
    /// first and the last time.
    #[arg(long)]
    pub(super) summary: bool,
    /// Shows what `sftpjail probe` did, too.
    #[arg(long)]
    pub(super) probe: bool,
    /// CSV with a header line, instead of text.
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
    /// One JSON document for each line of output.
    #[arg(long)]
    pub(super) json: bool,
}

fn pattern(text: &str) -> Result<Pattern, String> {
    Pattern::new(text).map_err(|error| format!("{}; [*] stands for a plain *", error.msg))
}
