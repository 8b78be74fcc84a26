//! Brings the entries of the journal that log files lack into the pass over these, each at its time.

use super::beside::Copies;
use super::gaps::Kind;
use super::pass::Pass;
use crate::host::syslog::record::{Program, Record};
use crate::host::syslog::stamp::Stamps;
use std::borrow::Cow;
use std::io::{self, Write};

/// The line before in the same file, as far as its stamp may reach.
#[derive(Default)]
pub(super) struct Before(Vec<u8>);

/// The longest stamp, and what follows it: `2026-11-27T14:01:34.146392+00:00 `.
const MAX_STAMP: usize = 40;

impl Before {
    pub(super) fn set(&mut self, line: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(line.get(..MAX_STAMP).unwrap_or(line));
    }

    /// Its time; `None` if it has none, or there is no such line.
    pub(super) fn time(&self, stamps: &mut Stamps) -> Option<jiff::Timestamp> {
        let (raw, _) = stamps.split(&self.0)?;
        stamps.time(raw)
    }
}

impl<W: Write> Pass<'_, W> {
    /// Takes an entry of a file, and before it those of the journal that come first.
    pub(super) fn entry_of_file(&mut self, mut record: Record<'_>) -> io::Result<()> {
        if record.program != Program::Logger {
            while let Some(entry) = self.beside.as_mut().and_then(|beside| beside.before(record.time)) {
                self.take(&entry)?;
            }
        }
        let Some(beside) = &mut self.beside else { return self.take(&record) };
        let copies = beside.copies(&record);
        let host = beside.host(&record.host);
        if *host != *record.host {
            record.host = Cow::Owned(host.to_vec());
        }
        match copies {
            Copies::All => self.take(&record),
            Copies::InJournal => Ok(()),
            Copies::Some(times, message) => {
                record.message = Cow::Owned(message);
                (0..times).try_for_each(|_| self.take(&record))
            }
        }
    }

    /// With `--follow`, takes what the journal has now.
    pub(super) fn journal_now(&mut self) -> io::Result<()> {
        self.rest_of_journal()?;
        if let Some(beside) = &mut self.beside {
            beside.follow();
        }
        Ok(())
    }

    /// Takes the entries of the journal that come after those of all files.
    pub(super) fn rest_of_journal(&mut self) -> io::Result<()> {
        while let Some(entry) = self.beside.as_mut().and_then(|beside| beside.next()) {
            self.take(&entry)?;
        }
        for kind in self.beside.as_mut().map(|beside| std::mem::take(&mut beside.gaps)).unwrap_or_default() {
            self.join.gaps.add(kind, |_| match kind {
                Kind::Unreadable => String::new(),
                _ => "the journal".to_owned(),
            });
        }
        Ok(())
    }
}
