//! Finds and opens the logs, and puts them into the order in which they were written.

use super::lines::{Line, Lines};
use super::record::{self, Parsed};
use super::stamp::{Stamps, Years};
use flate2::bufread::MultiGzDecoder;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use pam_sftpjail::escape::escaped;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Seek};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The log files, of which the first that exists is read: that of our drop-in, Debian's, Red Hat's.
const DEFAULTS: [&str; 3] = ["/var/log/sftp.log", "/var/log/auth.log", "/var/log/secure"];

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
    Stdin,
    Journal,
}

/// All logs to read.
pub(crate) struct Logs {
    /// In the order in which they were written.
    pub(crate) sources: Vec<Source>,
    /// A sentence for each log that cannot be read.
    pub(crate) unreadable: Vec<String>,
    /// The numbers that are missing between the rotated files: 3 in `.1`, `.2.gz`, `.4.gz`.
    pub(crate) missing: Vec<u32>,
}

/// Opens the `named` files or, if there are none, those of this machine.
pub(crate) fn open(named: &[PathBuf], zone: &TimeZone) -> Logs {
    let mut sources = Vec::new();
    let mut unreadable = Vec::new();
    let mut missing = Vec::new();
    let mut add = |found: Result<Option<Source>, String>| match found {
        Ok(source) => sources.extend(source),
        Err(sentence) => unreadable.push(sentence),
    };
    if named.is_empty() {
        let (files, found) = defaults(zone);
        if files.is_empty() {
            let journal = Source { name: "the journal".into(), kind: Origin::Journal, first: None, year: 0 };
            return Logs { sources: vec![journal], unreadable, missing };
        }
        missing = missing_numbers(&files);
        found.into_iter().for_each(&mut add);
        for path in COMPANIONS.iter().flat_map(|log| rotated(log)) {
            // They only add to the others, so that an error is ignored.
            add(Ok(file(&path, Origin::Companion, zone).ok().flatten()));
        }
    }
    for path in named {
        if path.as_os_str() == "-" {
            let year = Timestamp::now().to_zoned(zone.clone()).year();
            add(Ok(Some(Source { name: "stdin".into(), kind: Origin::Stdin, first: None, year })));
        } else {
            let absent = || format!("{} does not exist; name another file", escaped(path));
            add(file(path, Origin::File, zone).and_then(|found| found.ok_or_else(absent).map(Some)));
        }
    }
    // A file may have two names, or be listed twice because logrotate has just renamed it.
    let mut seen = HashSet::new();
    sources.retain(|source| match &source.kind {
        Origin::File(file) | Origin::Companion(file) => {
            file.metadata().map_or(true, |meta| seen.insert((meta.dev(), meta.ino())))
        }
        Origin::Stdin | Origin::Journal => true,
    });
    // Names do not show the order. Files without stamps come last.
    sources.sort_by_key(|source| (source.first.is_none(), source.first));
    Logs { sources, unreadable, missing }
}

/// Opens the log files of this machine. If one vanishes meanwhile, logrotate is running, and they are listed
/// again.
fn defaults(zone: &TimeZone) -> (Vec<PathBuf>, Vec<Result<Option<Source>, String>>) {
    let mut attempts = 0;
    loop {
        attempts += 1;
        let files =
            DEFAULTS.iter().map(|log| rotated(log)).find(|files| !files.is_empty()).unwrap_or_default();
        let found: Vec<_> = files.iter().map(|path| file(path, Origin::File, zone)).collect();
        if attempts == MAX_ATTEMPTS || !found.iter().any(|found| matches!(found, Ok(None))) {
            return (files, found);
        }
    }
}

/// The log and its rotated files: `.1`, `.2.gz`, `-20241122`.
fn rotated(log: &str) -> Vec<PathBuf> {
    let log = Path::new(log);
    let (Some(directory), Some(name)) = (log.parent(), log.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let is_its = |file: &str| {
        let Some(rest) = file.strip_prefix(name) else { return false };
        let rest =
            [".gz", ".xz", ".bz2", ".zst"].iter().find_map(|end| rest.strip_suffix(end)).unwrap_or(rest);
        rest.is_empty()
            || (rest.starts_with(['.', '-'])
                && rest.chars().all(|c| c.is_ascii_digit() || c == '.' || c == '-'))
    };
    let entries = directory.read_dir().into_iter().flatten().flatten();
    let mut files: Vec<_> = entries
        .filter(|entry| entry.file_name().to_str().is_some_and(is_its))
        .map(|entry| entry.path())
        .collect();
    files.sort();
    files
}

/// The numbers that are missing between the rotated files.
fn missing_numbers(files: &[PathBuf]) -> Vec<u32> {
    let number = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        name.split('.').rev().find_map(|part| part.parse().ok()).filter(|number| *number < 10_000)
    };
    let numbers: HashSet<u32> = files.iter().filter_map(number).collect();
    // The numbers begin with 0 or 1. Files older than the oldest one were deleted on purpose.
    let last = numbers.iter().copied().max().unwrap_or(0);
    (1..last).filter(|number| !numbers.contains(number)).collect()
}

