//! Parses the time stamps of log lines: RFC 3339, which rsyslog of Debian 12 writes, and the traditional
//! `Nov 22 03:04:05`, which has neither year nor zone.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// The length of `Nov 22 03:04:05`.
const TRADITIONAL: usize = 15;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The text of a stamp. It is parsed only for the few lines that are used.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    Rfc3339(&'a [u8]),
    /// The year, and the text.
    Traditional(i16, &'a [u8]),
}

/// Parses the stamps of one file, in its order.
pub(crate) struct Stamps {
    zone: TimeZone,
    year: i16,
    /// The day, as of [`day`], of the last traditional stamp; 0 before the first.
    day: i16,
    /// The last stamp that was parsed, with its text: many lines have the same second.
    last: Option<(Vec<u8>, Timestamp)>,
}

impl Stamps {
    /// `zone`: that of traditional stamps. `year`: that of the first of them.
    pub(crate) fn new(zone: TimeZone, year: i16) -> Self {
        Self { zone, year, day: 0, last: None }
    }

    /// The stamp at the beginning of `line`, and what follows the blank after it.
    pub(crate) fn split<'a>(&mut self, line: &'a [u8]) -> Option<(Raw<'a>, &'a [u8])> {
        if line.first()?.is_ascii_digit() {
            let blank = memchr::memchr(b' ', line)?;
            let (stamp, rest) = line.split_at_checked(blank)?;
            return Some((Raw::Rfc3339(stamp), rest.get(1..)?));
        }
        let (stamp, rest) = line.split_at_checked(TRADITIONAL)?;
        let day = day(stamp)?;
        let rest = rest.strip_prefix(b" ")?;
        let years = years_between(self.day, day);
        if years != 0 {
            // The same text means another time now.
            self.last = None;
        }
        self.year = self.year.saturating_add(years);
        self.day = day;
        Some((Raw::Traditional(self.year, stamp), rest))
    }

    /// The time of a stamp of [`Stamps::split`]; `None` if it has none.
    pub(crate) fn time(&mut self, raw: Raw<'_>) -> Option<Timestamp> {
        let text = match raw {
            Raw::Rfc3339(text) | Raw::Traditional(_, text) => text,
        };
        if let Some((last, time)) = &self.last {
            if last == text {
                return Some(*time);
            }
        }
        let time = match raw {
            Raw::Rfc3339(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
            Raw::Traditional(year, text) => self.zone.to_timestamp(civil(year, text)?).ok()?,
        };
        self.last = Some((text.to_owned(), time));
        Some(time)
    }
}

/// Finds the year of a file's first traditional stamp. It counts the changes of year over all stamps, and
/// goes back from when the file was last written, which is about the time of the last stamp.
pub(crate) struct Years {
    /// The day, as of [`day`], of the last stamp.
    day: i16,
    /// The changes of year so far.
    changes: i16,
    last: [u8; TRADITIONAL],
}

impl Years {
    /// Begins with a line; `None` if it has no traditional stamp.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        let last = *line.first_chunk()?;
        Some(Self { day: day(&last)?, changes: 0, last })
    }

    /// Adds the next line, if it has a traditional stamp.
    pub(crate) fn add(&mut self, line: &[u8]) {
        if let Some(last) = line.first_chunk() {
            if let Some(day) = day(last) {
                self.changes = self.changes.saturating_add(years_between(self.day, day));
                self.day = day;
                self.last = *last;
            }
        }
    }

    /// The year of the first stamp, of a file that was last written at this time.
    pub(crate) fn first(&self, written: Timestamp, zone: &TimeZone) -> i16 {
        // A clock may be wrong, and a copied file a little older than its entries.
        let limit = written.saturating_add(SignedDuration::from_hours(24)).unwrap_or(written);
        let latest = zone.to_datetime(limit);
        let of = |year| civil(year, &self.last);
        // February 29 may be up to eight years ago.
        let last =
            (0..9).map(|back| latest.year() - back).find(|year| of(*year).is_some_and(|d| d <= latest));
        last.unwrap_or_else(|| latest.year()).saturating_sub(self.changes)
    }
}

