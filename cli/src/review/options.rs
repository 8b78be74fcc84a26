//! The options of `review`.

use std::path::PathBuf;

/// What was asked for.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Only this member.
    pub(super) user: Option<String>,
    /// One JSON document instead of text.
    #[arg(long)]
    pub(super) json: bool,
    /// CSV with a header line instead of text: a row for each folder, grant and key, and for what could not be read.
    #[arg(long, conflicts_with = "json")]
    pub(super) csv: bool,
    /// Writes one file of HTML instead of text, to read on a screen or on paper. Only root can read the file.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "csv"])]
    pub(super) html: Option<PathBuf>,
}
