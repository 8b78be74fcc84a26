//! Time stamps of log lines: RFC 3339, as Debian 12's rsyslog writes them, and the traditional
//! `Nov 22 03:04:05`, which know neither year nor zone.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `Nov 22 03:04:05`
const TRADITIONAL: usize = 15;

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

/// The stamp of one line, not yet understood: most lines are not worth it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Raw<'a> {
    Rfc3339(&'a [u8]),
    /// With its year.
    Traditional(i16, &'a [u8]),
}

/// Reads the stamps of one file, in its order.
pub(crate) struct Stamps {
    zone: TimeZone,
    year: i16,
    /// Of the last traditional stamp; 0 before the first.
    day: i16,
    /// The last that was understood, with its text: many lines share a second.
    last: Option<(Vec<u8>, Timestamp)>,
}

impl Stamps {
    /// `year` is that of the first traditional stamp; `zone` is the traditional ones'.
    pub(crate) fn new(zone: TimeZone, year: i16) -> Self {
        Self { zone, year, day: 0, last: None }
    }

    /// The stamp that `line` begins with, and what follows its blank.
    pub(crate) fn split<'a>(&mut self, line: &'a [u8]) -> Option<(Raw<'a>, &'a [u8])> {
        if line.first()?.is_ascii_digit() {
            let blank = memchr::memchr(b' ', line)?;
            let (stamp, rest) = line.split_at_checked(blank)?;
            return Some((Raw::Rfc3339(stamp), rest.get(1..)?));
        }
        let (stamp, rest) = line.split_at_checked(TRADITIONAL)?;
        let day = day(stamp)?;
        let rest = rest.strip_prefix(b" ")?;
        let turns = turns(self.day, day);
        if turns != 0 {
            // The same text is another time now.
            self.last = None;
        }
        self.year = self.year.saturating_add(turns);
        self.day = day;
        Some((Raw::Traditional(self.year, stamp), rest))
    }

    /// What a stamp of [`Stamps::split`] says; `None` if it says nothing.
    pub(crate) fn time(&mut self, raw: Raw<'_>) -> Option<Timestamp> {
        let text = match raw {
            Raw::Rfc3339(text) | Raw::Traditional(_, text) => text,
        };
        if let Some((last, time)) = &self.last
            && last == text
        {
            return Some(*time);
        }
        let time = match raw {
            Raw::Rfc3339(text) => std::str::from_utf8(text).ok()?.parse().ok()?,
            Raw::Traditional(year, text) => self.zone.to_timestamp(civil(year, text)?).ok()?,
        };
        self.last = Some((text.to_owned(), time));
        Some(time)
    }
}

/// The year of a file's first traditional stamp, from all of its stamps in order and from when the
/// file was last written, which is about when the last of them was made.
pub(crate) struct Years {
    day: i16,
    turns: i16,
    last: [u8; TRADITIONAL],
}

impl Years {
    /// `None` if the line has no traditional stamp.
    pub(crate) fn of(line: &[u8]) -> Option<Self> {
        let last = *line.first_chunk()?;
        Some(Self { day: day(&last)?, turns: 0, last })
    }

    /// Takes the next line into account, if it has a traditional stamp.
    pub(crate) fn add(&mut self, line: &[u8]) {
        if let Some(last) = line.first_chunk()
            && let Some(day) = day(last)
        {
            self.turns = self.turns.saturating_add(turns(self.day, day));
            self.day = day;
            self.last = *last;
        }
    }

    /// The year of the first stamp, for a file of this age.
    pub(crate) fn first(&self, written: Timestamp, zone: &TimeZone) -> i16 {
        // A clock may be wrong, and a copy a little older than what is in it.
        let limit = written.saturating_add(SignedDuration::from_hours(24)).unwrap_or(written);
        let latest = zone.to_datetime(limit);
        let of = |year| civil(year, &self.last);
        // February 29 has to go back up to eight years.
        let last =
            (0..9).map(|back| latest.year() - back).find(|year| of(*year).is_some_and(|d| d <= latest));
        last.unwrap_or_else(|| latest.year()).saturating_sub(self.turns)
    }
}

