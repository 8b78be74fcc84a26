//! What setup reports: text for people as it comes, or one JSON document at the end. It decides nothing.

use super::change::{self, Change};
use super::members::Members;
use crate::report::Error;
use crate::report::json::{VERSION, document};
use crate::report::status::unwritten;
use crate::report::streams;
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// How setup ends. In JSON, the `status` of the document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Ending {
    /// Done, or nothing to do.
    #[default]
    Ok,
    /// Not done.
    Problems,
    /// Not done, because it does not run as root.
    Unchecked,
    /// With `--dry-run`: something would change.
    Changes,
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(match ending {
            Ending::Ok => 0,
            Ending::Problems => 1,
            Ending::Unchecked => 2,
            Ending::Changes => 3,
        })
    }
}

/// Where it goes. As a [`Write`] it takes sentences, a line each.
pub(super) struct Report<'o, W> {
    out: &'o mut W,
    /// With `--json`, what was written so far.
    json: Option<Document>,
    /// Why some of it could not be written. A closed pipe is no reason.
    unwritten: Option<io::Error>,
}

/// The document of `--json`.
#[derive(Default, Serialize)]
struct Document {
    version: u32,
    status: Ending,
    changes: Vec<change::Document>,
    #[serde(skip_serializing_if = "Option::is_none")]
    members: Option<Members>,
    /// The sentences that are printed without `--json`.
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Problem>,
    /// What to type next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
    #[serde(skip)]
    said: Vec<u8>,
}

#[derive(Serialize)]
struct Problem {
    what: String,
    fix: String,
    /// What setup has done about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    aftermath: Option<String>,
}

impl<W: Write> Write for Report<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.json {
            Some(document) => document.said.write(bytes),
            None => {
                let written = self.out.write(bytes);
                self.noted(written)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.out.flush();
        self.noted(written)
    }
}

impl<'o, W: Write> Report<'o, W> {
    pub(super) fn new(out: &'o mut W, is_json: bool) -> Self {
        Self { out, json: is_json.then(Document::default), unwritten: None }
    }

    /// Keeps the first error. It is no reason to stop half-way, but it is reported at the end.
    fn noted<T>(&mut self, written: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &written {
            if !matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::Interrupted) {
                self.unwritten.get_or_insert_with(|| unwritten(error));
            }
        }
        written
    }

    /// Shows the changes, as `diff -u` does.
    pub(super) fn changes(&mut self, changes: &[Change]) {
        match &mut self.json {
            Some(document) => document.changes = changes.iter().map(Change::document).collect(),
            None => {
                for change in changes {
                    let _ = write!(self, "{change}");
                }
            }
        }
    }

    /// Shows who is concerned.
    pub(super) fn members(&mut self, members: &Members) {
        match &mut self.json {
            Some(document) => document.members = Some(members.clone()),
            None => members.print(self),
        }
    }

    /// Shows what to type next. It is the last line.
    pub(super) fn next(&mut self, next: String) {
        match &mut self.json {
            Some(document) => document.next = Some(next),
            None => super::say(self, format!("Next: {next}")),
        }
    }

    /// Ends the report. Errors go to stderr, with `--json` too.
    pub(super) fn end(self, result: Result<Ending, Error>) -> Ending {
        match result {
            Ok(status) => self.end_with(status, None),
            Err(error) => self.end_with(Ending::Problems, Some(&error)),
        }
    }

    /// The same with the status. It is [`Ending::Problems`] where something could not be written.
    pub(super) fn end_with(mut self, status: Ending, error: Option<&Error>) -> Ending {
        if let Some(begun) = self.json.take() {
            let messages = String::from_utf8_lossy(&begun.said).lines().map(str::to_owned).collect();
            let error = error.map(Problem::of);
            let finished = Document { version: VERSION, status, messages, error, ..begun };
            let written = document(&finished, self.out);
            let _ = self.noted(written);
        }
        let _ = self.flush();
        if let Some(error) = error {
            let _ = writeln!(streams::stderr(), "sftpjail: {error}");
        }
        let Some(unwritten) = self.unwritten else { return status };
        let _ = writeln!(streams::stderr(), "sftpjail: {unwritten}");
        if status == Ending::Unchecked { status } else { Ending::Problems }
    }
}

impl Problem {
    fn of(error: &Error) -> Self {
        Self {
            what: error.what.clone(),
            fix: error.fix.to_string(),
            aftermath: error.aftermath().map(str::to_owned),
        }
    }
}