/// Opens a file, and reads its first stamp. `None`: it does not exist, or no longer.
fn file(path: &Path, kind: fn(File) -> Origin, zone: &TimeZone) -> Result<Option<Source>, String> {
    let name = escaped(path).to_string();
    let error = |error: &io::Error| match error.kind() {
        io::ErrorKind::PermissionDenied => format!("{name} cannot be read: run this as root"),
        _ => format!("{name} cannot be read: {error}; name another file with --file"),
    };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(missing) if missing.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(other) => return Err(error(&other)),
    };
    let meta = file.metadata().map_err(|e| error(&e))?;
    if meta.is_dir() {
        return Err(format!("{name} is a directory; name a file in it"));
    }
    let written = Timestamp::from_second(meta.mtime()).unwrap_or_else(|_| Timestamp::now());
    let (first, year) = if meta.is_file() {
        let begin = beginning(&file, &name, written, zone)?;
        file.rewind().map_err(|e| error(&e))?;
        begin
    } else {
        // A pipe can be read only once.
        (None, Timestamp::now().to_zoned(zone.clone()).year())
    };
    Ok(Some(Source { name, kind: kind(file), first, year }))
}

/// The time of a file's first stamp, and the year of its first traditional one. A file that begins with a
/// traditional stamp is read to its end for that.
fn beginning(
    file: &File,
    name: &str,
    written: Timestamp,
    zone: &TimeZone,
) -> Result<(Option<Timestamp>, i16), String> {
    let mut lines = Lines::new(decompressed(file, name)?);
    let latest = written.to_zoned(zone.clone()).year();
    let mut years: Option<(Years, Vec<u8>)> = None;
    let mut without = 0;
    // Errors are reported when the file is read for its entries.
    while without < MAX_LINES_WITHOUT_STAMP
        && let Ok(Some(line)) = lines.next()
    {
        let (Line::Whole(line) | Line::Unended(line)) = line else { continue };
        if let Some((years, _)) = &mut years {
            years.add(line);
        } else if let Some(first) = Years::of(line) {
            years = Some((first, line.to_owned()));
        } else {
            let mut stamps = Stamps::new(zone.clone(), latest);
            let time = match record::parse(line, &mut stamps) {
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

/// The content, decompressed if the first bytes are those of gzip. The error is a sentence.
fn decompressed<'r>(reader: impl Read + 'r, name: &str) -> Result<Box<dyn Read + 'r>, String> {
    let mut reader = BufReader::with_capacity(64 << 10, reader);
    let begin =
        reader.fill_buf().map_err(|error| format!("{name} cannot be read: {error}; name another file"))?;
    let other = match begin {
        [0x1f, 0x8b, ..] => return Ok(Box::new(MultiGzDecoder::new(reader))),
        [0xfd, b'7', b'z', b'X', b'Z', ..] => "xz",
        [0x28, 0xb5, 0x2f, 0xfd, ..] => "zstd",
        [b'B', b'Z', b'h', ..] => "bzip2",
        _ => return Ok(Box::new(reader)),
    };
    Err(format!("{name} is compressed with {other}; try `{other} -dc {name} | sftpjail audit --file -`"))
}

impl Source {
    /// The number of bytes to read; 0 if it is unknown.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            Origin::File(file) | Origin::Companion(file) => file.metadata().map_or(0, |meta| meta.len()),
            Origin::Stdin | Origin::Journal => 0,
        }
    }

    /// Whether it can hold entries of SFTP sessions.
    pub(crate) fn is_log(&self) -> bool {
        !matches!(self.kind, Origin::Companion(_))
    }

    /// The parser of its stamps.
    pub(crate) fn stamps(&self, zone: &TimeZone) -> Stamps {
        Stamps::new(zone.clone(), self.year)
    }
}

/// The lines of a stream, which may be compressed. The error is a sentence.
pub(crate) fn lines<'r>(reader: impl Read + 'r, name: &str) -> Result<Lines<Box<dyn Read + 'r>>, String> {
    Ok(Lines::new(decompressed(reader, name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_numbers_are_found() {
        let missing = |names: &[&str]| missing_numbers(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.2.gz"]), [0; 0]);
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.4.gz"]), [2, 3]);
        assert_eq!(missing(&["x.log", "x.log-20241122.gz", "x.log-20241124.gz"]), [0; 0]);
    }
}
