//! One run over all logs: takes each line through the stages, and writes what was asked for as soon as it is known.

use super::before::Before;
use super::beside::Beside;
use super::filter::Filter;
use super::gaps::Kind;
use super::join::Join;
use super::output::Output;
use super::paths::Paths;
use super::progress::{Count, Counted, Progress};
use super::queue::{Event, Outcome, Ticket};
use super::summary::Summary;
use super::unreadable;
use crate::host::syslog::journal::{Journal, Which};
use crate::host::syslog::line::{self, Parsed};
use crate::host::syslog::lines::{Line, Lines};
use crate::host::syslog::record::{Program, Record};
use crate::host::syslog::source::{self, Origin, Source};
use crate::host::syslog::tail::Tail;
use crate::host::syslog::unreadable::Unreadable;
use crate::host::syslog::wait::{Patient, Stop};
use crate::report::streams;
use crate::report::terminal::wrapped_error;
use jiff::tz::TimeZone;
use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

/// With `--follow`, how long the result of an operation may stay open. A failure is logged within a millisecond, unless
/// the file system is slow; only an open file's name would say more, when it is closed.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// With `--follow`, how often rows are written at least, while entries keep coming.
const TICK: Duration = Duration::from_millis(250);

/// All stages, and what follows the log.
pub(crate) struct Pass<'s, W: Write> {
    pub(crate) zone: TimeZone,
    pub(crate) join: Join,
    pub(crate) paths: Paths,
    pub(crate) filter: Filter,
    pub(crate) output: Output<W>,
    /// Where rows go, instead of into the output.
    pub(crate) summary: Option<Summary>,
    pub(crate) progress: Progress,
    pub(crate) count: Count,
    /// Whether there was no row to show.
    pub(crate) is_empty: bool,
    /// Of `--follow`.
    pub(crate) live: Option<Live<'s>>,
    /// The journal, where log files are read.
    pub(crate) beside: Option<Box<Beside<'s>>>,
}

/// What `--follow` needs to know.
pub(crate) struct Live<'s> {
    pub(crate) stop: &'s Stop,
    /// Whether the log has been read as far as it goes.
    is_caught_up: bool,
    next_tick: Instant,
    next_settling: Instant,
    /// What has waited since the last settling.
    waiting: Option<Ticket>,
}

impl<'s> Live<'s> {
    pub(crate) fn new(stop: &'s Stop) -> Self {
        let now = Instant::now();
        Self { stop, is_caught_up: false, next_tick: now, next_settling: now, waiting: None }
    }
}

impl<'s, W: Write> Pass<'s, W> {
    /// Reads one log. The outer error is about the output, the inner one is a sentence about the log.
    pub(crate) fn source(&mut self, source: Source) -> io::Result<Result<(), String>> {
        let Source { name, kind, .. } = &source;
        let stop = self.live.as_ref().map(|live| live.stop);
        match kind {
            Origin::File(file) => match file.metadata().is_ok_and(|meta| meta.is_file()) {
                true => self.stream(&source, file, |_| true),
                false => self.stream(&source, Patient { pipe: file, stop, is_told: false }, |_| true),
            },
            Origin::Companion(file) => self.stream(&source, file, |by| by == Program::Logger),
            Origin::Followed(path, file) => {
                let (Some(stop), Ok(file)) = (stop, file.as_ref().map(File::try_clone).transpose()) else {
                    return Ok(Err(format!("{name} cannot be followed; run this without --follow")));
                };
                self.stream(&source, Tail { path: path.clone(), file, stop }, |_| true)
            }
            Origin::Stdin => match io::stdin().as_fd().try_clone_to_owned() {
                Ok(stdin) => {
                    self.stream(&source, Patient { pipe: File::from(stdin), stop, is_told: false }, |_| true)
                }
                Err(error) => Ok(Err(unreadable::rest(name, &error))),
            },
            Origin::Journal => {
                let which = if stop.is_some() { Which::Following } else { Which::All };
                let (journal, pipe) = match Journal::start(which) {
                    Ok(started) => started,
                    Err(failure) => return Ok(Err(unreadable::journal(&failure))),
                };
                let read = self.stream(&source, Patient { pipe, stop, is_told: false }, |_| true)?;
                if stop.is_some_and(Stop::is_wanted) {
                    return Ok(read);
                }
                let finished = journal.finish();
                Ok(read.and_then(|()| finished.map_err(|failure| unreadable::journal(&failure))))
            }
        }
    }

