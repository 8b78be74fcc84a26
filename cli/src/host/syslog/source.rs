//! Finds and opens the logs, and puts them into the order in which they were written.

use super::gzip::decompressed;
use super::journal;
use super::line::{self, Parsed};
use super::lines::{Line, Lines};
use super::rotated::{missing_numbers, rotated};
use super::stamp::{Stamps, Years};
use super::unreadable::{Unreadable, Why};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::escaped;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Our drop-in for rsyslog, and the log of its rules.
const DROP_IN: &str = "/etc/rsyslog.d/10-sftpjail.conf";
const OWN: &str = "/var/log/sftp.log";

/// The log files, of which the first that exists is read: that of our drop-in, Debian's, Red Hat's.
const DEFAULTS: [&str; 3] = [OWN, "/var/log/auth.log", "/var/log/secure"];

/// The files in which rsyslog and journald report dropped messages: Debian's, Red Hat's.
const COMPANIONS: [&str; 2] = ["/var/log/syslog", "/var/log/messages"];

/// A file without a time stamp in so many lines is not a log.
const MAX_LINES_WITHOUT_STAMP: u32 = 1000;

/// How often the files are listed again because logrotate has just renamed one. It is quick.
const MAX_ATTEMPTS: u32 = 5;

/// One log.
pub(crate) struct Source {
    /// Escaped.
    pub(crate) name: String,
    pub(crate) kind: Origin,
    /// The time of its first line.
    first: Option<Timestamp>,
    /// The year of its first traditional stamp.
    year: i16,
}

/// What kind of log it is.
pub(crate) enum Origin {
    File(File),
    /// A file of which only the entries of log daemons are used.
    Companion(File),
    /// A file that is followed, with its path. `None`: it does not exist yet.
    Followed(PathBuf, Option<File>),
    Stdin,
    Journal,
}

/// All logs to read.
pub(crate) struct Logs {
    /// In the order in which they were written.
    pub(crate) sources: Vec<Source>,
    pub(crate) unreadable: Vec<Unreadable>,
    /// The numbers that are missing between the rotated files: 3 in `.1`, `.2.gz`, `.4.gz`.
    pub(crate) missing: Vec<u32>,
}

/// Opens the `named` files or, if there are none, those of this machine. With `follow`, the one that is written now is
/// the last, and has no end.
pub(crate) fn open(named: &[PathBuf], zone: &TimeZone, follow: bool) -> Logs {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    let mut missing = Vec::new();
    let mut followed = named.first().cloned();
    let mut add = |found: Found| {
        found.map_or_else(|error| unreadable.push(error), |source| sources.extend(source));
    };
    if named.is_empty() {
        let (log, files, found) = defaults(zone, follow);
        followed = Some(log.into());
        let is_listed = found.is_empty();
        found.into_iter().for_each(&mut add);
        if log.is_empty() {
            if is_listed || journal::is_there() {
                sources.push(Source::journal());
            }
            return Logs { sources, unreadable, missing };
        }
        missing = missing_numbers(&files);
        // Their directory is that of the log, which could be read.
        for path in COMPANIONS.iter().flat_map(|log| rotated(log).unwrap_or_default()) {
            // They only add to the others, so that an error is ignored.
            add(Ok(file(&path, Origin::Companion, zone).ok().flatten()));
        }
    }
    for path in named {
        if path.as_os_str() == "-" {
            let year = Timestamp::now().to_zoned(zone.clone()).year();
            add(Ok(Some(Source { name: "stdin".into(), kind: Origin::Stdin, first: None, year })));
        } else {
            let absent = || Unreadable { name: escaped(path).to_string(), why: Why::Missing };
            add(file(path, Origin::File, zone).and_then(|found| found.ok_or_else(absent).map(Some)));
        }
    }
    // A file may have two names, or be listed twice because logrotate has just renamed it.
    let mut seen = HashSet::new();
    sources.retain(|source| match &source.kind {
        Origin::File(file) | Origin::Companion(file) => {
            file.metadata().map_or(true, |meta| seen.insert((meta.dev(), meta.ino())))
        }
        Origin::Stdin | Origin::Journal | Origin::Followed(..) => true,
    });
    // Names do not show the order. Files without stamps come last. When rsyslog was started is known before the
    // sessions.
    sources.sort_by_key(|source| (source.is_log(), source.first.is_none(), source.first));
    let is_file = |path: &PathBuf| path.as_os_str() != "-" && unreadable.is_empty();
    if let Some(path) = followed.filter(|path| follow && is_file(path)) {
        follow_last(&mut sources, path, zone);
    }
    Logs { sources, unreadable, missing }
}

/// Opens all log files with entries of sshd's about logins, and the journal, which comes first.
pub(super) fn of_logins(zone: &TimeZone) -> Logs {
    let (mut sources, mut unreadable) = (Vec::new(), Vec::new());
    if journal::is_there() {
        sources.push(Source::journal());
    }
    for log in DEFAULTS.iter().filter(|log| **log != OWN) {
        for found in opened(&mut || rotated(log), zone).1 {
            found.map_or_else(|error| unreadable.push(error), |source| sources.extend(source));
        }
    }
    // The logs have one directory.
    unreadable.dedup_by(|one, other| one.name == other.name);
    Logs { sources, unreadable, missing: Vec::new() }
}

/// Puts the log that is followed last.
fn follow_last(sources: &mut Vec<Source>, path: PathBuf, zone: &TimeZone) {
    let name = escaped(&path).to_string();
    let at = sources.iter().position(|source| source.name == name);
    let source = at.map(|at| sources.remove(at));
    let year = Timestamp::now().to_zoned(zone.clone()).year();
    let Source { kind, first, year, .. } = source.unwrap_or(Source {
        name: String::new(),
        kind: Origin::Followed(path.clone(), None),
        first: None,
        year,
    });
    let kind = match kind {
        // A pipe has no next file.
        Origin::File(file) if file.metadata().is_ok_and(|meta| meta.is_file()) => {
            Origin::Followed(path, Some(file))
        }
        other => other,
    };
    sources.push(Source { name, kind, first, year });
}

