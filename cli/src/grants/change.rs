//! A change of a user's file of grants: shown as a diff, asked for, and written.

use super::edit_file::{self, FileEdit};
use super::options::How;
use super::{Failure, account};
use crate::report::Error;
use crate::report::terminal::wrapped;
use crate::report::text::listed;
use crate::writing::{difference, question, signals};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Grant;
use std::fmt::{self, Display};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What the user's files are to hold.
pub(super) struct Change(Vec<FileEdit>);

/// As `diff -u` prints it.
impl Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut edits = self.0.iter();
        edits.try_for_each(|edit| difference::write(f, edit.path(), edit.before.as_deref(), edit.after()))
    }
}

impl Change {
    /// In the order in which they are made.
    pub(super) fn of(edits: impl IntoIterator<Item = FileEdit>) -> Self {
        Self(edits.into_iter().filter(|edit| !edit.is_nothing()).collect())
    }

    /// As `diff -u` prints it, for JSON.
    pub(super) fn diff(&self) -> Option<String> {
        let text = |edit: &FileEdit| difference::text(edit.path(), edit.before.as_deref(), edit.after());
        self.0.iter().map(text).collect::<Option<Vec<_>>>().map(|texts| texts.concat())
    }

    /// Shows it, with what is to be said of it. Gives whether it is to be made.
    pub(super) fn is_wanted(
        &self,
        how: &How,
        notes: &[String],
        out: &mut impl Write,
    ) -> Result<bool, Failure> {
        if how.json {
            return Ok(!how.dry_run);
        }
        write!(out, "{self}")?;
        for note in notes {
            writeln!(out, "{}", wrapped(&format!("{note}."), 0))?;
        }
        match (how.dry_run, how.yes) {
            (true, _) => Ok(false),
            (false, true) => Ok(true),
            (false, false) => {
                let is_wanted = question::ask(out)?;
                if !is_wanted {
                    writeln!(out, "Nothing was changed.")?;
                }
                Ok(is_wanted)
            }
        }
    }

    /// All of it or, after an error, nothing. From here on, ctrl-C ends nothing, nor what the caller does then.
    pub(super) fn make(&self) -> Result<(), Error> {
        signals::hold()?;
        let _lock = edit_file::lock()?;
        let mut made: Vec<&FileEdit> = Vec::new();
        for edit in &self.0 {
            if let Err(error) = edit.make() {
                let undone = made.iter().rev().try_for_each(|edit| edit.undo());
                let _the_first_error_counts = edit_file::clean();
                return Err(match undone {
                    Ok(()) => error,
                    Err(other) => error.and(format!("What was written before stays: {other}")),
                });
            }
            made.push(edit);
        }
        edit_file::clean()
    }
}

pub(super) fn nothing(user: &str) -> Error {
    let fix = "see sftpjail grants";
    match account::missing(user, fix) {
        Ok(Some(error)) | Err(error) => error,
        Ok(None) => Error::new(format!("nothing is granted to {}", escaped(user)), fix),
    }
}

/// The folders of the grants that are meant: that which was named, all, or the only one. `all`: whether all are meant;
/// `None`: the verb takes one only.
pub(super) fn chosen(
    user: &str,
    grants: &[Grant],
    named: Option<&str>,
    all: Option<bool>,
) -> Result<Vec<PathBuf>, Error> {
    let mut folders: Vec<_> = grants.iter().map(|grant| grant.folder.absolute()).collect();
    folders.dedup();
    let shown = escaped(user);
    let one_of = match &folders[..] {
        [only] => format!("name {}", escaped(only)),
        _ => format!("name one of {}", listed(&folders)),
    };
    match (&folders[..], named) {
        ([], _) => Err(nothing(user)),
        (_, Some(named)) => {
            let named = Path::new(named);
            // As it was typed for `grant`, or without what does not matter.
            let is_it = |folder: &&PathBuf| folder.components().eq(named.components());
            match folders.iter().find(is_it) {
                Some(folder) => Ok(vec![folder.clone()]),
                None => Err(Error::new(format!("{} is not granted to {shown}", escaped(named)), one_of)),
            }
        }
        ([_], None) => Ok(folders),
        (_, None) if all == Some(true) => Ok(folders),
        (_, None) => {
            let fix = if all.is_some() { format!("{one_of}, or use --all") } else { one_of };
            Err(Error::new(format!("{shown} has several folders"), fix))
        }
    }
}
