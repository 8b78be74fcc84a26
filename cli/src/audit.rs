//! `sftpjail audit [USER]`: internal-sftp's log entries as one row for each operation on a file.
//!
//! Data flows one way: [`crate::host::syslog`] → [`merge`] (of files and the journal [`beside`] them) → [`message`] →
//! [`join`] (with [`session`], [`queue`], [`logins`], [`openings`] and [`restarts`]) → [`paths`] → [`filter`] →
//! [`output`] or [`summary`]. [`pass`] moves it along. It may keep only so much at a time, so that a log may be of any
//! size. What it has to drop for that is reported as a gap.

mod before;
mod beside;
mod filter;
mod forged;
mod forwarding;
mod gaps;
mod host_path;
mod join;
mod json;
mod logins;
mod loss;
mod marks;
mod merge;
mod message;
mod openings;
mod operation;
mod options;
mod output;
mod pass;
mod paths;
mod progress;
#[cfg(any(test, fuzzing))]
pub(crate) mod properties;
mod queue;
mod restarts;
mod row;
mod seen;
mod session;
mod summary;
mod sums;
mod table;
mod time;
mod unreadable;
mod wanted;
mod who;

use crate::host::accounts;
use crate::host::syslog::journal;
use crate::host::syslog::source::{self, Source};
use crate::host::syslog::wait::Stop;
use crate::host::zone::zone;
use crate::report::Status;
use crate::report::error::errno;
use crate::report::status::unwritten;
use crate::report::streams;
use crate::report::terminal;
use beside::Beside;
use filter::Filter;
use gaps::{Gaps, Kind};
use host_path::Host;
use jiff::Timestamp;
use join::Join;
pub(crate) use options::Options;
use output::{Output, Style};
use pam_sftpjail::escape::escaped;
use pass::{Live, Pass};
use paths::Paths;
use progress::{Count, Progress};
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use summary::Summary;

/// Reads the logs. Writes rows to `out`, and gaps to stderr, or to `out` with `--json`. The error is that no log could
/// be read.
pub(crate) fn run(config: Option<&Path>, options: Options, out: &mut impl Write) -> io::Result<Status> {
    match audit(config, options, out) {
        // The reader has closed the pipe, such as `head`.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(Status::Ok),
        // All that cannot be read is a sentence.
        Err(error) if error.raw_os_error().is_some() => Err(unwritten(&error)),
        other => other,
    }
}

fn audit(config: Option<&Path>, mut options: Options, out: &mut impl Write) -> io::Result<Status> {
    let zone = zone();
    if options.follow && options.file.len() > 1 {
        return Err(io::Error::other("--follow follows one log; name one file"));
    }
    // What was before now is read all the same: it has the beginnings of the sessions that are open.
    if options.follow && !options.file.iter().any(|file| file.as_os_str() == "-") {
        options.since.get_or_insert_with(Timestamp::now);
    }
    let style = match (options.csv, options.json) {
        (true, _) => Style::Csv,
        (_, true) => Style::Json,
        _ => Style::Table(terminal::columns()),
    };
    if let Some((since, until)) = options.since.zip(options.until) {
        if since >= until {
            return Err(io::Error::other(time::reversed(since, until, &zone)));
        }
    }
    let gaps = Gaps::between(options.since, options.until, zone.clone());
    let mut join = Join::new(options.user.clone(), options.probe, gaps);
    let filter = Filter::of(&options);
    if options.summary && filter.has_all_operations() {
        join.marks.keep();
    }
    let stop = options.follow.then(Stop::new).transpose().map_err(|error| {
        io::Error::other(format!("--follow cannot wait for ctrl-C: {}; close other programs", errno(&error)))
    })?;
    let source::Logs { sources, unreadable, missing } = source::open(&options.file, &zone, options.follow);
    for number in missing {
        join.gaps.add(Kind::MissingFile, |_| format!("number {number}"));
    }
    // What cannot be read cannot be followed either.
    if !sources.iter().any(Source::is_log) || (options.follow && !unreadable.is_empty()) {
        let sentence = unreadable.first().map(unreadable::log);
        return Err(io::Error::other(sentence.unwrap_or_default()));
    }
    let beside = options.file.is_empty() && !sources.iter().any(Source::is_journal) && journal::is_there();
    if let Some(since) = options.since.filter(|_| !options.follow && options.file.is_empty()) {
        let of_files = sources.iter().filter(|source| source.is_log()).filter_map(Source::first).min();
        let is_read = beside || sources.iter().any(Source::is_journal);
        let first = of_files.into_iter().chain(is_read.then(journal::begin).flatten()).min();
        if let Some(first) = first.filter(|first| *first > since) {
            join.gaps.add(Kind::BeginsLater, |clock| format!("its first entry is of {}", clock.shown(first)));
        }
    }
    let count = Count::default();
    let progress = Progress::new(count.clone(), sources.iter().map(Source::size).sum());
    let out = io::BufWriter::with_capacity(64 << 10, out);
    let mut pass = Pass {
        output: Output::new(out, style, zone.clone(), options.summary)?,
        zone,
        join,
        paths: Paths::new(Host::new(config)),
        filter,
        summary: options.summary.then(Summary::default),
        progress,
        count,
        is_empty: true,
        live: stop.as_ref().map(Live::new),
        beside: beside.then(|| Box::new(Beside::start(stop.as_ref()))),
    };
    let mut all_read = true;
    let mut report = |error: &str| {
        all_read = false;
        writeln!(streams::stderr(), "sftpjail: {error}")
    };
    for error in &unreadable {
        report(&unreadable::log(error))?;
    }
    for source in sources {
        if let Err(error) = pass.source(source)? {
            pass.progress.erase();
            report(&error)?;
        }
    }
    pass.rest_of_journal()?;
    if let Some(failure) = pass.beside.take().and_then(|beside| beside.failure()) {
        pass.progress.erase();
        report(&unreadable::beside(&failure))?;
    }
    let is_empty = pass.finish()? && !options.follow;
    if is_empty && options.user.is_none() && matches!(style, Style::Table(Some(_))) {
        writeln!(streams::stderr(), "! there are no matching log entries")?;
    }
    if is_empty {
        if let Some(user) = options.user {
            let suggestion =
                accounts::suggested(&user).map(|other| format!("; did you mean {}?", escaped(&other)));
            let suggestion = suggestion.unwrap_or_default();
            writeln!(
                streams::stderr(),
                "! there are no matching log entries of {}{suggestion}",
                escaped(&user)
            )?;
        }
    }
    Ok(if all_read { Status::Ok } else { Status::Unchecked })
}
