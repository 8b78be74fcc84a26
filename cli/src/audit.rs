//! `sftpjail audit [USER]`: internal-sftp's log, as one row for each operation on a file.
//!
//! Data flows one way: [`crate::host::syslog`] → [`message`] → [`join`] (with [`session`], [`queue`] and
//! [`logins`]) → [`host_path`] → [`output`]. Everything that is kept is
//! bounded, so that a log may be of any size; what is given up for that is told as a gap.

mod gaps;
mod host_path;
mod join;
mod json;
mod logins;
mod message;
mod operation;
mod options;
mod output;
mod progress;
mod queue;
mod row;
mod session;
mod table;
mod time;

use crate::host::accounts;
use crate::host::syslog::journal::Journal;
use crate::host::syslog::lines::Line;
use crate::host::syslog::record::{self, Parsed, Program};
use crate::host::syslog::source::{self, Origin, Source};
use crate::report::Status;
use crate::report::terminal;
use gaps::{Gaps, Kind};
use host_path::{Host, View};
use jiff::tz::TimeZone;
use join::Join;
use operation::Verb;
pub(crate) use options::Options;
use output::{Output, Style};
use pam_sftpjail::escape::escaped;
use progress::{Count, Counted, Progress};
use queue::Event;
use row::Row;
use std::io::{self, ErrorKind, Read, Write};
use std::path::Path;
use std::rc::Rc;

/// Reads the logs, and writes rows to `out` and gaps there or to stderr. The error is that nothing
/// could be read.
pub(crate) fn run(config: Option<&Path>, options: Options, out: &mut impl Write) -> io::Result<Status> {
    match audit(config, options, out) {
        // The reader has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Status::Ok),
        other => other,
    }
}

fn audit(config: Option<&Path>, options: Options, out: &mut impl Write) -> io::Result<Status> {
    let zone = TimeZone::system();
    let style = match (options.csv, options.json) {
        (true, _) => Style::Csv,
        (_, true) => Style::Json,
        _ => Style::Table(terminal::columns()),
    };
    let gaps = Gaps::between(options.since, options.until, zone.clone());
    let mut join = Join::new(options.user.clone(), gaps);
    let source::Logs { sources, unreadable, missing } = source::open(&options.file, &zone);
    for number in missing {
        join.gaps.add(Kind::Missing, |_| format!("number {number}"));
    }
    if !sources.iter().any(Source::is_log) {
        return Err(io::Error::other(unreadable.into_iter().next().unwrap_or_default()));
    }
    let count = Count::default();
    let progress = Progress::new(count.clone(), sources.iter().map(Source::size).sum());
    let output = Output::new(io::BufWriter::with_capacity(64 << 10, out), style, zone.clone())?;
    let host = Host::new(config);
    let asked = options.user.clone();
    let mut audit = Audit { options, zone, join, host, output, progress, view: None, is_empty: true };
    let mut is_whole = true;
    let mut report = |sentence: &str| {
        is_whole = false;
        writeln!(io::stderr(), "sftpjail: {sentence}")
    };
    for sentence in &unreadable {
        report(sentence)?;
    }
    for source in sources {
        if let Err(sentence) = audit.source(source, &count)? {
            audit.progress.erase();
            report(&sentence)?;
        }
    }
    if audit.finish()?
        && let Some(user) = asked
    {
        let meant = accounts::suggested(&user).map(|other| format!("; did you mean {}?", escaped(&other)));
        let meant = meant.unwrap_or_default();
        writeln!(io::stderr(), "! nothing of what was asked for is in the log of {}{meant}", escaped(&user))?;
    }
    Ok(if is_whole { Status::Ok } else { Status::Unchecked })
}

/// One run.
struct Audit<W: Write> {
    options: Options,
    zone: TimeZone,
    join: Join,
    host: Host,
    output: Output<W>,
    progress: Progress,
    /// The latest, which is often the next.
    view: Option<(Rc<queue::Who>, Rc<View>)>,
    /// Whether there was no row to show.
    is_empty: bool,
}

impl<W: Write> Audit<W> {
    /// Reads one log. The outer error is the output's, the inner a sentence about the log.
    fn source(&mut self, source: Source, count: &Count) -> io::Result<Result<(), String>> {
        match &source.kind {
            Origin::File(file) => self.stream(&source, file, count, |_| true),
            Origin::Companion(file) => self.stream(&source, file, count, |by| by == Program::Logger),
            Origin::Stdin => self.stream(&source, io::stdin().lock(), count, |_| true),
            Origin::Journal => {
                let mut journal = match Journal::start() {
                    Ok(journal) => journal,
                    Err(sentence) => return Ok(Err(sentence)),
                };
                let read = self.stream(&source, &mut journal, count, |_| true)?;
                Ok(read.and_then(|()| journal.finish()))
            }
        }
    }