/// A file that was opened. `None`: it does not exist, or no longer.
type Found = Result<Option<Source>, Unreadable>;

/// Opens the log files of this machine: gives the log, its files, and each of them opened. If one vanishes meanwhile,
/// logrotate is running, and they are listed again. Without any, the log is empty, and so it is where they cannot be
/// listed. With `follow` it is the one that is to come, where rsyslog is going to make it.
fn defaults(zone: &TimeZone, follow: bool) -> (&'static str, Vec<PathBuf>, Vec<Found>) {
    let is_to_come = |log: &str| follow && log == OWN && Path::new(DROP_IN).exists();
    let mut log = "";
    let mut list = || {
        log = "";
        for own in DEFAULTS {
            let files = rotated(own)?;
            if !files.is_empty() || is_to_come(own) {
                log = own;
                return Ok(files);
            }
        }
        Ok(Vec::new())
    };
    let (files, found) = opened(&mut list, zone);
    (log, files, found)
}

/// Opens the files that `list` gives, and lists them again if one vanishes meanwhile.
fn opened(
    list: &mut dyn FnMut() -> Result<Vec<PathBuf>, Unreadable>,
    zone: &TimeZone,
) -> (Vec<PathBuf>, Vec<Found>) {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let files = match list() {
            Ok(files) => files,
            Err(error) => return (Vec::new(), vec![Err(error)]),
        };
        let found: Vec<_> = files.iter().map(|path| file(path, Origin::File, zone)).collect();
        if attempts == MAX_ATTEMPTS || !found.iter().any(|found| matches!(found, Ok(None))) {
            return (files, found);
        }
    }
}

/// Opens a file, and reads its first stamp. `None`: it does not exist, or no longer.
fn file(path: &Path, kind: fn(File) -> Origin, zone: &TimeZone) -> Found {
    let name = escaped(path).to_string();
    let unreadable = |why| Unreadable { name: name.clone(), why };
    let error = |error: io::Error| unreadable(Why::Failed(error));
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(error(other)),
    };
    let meta = file.metadata().map_err(error)?;
    if meta.is_dir() {
        return Err(unreadable(Why::Directory));
    }
    let written = Timestamp::from_second(meta.mtime()).unwrap_or_else(|_| Timestamp::now());
    let (first, year) = if meta.is_file() {
        let begin = beginning(&file, written, zone).map_err(unreadable)?;
        file.rewind().map_err(error)?;
        begin
    } else {
        // A pipe can be read only once.
        (None, Timestamp::now().to_zoned(zone.clone()).year())
    };
    Ok(Some(Source { name, kind: kind(file), first, year }))
}

/// The time of a file's first stamp, and the year of its first traditional one. A file that begins with a
/// traditional stamp is read to its end for that.
fn beginning(file: &File, written: Timestamp, zone: &TimeZone) -> Result<(Option<Timestamp>, i16), Why> {
    let mut lines = Lines::new(decompressed(file)?);
    let latest = written.to_zoned(zone.clone()).year();
    let mut years: Option<(Years, Vec<u8>)> = None;
    let mut without = 0;
    // Errors are reported when the file is read for its entries.
    while without < MAX_LINES_WITHOUT_STAMP {
        let Ok(Some(line)) = lines.next() else { break };
        let (Line::Whole(line) | Line::Unended(line)) = line else { continue };
        if let Some((years, _)) = &mut years {
            years.add(line);
        } else if let Some(first) = Years::of(line) {
            years = Some((first, line.to_owned()));
        } else {
            let mut stamps = Stamps::new(zone.clone(), latest);
            let time = match line::parse(line, &mut stamps) {
                Parsed::Record(record) => Some(record.time),
                _ => stamps.split(line).and_then(|(raw, _)| stamps.time(raw)),
            };
            if time.is_some() {
                return Ok((time, latest));
            }
            without += 1;
        }
    }
    let Some((years, line)) = years else { return Ok((None, latest)) };
    let year = years.first(written, zone);
    let mut stamps = Stamps::new(zone.clone(), year);
    let first = stamps.split(&line).and_then(|(raw, _)| stamps.time(raw));
    Ok((first, year))
}

impl Source {
    fn journal() -> Self {
        Self { name: "the journal".into(), kind: Origin::Journal, first: None, year: 0 }
    }

    /// The number of bytes to read; 0 if it is unknown.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            Origin::File(file) | Origin::Companion(file) => file.metadata().map_or(0, |meta| meta.len()),
            Origin::Followed(..) | Origin::Stdin | Origin::Journal => 0,
        }
    }

    /// The time of its first entry, if it has one and is a file.
    pub(crate) fn first(&self) -> Option<Timestamp> {
        self.first
    }

    /// Whether it can hold entries of SFTP sessions.
    pub(crate) fn is_log(&self) -> bool {
        !matches!(self.kind, Origin::Companion(_))
    }

    /// Whether it is the journal alone.
    pub(crate) fn is_journal(&self) -> bool {
        matches!(self.kind, Origin::Journal)
    }

    /// The parser of its stamps.
    pub(crate) fn stamps(&self, zone: &TimeZone) -> Stamps {
        Stamps::new(zone.clone(), self.year)
    }
}

/// The lines of a stream, which may be compressed.
pub(crate) fn lines<'r>(reader: impl Read + 'r) -> Result<Lines<Box<dyn Read + 'r>>, Why> {
    Ok(Lines::new(decompressed(reader)?))
}
