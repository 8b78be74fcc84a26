//! Which logs are read, and in which order.

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

/// In this order: the drop-in's file, Debian's, Red Hat's.
const DEFAULTS: [&str; 3] = ["/var/log/sftp.log", "/var/log/auth.log", "/var/log/secure"];

/// Where rsyslog and journald say that they dropped messages: Debian's, Red Hat's.
const COMPANIONS: [&str; 2] = ["/var/log/syslog", "/var/log/messages"];

/// What has no stamp in so many lines is no log.
const MAX_WITHOUT: u32 = 1000;

/// logrotate is quick; so often it will not be in our way.
const MAX_LOOKS: u32 = 5;

/// One log.
pub(crate) struct Source {
    /// Fit to be printed.
    pub(crate) name: String,
    pub(crate) kind: Origin,
    /// Of its first line.
    first: Option<Timestamp>,
    /// Of its first traditional stamp.
    year: i16,
}

/// Where a log comes from.
pub(crate) enum Origin {
    File(File),
    /// A file of which only what log daemons say of themselves is wanted.
    Companion(File),
    Stdin,
    Journal,
}

/// All logs that there are to read.
pub(crate) struct Logs {
    /// In the order in which they were written.
    pub(crate) sources: Vec<Source>,
    /// A sentence for each log that cannot be read.
    pub(crate) unreadable: Vec<String>,
    /// Numbers that are missing in `.1`, `.2.gz`, `.4.gz`.
    pub(crate) missing: Vec<u32>,
}

/// Opens the files that are named, or else those that are there.
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
            // They are a help, no more.
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
    // One file may have two names, and be renamed by logrotate while we look.
    let mut seen = HashSet::new();
    sources.retain(|source| match &source.kind {
        Origin::File(file) | Origin::Companion(file) => {
            file.metadata().map_or(true, |meta| seen.insert((meta.dev(), meta.ino())))
        }
        Origin::Stdin | Origin::Journal => true,
    });
    // Whatever their names are. What has no stamp has nothing to tell.
    sources.sort_by_key(|source| (source.first.is_none(), source.first));
    Logs { sources, unreadable, missing }
}

/// The host's own files, opened. If one goes while we look, logrotate is at work: then we look again.
fn defaults(zone: &TimeZone) -> (Vec<PathBuf>, Vec<Result<Option<Source>, String>>) {
    let mut looks = 0;
    loop {
        looks += 1;
        let files =
            DEFAULTS.iter().map(|log| rotated(log)).find(|files| !files.is_empty()).unwrap_or_default();
        let found: Vec<_> = files.iter().map(|path| file(path, Origin::File, zone)).collect();
        if looks == MAX_LOOKS || !found.iter().any(|found| matches!(found, Ok(None))) {
            return (files, found);
        }
    }
}

/// The log and what logrotate made of it: `.1`, `.2.gz`, `-20241122`.
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

/// The numbers that are missing in `.1`, `.2.gz`, `.4.gz`.
fn missing_numbers(files: &[PathBuf]) -> Vec<u32> {
    let number = |path: &PathBuf| -> Option<u32> {
        let name = path.file_name()?.to_str()?;
        name.split('.').rev().find_map(|part| part.parse().ok()).filter(|number| *number < 10_000)
    };
    let numbers: HashSet<u32> = files.iter().filter_map(number).collect();
    // Beginning with 0 or with 1; what is older than the oldest was deleted on purpose.
    let last = numbers.iter().copied().max().unwrap_or(0);
    (1..last).filter(|number| !numbers.contains(number)).collect()
}

/// Opens a file, and looks at its first stamp. `None`: it does not exist (any more).
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
        // A pipe can be read once only.
        (None, Timestamp::now().to_zoned(zone.clone()).year())
    };
    Ok(Some(Source { name, kind: kind(file), first, year }))
}

/// The time of a file's first stamp, and the year of its first traditional one. Only a file that
/// begins with a traditional one is read to its end for that.
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
    // What is wrong with the file is told when it is read.
    while without < MAX_WITHOUT
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

/// What is in a file, decompressed if its first bytes say so. The error is a sentence.
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
    /// How many bytes there are to read; 0 if nobody knows.
    pub(crate) fn size(&self) -> u64 {
        match &self.kind {
            Origin::File(file) | Origin::Companion(file) => file.metadata().map_or(0, |meta| meta.len()),
            Origin::Stdin | Origin::Journal => 0,
        }
    }

    /// Whether it may hold operations.
    pub(crate) fn is_log(&self) -> bool {
        !matches!(self.kind, Origin::Companion(_))
    }

    /// What reads its stamps.
    pub(crate) fn stamps(&self, zone: &TimeZone) -> Stamps {
        Stamps::new(zone.clone(), self.year)
    }
}

/// The lines of a stream that may be compressed.
pub(crate) fn lines<'r>(reader: impl Read + 'r, name: &str) -> Result<Lines<Box<dyn Read + 'r>>, String> {
    Ok(Lines::new(decompressed(reader, name)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_lack_are_told() {
        let missing = |names: &[&str]| missing_numbers(&names.iter().map(PathBuf::from).collect::<Vec<_>>());
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.2.gz"]), [0; 0]);
        assert_eq!(missing(&["x.log", "x.log.1", "x.log.4.gz"]), [2, 3]);
        assert_eq!(missing(&["x.log", "x.log-20241122.gz", "x.log-20241124.gz"]), [0; 0]);
    }
}