    /// Reads one log, and only the lines of programs that matter in it.
    fn stream(
        &mut self,
        source: &Source,
        reader: impl Read,
        matters: impl Fn(Program) -> bool,
    ) -> io::Result<Result<(), String>> {
        let name = &source.name;
        let counted = Counted(reader, self.count.clone());
        let lines = match &source.kind {
            // It is not compressed while it is written, and it may be empty for long.
            Origin::Followed(..) => Ok(Lines::new(Box::new(counted) as Box<dyn Read>)),
            _ => source::lines(counted),
        };
        let mut lines = match lines {
            Ok(lines) => lines,
            Err(why) => return Ok(Err(unreadable::log(&Unreadable { name: name.clone(), why }))),
        };
        let mut stamps = source.stamps(&self.zone);
        let is_main = matters(Program::Sftp);
        let mut before = Before::default();
        let truncated = |join: &mut Join| {
            if is_main {
                join.gaps.add(Kind::Truncated, |_| name.clone());
            }
        };
        for number in 0_u64.. {
            if number % 1024 == 0 {
                self.progress.draw();
                // ctrl-C while what is there already is read.
                if self.live.as_ref().is_some_and(|live| live.stop.is_wanted()) {
                    return Ok(Ok(()));
                }
            }
            self.tick(false)?;
            let line = match lines.next() {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(Line::Whole(line))) => line,
                Ok(Some(Line::Unended(line))) => {
                    truncated(&mut self.join);
                    line
                }
                Ok(Some(Line::TooLong)) => {
                    if is_main {
                        self.join.gaps.add(Kind::TooLong, |_| name.clone());
                    }
                    continue;
                }
                // There is nothing to read now.
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.journal_now()?;
                    self.tick(true)?;
                    self.output.flush()?;
                    continue;
                }
                // A gzip file without its end.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    truncated(&mut self.join);
                    return Ok(Ok(()));
                }
                Err(error) => return Ok(Err(unreadable::rest(name, &error))),
            };
            match line::parse(line, &mut stamps) {
                Parsed::Record(record) if record.program == Program::Logger => {
                    self.join.restarted(&record, before.time(&mut stamps));
                    self.entry_of_file(record)?;
                }
                Parsed::Record(record) if matters(record.program) => self.entry_of_file(record)?,
                Parsed::Unreadable if is_main => self.join.unreadable(line),
                _ => {}
            }
            before.set(line);
        }
        Ok(Ok(()))
    }

    /// Takes an entry into account.
    pub(super) fn take(&mut self, record: &Record<'_>) -> io::Result<()> {
        self.join.line(record, &self.paths.host);
        self.drain()
    }

    /// With `--follow`, what has waited long enough is written. `is_idle`: there is nothing to read now.
    fn tick(&mut self, is_idle: bool) -> io::Result<()> {
        let Some(live) = &mut self.live else { return Ok(()) };
        live.is_caught_up |= is_idle;
        let now = Instant::now();
        if !live.is_caught_up || (!is_idle && now < live.next_tick) {
            return Ok(());
        }
        live.next_tick = now + TICK;
        if now >= live.next_settling {
            live.next_settling = now + SETTLED_AFTER;
            if let Some(waiting) = live.waiting.replace(self.join.next_ticket()) {
                self.join.settle_before(waiting);
            }
        }
        self.drain()?;
        self.output.flush()
    }

    /// Writes every operation whose result is known.
    pub(super) fn drain(&mut self) -> io::Result<()> {
        while let Some(event) = self.join.next() {
            self.event(event)?;
        }
        let Some(summary) = &mut self.summary else { return Ok(()) };
        for (time, who) in self.join.marks.take() {
            if self.filter.has_session(&who, time) && !summary.session(&who, time) {
                self.join.gaps.add(Kind::TooManyUsers, |_| String::new());
            }
        }
        Ok(())
    }

    /// Writes an operation, if it was asked for.
    fn event(&mut self, event: Event) -> io::Result<()> {
        if !self.filter.has_event(&event) {
            return Ok(());
        }
        let row = self.paths.row(event, &self.join.openings, &mut self.join.gaps);
        if !self.filter.has_row(&row) {
            return Ok(());
        }
        let operation = &row.event.operation;
        for (is_gap, kind) in [
            (operation.cut, Kind::Cut),
            (operation.ambiguous && !operation.cut, Kind::Ambiguous),
            (matches!(row.event.outcome, Outcome::Unclear(_)), Kind::Unclear),
        ] {
            if is_gap {
                self.join.gaps.add(kind, |_| String::new());
            }
        }
        self.is_empty = false;
        if let Some(summary) = &mut self.summary {
            if !summary.operation(&row.event) {
                self.join.gaps.add(Kind::TooManyUsers, |_| String::new());
            }
            return Ok(());
        }
        self.progress.erase();
        self.output.row(&row)
    }

    /// Writes the last rows, and the gaps. Gives whether there was no row at all.
    pub(crate) fn finish(mut self) -> io::Result<bool> {
        self.join.finish(&self.paths.host);
        self.drain()?;
        self.progress.erase();
        if let Some(summary) = self.summary.take() {
            self.is_empty &= summary.users.is_empty();
            self.output.summary(&summary)?;
        }
        self.output.flush()?;
        for (kind, tally) in self.join.gaps.all() {
            if self.output.gap(kind, tally)? {
                continue;
            }
            let mut err = streams::stderr();
            writeln!(err, "! {}", wrapped_error(&kind.message(tally.count), 2))?;
            for example in tally.examples.iter().filter(|example| !example.is_empty()) {
                writeln!(err, "    {}", wrapped_error(example, 6))?;
            }
            writeln!(err, "  → {}", wrapped_error(kind.fix(), 4))?;
        }
        self.output.flush()?;
        if self.filter.left_out > 0 {
            let (operations, them) = match self.filter.left_out {
                1 => ("1 operation".to_owned(), "it"),
                many => (format!("{many} operations"), "them"),
            };
            writeln!(streams::stderr(), "{operations} of `sftpjail probe` left out; --probe shows {them}")?;
        }
        Ok(self.is_empty && self.filter.left_out == 0)
    }
}
