//! `sftpjail audit [USER]`: internal-sftp's log entries as one row for each operation on a file.
//!
//! Data flows one way: [`crate::host::syslog`] → [`message`] → [`join`] (with [`session`], [`queue`] and
//! [`logins`]) → [`host_path`] → [`output`]. It may keep only so much at a time, so that a log may be of any
//! size. What it has to drop for that is reported as a gap.

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

/// Reads the logs. Writes rows to `out`, and gaps to stderr, or to `out` with `--json`. The error is that no log could
/// be read.
pub(crate) fn run(config: Option<&Path>, options: Options, out: &mut impl Write) -> io::Result<Status> {
    match audit(config, options, out) {
        // The reader has closed the pipe, such as `head`.
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
        join.gaps.add(Kind::MissingFile, |_| format!("number {number}"));
    }
    if !sources.iter().any(Source::is_log) {
        return Err(io::Error::other(unreadable.into_iter().next().unwrap_or_default()));
    }
    let count = Count::default();
    let progress = Progress::new(count.clone(), sources.iter().map(Source::size).sum());
    let output = Output::new(io::BufWriter::with_capacity(64 << 10, out), style, zone.clone())?;
    let host = Host::new(config);
    let wanted_user = options.user.clone();
    let mut audit = Audit { options, zone, join, host, output, progress, latest_view: None, is_empty: true };
    let mut all_read = true;
    let mut report = |error: &str| {
        all_read = false;
        writeln!(io::stderr(), "sftpjail: {error}")
    };
    for error in &unreadable {
        report(error)?;
    }
    for source in sources {
        if let Err(error) = audit.source(source, &count)? {
            audit.progress.erase();
            report(&error)?;
        }
    }
    if audit.finish()?
        && let Some(user) = wanted_user
    {
        let suggestion =
            accounts::suggested(&user).map(|other| format!("; did you mean {}?", escaped(&other)));
        let suggestion = suggestion.unwrap_or_default();
        writeln!(io::stderr(), "! there are no matching log entries of {}{suggestion}", escaped(&user))?;
    }
    Ok(if all_read { Status::Ok } else { Status::Unchecked })
}

/// One run of the verb.
struct Audit<W: Write> {
    options: Options,
    zone: TimeZone,
    join: Join,
    host: Host,
    output: Output<W>,
    progress: Progress,
    /// The one that was used last, since the next row often needs it again.
    latest_view: Option<(Rc<queue::Client>, Rc<View>)>,
    /// Whether there was no row to show.
    is_empty: bool,
}

impl<W: Write> Audit<W> {
    /// Reads one log. The outer error is about the output, the inner one is a sentence about the log.
    fn source(&mut self, source: Source, count: &Count) -> io::Result<Result<(), String>> {
        match &source.kind {
            Origin::File(file) => self.stream(&source, file, count, |_| true),
            Origin::Companion(file) => self.stream(&source, file, count, |by| by == Program::Logger),
            Origin::Stdin => self.stream(&source, io::stdin().lock(), count, |_| true),
            Origin::Journal => {
                let mut journal = match Journal::start() {
                    Ok(journal) => journal,
                    Err(error) => return Ok(Err(error)),
                };
                let read = self.stream(&source, &mut journal, count, |_| true)?;
                Ok(read.and_then(|()| journal.finish()))
            }
        }
    }

    /// Reads one log, and only the lines of programs that matter in it.
    fn stream(
        &mut self,
        source: &Source,
        reader: impl Read,
        count: &Count,
        matters: impl Fn(Program) -> bool,
    ) -> io::Result<Result<(), String>> {
        let mut lines = match source::lines(Counted(reader, count.clone()), &source.name) {
            Ok(lines) => lines,
            Err(error) => return Ok(Err(error)),
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
                // A gzip file without its end.
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
                    truncated(&mut self.join);
                    return Ok(Ok(()));
                }
                Err(error) => {
                    return Ok(Err(format!(
                        "{} cannot be read to its end: {error}; the rest of it is not shown",
                        source.name
                    )));
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

    /// Writes an operation, if it was asked for.
    fn row(&mut self, event: Event) -> io::Result<()> {
        let options = &self.options;
        if options.since.is_some_and(|since| event.time < since)
            || options.until.is_some_and(|until| event.time >= until)
            || !(options.op.is_empty() || options.op.contains(&event.operation.verb))
        {
            return Ok(());
        }
        let row = self.on_host(event);
        let operation = &row.event.operation;
        if let Some(pattern) = &self.options.path {
            let matches = |path: &[u8]| pattern.matches(&String::from_utf8_lossy(path));
            let all = [Some(row.path()), row.target(), Some(&operation.path), operation.target.as_deref()];
            if !all.into_iter().flatten().any(matches) {
                return Ok(());
            }
        }
        for (is_gap, kind) in [
            (operation.cut, Kind::Cut),
            (operation.ambiguous, Kind::Ambiguous),
            (matches!(row.event.outcome, queue::Outcome::Unclear(_)), Kind::Unclear),
        ] {
            if is_gap {
                self.join.gaps.add(kind, |_| String::new());
            }
        }
        self.progress.erase();
        self.is_empty = false;
        self.output.row(&row)
    }

    /// Adds the paths on the host.
    fn on_host(&mut self, event: Event) -> Row {
        let view = event.client.as_ref().map(|client| match &self.latest_view {
            Some((latest, view)) if Rc::ptr_eq(latest, client) => Rc::clone(view),
            _ => {
                let (view, is_first) = self.host.view(&event.host, &client.user);
                if is_first && matches!(*view, View::Unknown) {
                    let example =
                        |_: &_| format!("{}, host {}", escaped(&client.user), escaped(&*event.host));
                    self.join.gaps.add(Kind::UnresolvedPaths, example);
                }
                self.latest_view = Some((Rc::clone(client), Rc::clone(&view)));
                view
            }
        });
        let Some(view) = view else { return Row { event, path: None, target: None } };
        let path = view.on_host(&event.operation.path);
        let target = event.operation.target.as_ref().filter(|_| event.operation.verb != Verb::Symlink);
        let target = target.and_then(|target| view.on_host(target));
        Row { event, path, target }
    }

    /// Writes the last rows, and the gaps. Gives whether there was no row at all.
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
            writeln!(err, "! {}", kind.message(tally.count))?;
            for example in tally.examples.iter().filter(|example| !example.is_empty()) {
                writeln!(err, "    {example}")?;
            }
            writeln!(err, "  → {}", kind.fix())?;
        }
        self.output.flush()?;
        Ok(self.is_empty)
    }
}