/// The month of a stamp, from 1 on.
fn month(stamp: &[u8]) -> Option<i8> {
    // This keeps other text from being read as a stamp.
    if stamp.get(3) != Some(&b' ') || stamp.get(9) != Some(&b':') {
        return None;
    }
    let name = stamp.get(..3)?;
    let at = MONTHS.iter().position(|month| *month == name)?;
    i8::try_from(at + 1).ok()
}

/// The day of the year, if each month had 31 days.
fn day(stamp: &[u8]) -> Option<i16> {
    let digit = |at: usize| stamp.get(at).map(|byte| i16::from(byte.wrapping_sub(b'0') % 16));
    // A blank instead of a digit counts as 0.
    Some(31 * i16::from(month(stamp)? - 1) + 10 * digit(4)? + digit(5)?)
}

/// By how many years a line is later than the line before it, from the days of both. A log can have no
/// entries for months, but its time goes back by seconds only. So two months back mean a new year, and New
/// Year's Eve right after New Year is a line that came late.
fn years_between(before: i16, after: i16) -> i16 {
    const EVE: i16 = 11 * 31 + 30;
    match after - before {
        _ if before == 0 => 0,
        ..=-60 => 1,
        _ if before <= 2 && after >= EVE => -1,
        _ => 0,
    }
}