fn month(stamp: &[u8]) -> Option<i8> {
    // A file that is not a log at all should not be taken for one.
    if stamp.get(3) != Some(&b' ') || stamp.get(9) != Some(&b':') {
        return None;
    }
    let name = stamp.get(..3)?;
    let at = MONTHS.iter().position(|month| *month == name)?;
    i8::try_from(at + 1).ok()
}

/// A number that grows with the day of the year, by 31 from month to month.
fn day(stamp: &[u8]) -> Option<i16> {
    let digit = |at: usize| stamp.get(at).map(|byte| i16::from(byte.wrapping_sub(b'0') % 16));
    // A blank for a digit is 0 in this reckoning.
    Some(31 * i16::from(month(stamp)? - 1) + 10 * digit(4)? + digit(5)?)
}

/// By how many years the line after `before` is further on. A log may be silent for months, but it
/// goes back for seconds only: two months back are a new year, and New Year's Eve right after New
/// Year is a line that was late.
fn turns(before: i16, after: i16) -> i16 {
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
    // A leap second is the second before it.
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
    fn rfc_3339_is_taken_as_it_is() {
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
        // Not from the future, but for a clock that is a little wrong.
        assert_eq!(times("2024-11-20T08:00:00Z", &["Nov 22 03:04:05 h"]), ["2023-11-22T02:04:05Z"]);
        assert_eq!(times("2024-11-21T08:00:00Z", &["Nov 22 03:04:05 h"]), ["2024-11-22T02:04:05Z"]);
        assert_eq!(times("2027-01-02T00:00:00Z", &["Feb 29 00:00:00 h"]), ["2024-02-28T23:00:00Z"]);
        assert_eq!(times("2016-12-31T23:59:59Z", &["Dec 31 23:59:60 h"]), ["2016-12-31T22:59:59Z"]);
    }

    #[test]
    fn the_year_turns_where_the_months_begin_anew() {
        let lines = ["Dec 30 00:00:00 h", "Jan  2 00:00:00 h", "Jan  3 00:00:00 h"];
        let expected = ["2024-12-29T23:00:00Z", "2025-01-01T23:00:00Z", "2025-01-02T23:00:00Z"];
        assert_eq!(times("2025-01-03T08:00:00Z", &lines), expected);
        // A line that was late.
        let lines = ["Dec 31 23:59:59 h", "Jan  1 00:00:01 h", "Dec 31 23:59:58 h", "Jan  1 00:00:02 h"];
        let years: Vec<_> =
            times("2025-01-01T00:00:00Z", &lines).iter().map(|t| t.get(..13).unwrap().to_owned()).collect();
        assert_eq!(years, ["2024-12-31T22", "2024-12-31T23", "2024-12-31T22", "2024-12-31T23"]);
    }

    #[test]
    fn a_file_of_several_years_is_dated_from_its_end() {
        let lines = ["Nov", "Feb", "Nov", "Feb", "Aug"].map(|month| format!("{month}  1 00:00:00 h"));
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        let times = times("2024-08-01T00:00:00Z", &lines);
        let years: Vec<_> = times.iter().map(|t| t.get(..7).unwrap()).collect();
        assert_eq!(years, ["2022-10", "2023-01", "2023-10", "2024-01", "2024-07"]);
    }

    #[test]
    fn more_years_than_there_are_are_no_panic() {
        let lines = ["Dec  1 00:00:00 h", "Jan  5 00:00:00 h"].repeat(40_000);
        assert!(times("2024-08-01T00:00:00Z", &lines).len() < lines.len());
    }

    #[test]
    fn what_is_no_stamp_is_none_and_nothing_panics() {
        for line in ["", " ", "Nov", "Nov 22", "Nov 22 03:04:05", "Foo 22 03:04:05 h", "x", "9", "2024 x"] {
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
