//! What is to be changed, as data: shown as a diff, then kept in the journal, then done.

use super::atomic;
use super::group;
use super::journal::{BACKUP, Replaced, State, Step};
use super::target::Target;
use crate::report::Error;
use anstyle::{AnsiColor, Style};
use pam_sftpjail::escape::{escaped, one_line};
use similar::TextDiff;
use std::fmt::{self, Display};
use std::path::{Path, PathBuf};

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// A directory of root's that is missing.
    Directory {
        path: PathBuf,
        mode: u32,
    },
    /// A system group that is missing.
    Group {
        name: String,
    },
    File(FileChange),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileChange {
    pub(super) target: Target,
    pub(super) before: Option<Vec<u8>>,
    pub(super) after: Vec<u8>,
    /// See [`Step::File`].
    pub(super) inserted: Vec<String>,
    pub(super) replaced: Vec<Replaced>,
}

/// Of every file that setup adds.
const MODE: u32 = 0o644;

impl FileChange {
    /// A file that is missing, or replaced as a whole.
    pub(super) fn whole(target: Target, before: Option<Vec<u8>>, after: impl Into<Vec<u8>>) -> Self {
        Self { target, before, after: after.into(), inserted: Vec::new(), replaced: Vec::new() }
    }
}

/// For people: what `diff -u` would say.
impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Directory { path, mode } => writeln!(f, "mkdir -m {mode:04o} {}", escaped(path)),
            Self::Group { name } => writeln!(f, "groupadd --system {}", escaped(name)),
            Self::File(FileChange { target, before, after, .. }) => {
                let path = target.path();
                let (old, new) = (before.as_deref().unwrap_or_default(), after.as_slice());
                let (Ok(old_text), Ok(new_text)) = (std::str::from_utf8(old), std::str::from_utf8(new))
                else {
                    let what = if before.is_some() { "replaced" } else { "new" };
                    return writeln!(f, "{}: {what}, binary, {} bytes", escaped(path), new.len());
                };
                let shown = escaped(path).to_string();
                let from = if before.is_some() { shown.as_str() } else { "/dev/null" };
                let diff = TextDiff::from_lines(old_text, new_text);
                let diff = diff.unified_diff().context_radius(3).header(from, &shown).to_string();
                diff.lines().try_for_each(|line| {
                    let style = style(line);
                    writeln!(f, "{style}{}{style:#}", one_line(&line.replace('\t', "        ")))
                })
            }
        }
    }
}

/// As `diff --color` has them.
fn style(line: &str) -> Style {
    let colour = match line.as_bytes().first() {
        Some(b'+') => AnsiColor::Green,
        Some(b'-') => AnsiColor::Red,
        Some(b'@') => AnsiColor::Cyan,
        _ => return Style::new(),
    };
    Style::new().fg_color(Some(colour.into()))
}

impl Change {
    /// Whether it is of a file that is so.
    pub(super) fn is_of(&self, is_so: impl Fn(&Path) -> bool) -> bool {
        matches!(self, Self::File(file) if is_so(file.target.path()))
    }

    /// Keeps what it takes to put it back; `number` is for the names of the backups.
    pub(super) fn keep(&self, number: usize, state: &State) -> Result<Step, Error> {
        Ok(match self {
            Self::Directory { path, .. } => Step::Directory { path: path.clone() },
            Self::Group { name } => group::keep(name, number, state)?,
            Self::File(FileChange { target, before, after, inserted, replaced }) => {
                let path = target.path();
                let name = format!("{BACKUP}{number}");
                let before = before.as_ref().map(|bytes| state.keep(name, path, bytes)).transpose()?;
                Step::File {
                    path: path.to_owned(),
                    before,
                    after: atomic::digest(after),
                    inserted: inserted.clone(),
                    replaced: replaced.clone(),
                }
            }
        })
    }

    /// Does what can fail for want of room, while nobody sees it yet.
    pub(super) fn stage(&self) -> Result<(), Error> {
        match self {
            Self::Directory { path, mode } => atomic::make_directory(path, *mode),
            Self::Group { .. } => Ok(()),
            Self::File(file) => {
                if file.target.read()? != file.before {
                    let what = format!("{} was changed while it was shown", escaped(file.target.path()));
                    return Err(Error::new(what, "run this again"));
                }
                atomic::stage(&file.target, &file.after, MODE, None)
            }
        }
    }

    /// Does it.
    pub(super) fn commit(&self) -> Result<(), Error> {
        match self {
            Self::Directory { .. } => Ok(()),
            Self::Group { name } => group::add(name),
            Self::File(file) => atomic::commit(file.target.path()),
        }
    }
}
