//! Brings the entries of the journal that log files lack into the pass over these, each at its time.

use super::beside::Copies;
use super::gaps::Kind;
use super::pass::Pass;
use crate::host::syslog::record::{Program, Record};
use std::borrow::Cow;
use std::io::{self, Write};

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
        let gaps = self.beside.as_mut().map(|beside| std::mem::take(&mut beside.gaps)).unwrap_or_default();
        for (kind, count) in gaps {
            for _ in 0..count {
                self.join.gaps.add(kind, |_| match kind {
                    Kind::Unreadable => String::new(),
                    _ => "the journal".to_owned(),
                });
            }
        }
        Ok(())
    }
}