    /// Reads one log, of which only the lines of some programs matter.
    fn stream(
        &mut self,
        source: &Source,
        reader: impl Read,
        count: &Count,
        matters: impl Fn(Program) -> bool,
    ) -> io::Result<Result<(), String>> {
        let mut lines = match source::lines(Counted(reader, count.clone()), &source.name) {
            Ok(lines) => lines,
            Err(sentence) => return Ok(Err(sentence)),
        };
        let mut stamps = source.stamps(&self.zone);
        let is_main = matters(Program::Sftp);
        let truncated = |join: &mut Join| {
            if is_main {
                join.gaps.add(Kind::Truncated, |_| source.name.clone());
            }
        };
        for number in 0_u64.. {
            if number % 1024 == 0 {
                self.progress.draw();
            }
            let line = match lines.next() {
                Ok(None) => return Ok(Ok(())),
                Ok(Some(Line::Whole(line))) => line,
                Ok(Some(Line::Unended(line))) => {
                    truncated(&mut self.join);
                    line
                }
                Ok(Some(Line::TooLong)) => {
                    if is_main {
                        self.join.gaps.add(Kind::TooLong, |_| source.name.clone());
                    }
                    continue;
                }
                // gzip's end is missing.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    truncated(&mut self.join);
                    return Ok(Ok(()));
                }
                Err(error) => {
                    let sentence = format!("{} cannot be read to its end: {error}", source.name);
                    return Ok(Err(format!("{sentence}; what follows there is not shown")));
                }
            };
            match record::parse(line, &mut stamps) {
                Parsed::Record(record) if matters(record.program) => {
                    self.join.line(&record);
                    self.drain()?;
                }
                Parsed::Unreadable if is_main => self.join.unreadable(line),
                _ => {}
            }
        }
        Ok(Ok(()))
    }

    /// Writes every operation whose result is known.
    fn drain(&mut self) -> io::Result<()> {
        while let Some(event) = self.join.next() {
            self.row(event)?;
        }
        Ok(())
    }

    fn row(&mut self, event: Event) -> io::Result<()> {
        let asked = &self.options;
        if asked.since.is_some_and(|since| event.time < since)
            || asked.until.is_some_and(|until| event.time >= until)
            || !(asked.op.is_empty() || asked.op.contains(&event.operation.verb))
        {
            return Ok(());
        }
        let row = self.placed(event);
        let operation = &row.event.operation;
        if let Some(pattern) = &self.options.path {
            let matches = |path: &[u8]| pattern.matches(&String::from_utf8_lossy(path));
            let all = [Some(row.path()), row.target(), Some(&operation.path), operation.target.as_deref()];
            if !all.into_iter().flatten().any(matches) {
                return Ok(());
            }
        }
        for (is_so, kind) in [
            (operation.cut, Kind::Cut),
            (operation.ambiguous, Kind::Ambiguous),
            (matches!(row.event.outcome, queue::Outcome::Unclear(_)), Kind::Unclear),
        ] {
            if is_so {
                self.join.gaps.add(kind, |_| String::new());
            }
        }
        self.progress.erase();
        self.is_empty = false;
        self.output.row(&row)
    }

    /// Adds where on the host it happened.
    fn placed(&mut self, event: Event) -> Row {
        let view = event.who.as_ref().map(|who| match &self.view {
            Some((latest, view)) if Rc::ptr_eq(latest, who) => Rc::clone(view),
            _ => {
                let (view, is_news) = self.host.view(&event.host, &who.user);
                if is_news && matches!(*view, View::Unknown) {
                    let example = |_: &_| format!("{}, host {}", escaped(&who.user), escaped(&*event.host));
                    self.join.gaps.add(Kind::Elsewhere, example);
                }
                self.view = Some((Rc::clone(who), Rc::clone(&view)));
                view
            }
        });
        let Some(view) = view else { return Row { event, path: None, target: None } };
        let path = view.on_host(&event.operation.path);
        let target = event.operation.target.as_ref().filter(|_| event.operation.verb != Verb::Symlink);
        let target = target.and_then(|target| view.on_host(target));
        Row { event, path, target }
    }

    /// Writes the rest, and the gaps; gives whether there was no row to show.
    fn finish(mut self) -> io::Result<bool> {
        self.join.finish(&self.host);
        self.drain()?;
        self.progress.erase();
        self.output.flush()?;
        for (kind, tally) in self.join.gaps.all() {
            if self.output.gap(kind, tally)? {
                continue;
            }
            let mut err = io::stderr().lock();
            writeln!(err, "! {}", kind.says(tally.count))?;
            for example in tally.examples.iter().filter(|example| !example.is_empty()) {
                writeln!(err, "    {example}")?;
            }
            writeln!(err, "  → {}", kind.fix())?;
        }
        self.output.flush()?;
        Ok(self.is_empty)
    }
}