fn civil(year: i16, stamp: &[u8]) -> Option<DateTime> {
    let number = |at: usize| -> Option<i8> {
        let digits = std::str::from_utf8(stamp.get(at..at + 2)?).ok()?;
        digits.trim_start().parse().ok()
    };
    // A leap second counts as the second before it.
    let second = number(13)?.min(59);
    DateTime::new(year, month(stamp)?, number(4)?, number(7)?, number(10)?, second, 0).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn zone() -> TimeZone {
        TimeZone::fixed(jiff::tz::offset(1))
    }

    /// The times of these lines in a file last written at `written`, as its first and as read on.
    fn times(written: &str, lines: &[&str]) -> Vec<String> {
        let mut years: Option<Years> = None;
        for line in lines {
            match &mut years {
                None => years = Years::of(line.as_bytes()),
                Some(years) => years.add(line.as_bytes()),
            }
        }
        let year = years.map_or(0, |years| years.first(written.parse().unwrap(), &zone()));
        let mut stamps = Stamps::new(zone(), year);
        let time = |line: &&str| {
            let (raw, _) = stamps.split(line.as_bytes())?;
            Some(stamps.time(raw)?.to_string())
        };
        lines.iter().filter_map(time).collect()
    }

    #[test]
    fn rfc_3339_is_parsed_as_it_is() {
        let mut stamps = Stamps::new(zone(), 2000);
        let (raw, rest) = stamps.split(b"2024-11-22T03:04:05.123456+05:45 host x[1]: y").unwrap();
        assert_eq!(rest, b"host x[1]: y");
        assert_eq!(stamps.time(raw).unwrap().to_string(), "2024-11-21T21:19:05.123456Z");
        let (raw, _) = stamps.split(b"2024-11-22T03:04:05Z host").unwrap();
        assert_eq!(stamps.time(raw).unwrap().to_string(), "2024-11-22T03:04:05Z");
    }

    #[test]
    fn a_traditional_stamp_gets_the_files_year_and_the_hosts_zone() {
        assert_eq!(times("2024-11-22T08:00:00Z", &["Nov 22 03:04:05 h"]), ["2024-11-22T02:04:05Z"]);
        assert_eq!(times("2024-11-22T08:00:00Z", &["Nov  2 03:04:05 h"]), ["2024-11-02T02:04:05Z"]);
        // It is not in the future, unless a clock is a little wrong.
        assert_eq!(times("2024-11-20T08:00:00Z", &["Nov 22 03:04:05 h"]), ["2023-11-22T02:04:05Z"]);
        assert_eq!(times("2024-11-21T08:00:00Z", &["Nov 22 03:04:05 h"]), ["2024-11-22T02:04:05Z"]);
        assert_eq!(times("2027-01-02T00:00:00Z", &["Feb 29 00:00:00 h"]), ["2024-02-28T23:00:00Z"]);
        assert_eq!(times("2016-12-31T23:59:59Z", &["Dec 31 23:59:60 h"]), ["2016-12-31T22:59:59Z"]);
    }

    #[test]
    fn the_year_changes_where_the_months_start_again() {
        let lines = ["Dec 30 00:00:00 h", "Jan  2 00:00:00 h", "Jan  3 00:00:00 h"];
        let expected = ["2024-12-29T23:00:00Z", "2025-01-01T23:00:00Z", "2025-01-02T23:00:00Z"];
        assert_eq!(times("2025-01-03T08:00:00Z", &lines), expected);
        // A line came late.
        let lines = ["Dec 31 23:59:59 h", "Jan  1 00:00:01 h", "Dec 31 23:59:58 h", "Jan  1 00:00:02 h"];
        let years: Vec<_> =
            times("2025-01-01T00:00:00Z", &lines).iter().map(|t| t.get(..13).unwrap().to_owned()).collect();
        assert_eq!(years, ["2024-12-31T22", "2024-12-31T23", "2024-12-31T22", "2024-12-31T23"]);
    }

    #[test]
    fn the_years_of_a_file_are_counted_from_its_end() {
        let lines = ["Nov", "Feb", "Nov", "Feb", "Aug"].map(|month| format!("{month}  1 00:00:00 h"));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let times = times("2024-08-01T00:00:00Z", &lines);
        let years: Vec<_> = times.iter().map(|t| t.get(..7).unwrap()).collect();
        assert_eq!(years, ["2022-10", "2023-01", "2023-10", "2024-01", "2024-07"]);
    }

    /// Most lines are not used, and their stamps not parsed.
    #[test]
    fn the_same_stamp_is_another_time_a_year_later() {
        let mut stamps = Stamps::new(zone(), 2023);
        let mut time = |line: &str, is_used: bool| {
            let (raw, _) = stamps.split(line.as_bytes()).unwrap();
            is_used.then(|| stamps.time(raw).unwrap().to_string())
        };
        assert_eq!(time("Nov  1 01:00:00 h", true).as_deref(), Some("2023-11-01T00:00:00Z"));
        assert_eq!(time("Feb  1 01:00:00 h", false), None);
        assert_eq!(time("Nov  1 01:00:00 h", true).as_deref(), Some("2024-11-01T00:00:00Z"));
    }

    #[test]
    fn too_many_years_do_not_panic() {
        let lines = ["Dec  1 00:00:00 h", "Jan  5 00:00:00 h"].repeat(40_000);
        assert!(times("2024-08-01T00:00:00Z", &lines).len() < lines.len());
    }

    #[test]
    fn other_text_is_not_a_stamp_and_never_panics() {
        for line in ["", " ", "Nov", "Nov 22", "Nov 22 03:04:05", "Foo 22 03:04:05 h", "x", "9", "2024 x"] {
            assert!(times("2024-11-22T08:00:00Z", &[line]).is_empty(), "{line:?}");
        }
        for line in ["Nov-22 03:04:05 h", "Nov 22 03-04:05 h"] {
            assert!(times("2024-11-22T08:00:00Z", &[line]).is_empty(), "{line:?}");
        }
        for line in ["Nov 99 03:04:05 h", "Nov -1 03:04:05 h", "Nov 22 0\u{e9}:04:5 h", "9999999999-1-1 h"] {
            assert!(times("2024-11-22T08:00:00Z", &[line]).is_empty(), "{line:?}");
        }
        crate::host::syslog::noise::noise(|bytes| {
            let mut stamps = Stamps::new(zone(), 2024);
            if let Some((raw, _)) = stamps.split(bytes) {
                let _ = stamps.time(raw);
            }
            if let Some(mut years) = Years::of(bytes) {
                years.add(bytes);
                let _ = years.first(Timestamp::UNIX_EPOCH, &zone());
            }
        });
    }
}
