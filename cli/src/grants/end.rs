//! Reads the moment at which a grant is to end, as people write it, and shows it with all that could be misread.

#[cfg(any(test, fuzzing))]
pub(super) mod properties;

use crate::report::Error;
use jiff::civil::{Date, DateTime, Time, Weekday};
use jiff::tz::AmbiguousOffset;
use jiff::{Span, Timestamp, Zoned};
use pam_sftpjail::escape::escaped;

/// A moment to come.
#[derive(Debug)]
pub(super) struct End {
    at: Zoned,
    /// What is to be said of how it was read: on two days of a year, clocks are changed.
    pub(super) note: Option<String>,
}

impl End {
    /// Reads what was typed: a time from now such as `2w`, a day with or without a time of day, or RFC 3339. A day
    /// alone means its last second. The zone is that of `now`.
    pub(super) fn parse(text: &str, now: &Zoned) -> Result<Self, Error> {
        let text = text.trim();
        let fix = "write a time from now such as 2w or \"3 months\", a day such as 2026-12-10 (to its end), friday or \
                   tomorrow, a day with a time such as \"friday 18:00\", or with its zone, too: \
                   2026-12-10T18:00:00+01:00";
        let unknown =
            || Error::new(format!("{} is not a time that sftpjail understands", escaped(text)), fix);
        let end = Self::of(text, now).ok_or_else(unknown)?;
        if end.at.timestamp() <= now.timestamp() {
            let what = format!("{} has passed", end.shown());
            return Err(Error::new(what, "give a time to come, such as 2w or \"friday 18:00\""));
        }
        Ok(end)
    }

    fn of(text: &str, now: &Zoned) -> Option<Self> {
        // The parsers below read past a zone in brackets.
        if text.contains('[') {
            return Self::plain(&text.parse::<Zoned>().ok()?.with_time_zone(now.time_zone().clone()));
        }
        if let Some(moment) = text.parse::<Timestamp>().ok().or_else(|| of_shown(text)) {
            return Self::plain(&moment.to_zoned(now.time_zone().clone()));
        }
        let lower = text.to_lowercase();
        let words: Vec<_> = lower.split_whitespace().collect();
        match words[..] {
            [day] if Day::parse(day).is_some() => {
                let date = Day::parse(day)?.first(now)?;
                Self::plain(&date.to_zoned(now.time_zone().clone()).ok()?.end_of_day().ok()?)
            }
            [day, time] if Day::parse(day).is_some() => {
                // Nor may an offset behind the time be lost.
                let is_plain = time.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
                let (day, time) = (Day::parse(day)?, time.parse::<Time>().ok().filter(|_| is_plain)?);
                let end = Self::local(day.first(now)?.to_datetime(time), now)?;
                match day {
                    // This hour of today has passed.
                    Day::Next(_) if end.at.timestamp() <= now.timestamp() => {
                        let next = day.first(now)?.checked_add(Span::new().weeks(1)).ok()?;
                        Self::local(next.to_datetime(time), now)
                    }
                    _ => Some(end),
                }
            }
            // A date without a time is read here as well, in other forms.
            _ => match text.parse::<DateTime>() {
                Ok(local) if text.contains(':') => Self::local(local, now),
                _ if text.starts_with(|c: char| c.is_ascii_digit()) => {
                    Self::plain(&now.checked_add(text.parse::<Span>().ok()?).ok()?)
                }
                _ => None,
            },
        }
    }

    /// To the second, as it is written.
    fn plain(at: &Zoned) -> Option<Self> {
        let second = Timestamp::from_second(at.timestamp().as_second()).ok()?;
        Some(Self { at: second.to_zoned(at.time_zone().clone()), note: None })
    }

    /// A time of the zone, which that day may not have, or have twice.
    fn local(local: DateTime, now: &Zoned) -> Option<Self> {
        let moment = now.time_zone().to_ambiguous_zoned(local);
        let offset = moment.offset();
        let end = Self::plain(&moment.compatible().ok()?)?;
        let (day, time) = (local.strftime("%F"), local.strftime("%H:%M"));
        let note = match offset {
            AmbiguousOffset::Unambiguous { .. } => None,
            AmbiguousOffset::Gap { .. } => Some(format!(
                "{time} does not exist on {day}, when clocks go forward: {} is meant",
                end.at.strftime("%H:%M")
            )),
            AmbiguousOffset::Fold { .. } => Some(format!(
                "{time} comes twice on {day}, when clocks go back: the first is meant, which is {}",
                end.at.strftime("UTC%:z")
            )),
        };
        Some(Self { note, ..end })
    }

    /// For people, such as `Thursday 2026-12-10 18:00 (UTC+01:00)`. [`End::parse`] reads it.
    pub(super) fn shown(&self) -> String {
        let seconds = if self.at.second() == 0 { "" } else { ":%S" };
        self.at.strftime(&format!("%A %Y-%m-%d %H:%M{seconds} (UTC%:z)")).to_string()
    }

    /// As a file of grants has it.
    pub(super) fn written(&self) -> String {
        written(&self.at)
    }
}

/// A moment as a file of grants has it.
pub(super) fn written(at: &Zoned) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%:z").to_string()
}

/// What [`End::shown`] has made.
fn of_shown(text: &str) -> Option<Timestamp> {
    let (before, offset) = text.strip_suffix(')')?.rsplit_once("(UTC")?;
    let mut words = before.split_whitespace();
    let (_weekday, date, time) = (words.next()?, words.next()?, words.next()?);
    format!("{date}T{time}{offset}").parse().ok()
}

#[derive(Clone, Copy)]
enum Day {
    /// So many days from today.
    In(i64),
    /// Today, or the next such day.
    Next(Weekday),
    On(Date),
}

impl Day {
    fn parse(word: &str) -> Option<Self> {
        let weekdays = [
            ("monday", Weekday::Monday),
            ("tuesday", Weekday::Tuesday),
            ("wednesday", Weekday::Wednesday),
            ("thursday", Weekday::Thursday),
            ("friday", Weekday::Friday),
            ("saturday", Weekday::Saturday),
            ("sunday", Weekday::Sunday),
        ];
        match word {
            "today" => Some(Self::In(0)),
            "tomorrow" => Some(Self::In(1)),
            _ => match weekdays.iter().find(|(name, _)| *name == word || name.get(..3) == Some(word)) {
                Some((_, weekday)) => Some(Self::Next(*weekday)),
                // Other forms of ISO 8601, such as 20261210, are too easily something else.
                None if word.len() == "2026-12-10".len() => word.parse().ok().map(Self::On),
                None => None,
            },
        }
    }

    fn first(self, now: &Zoned) -> Option<Date> {
        match self {
            Self::In(days) => now.date().checked_add(Span::new().days(days)).ok(),
            Self::Next(weekday) => {
                now.date().yesterday().and_then(|yesterday| yesterday.nth_weekday(1, weekday)).ok()
            }
            Self::On(date) => Some(date),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;

    /// Berlin's rules, whatever zones this machine knows.
    fn berlin() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    /// A Friday, 12:30:15 in Berlin.
    fn now() -> Zoned {
        "2026-11-27T11:30:15.5Z".parse::<Timestamp>().unwrap().to_zoned(berlin())
    }

    fn written(text: &str) -> String {
        End::parse(text, &now()).map_or_else(|error| error.to_string(), |end| end.written())
    }

    #[test]
    fn a_time_is_read_as_people_write_it() {
        for (text, expected) in [
            ("2w", "2026-12-11T12:30:15+01:00"),
            ("10d", "2026-12-07T12:30:15+01:00"),
            ("3 months", "2027-02-27T12:30:15+01:00"),
            // The hour of the clock, though it is summer then.
            ("5 months", "2027-04-27T12:30:15+02:00"),
            ("90 minutes", "2026-11-27T14:00:15+01:00"),
            ("1h 30m", "2026-11-27T14:00:15+01:00"),
            ("today", "2026-11-27T23:59:59+01:00"),
            ("tomorrow", "2026-11-28T23:59:59+01:00"),
            ("tomorrow 12:00", "2026-11-28T12:00:00+01:00"),
            ("friday 18:00", "2026-11-27T18:00:00+01:00"),
            ("Friday 12:00", "2026-12-04T12:00:00+01:00"),
            ("friday", "2026-11-27T23:59:59+01:00"),
            ("mon 08:15", "2026-11-30T08:15:00+01:00"),
            ("2026-12-10", "2026-12-10T23:59:59+01:00"),
            ("2026-12-10 18:00", "2026-12-10T18:00:00+01:00"),
            ("2026-12-10 18:00:05", "2026-12-10T18:00:05+01:00"),
            ("2026-12-10T18:00", "2026-12-10T18:00:00+01:00"),
            ("2026-12-10T18:00:00Z", "2026-12-10T19:00:00+01:00"),
            ("2027-07-01T18:00:00.9+01:00", "2027-07-01T19:00:00+02:00"),
            ("2026-12-10 18:00+09:30", "2026-12-10T09:30:00+01:00"),
            ("2026-12-10T18:00[UTC]", "2026-12-10T19:00:00+01:00"),
            ("2026-12-10 18:00[+09:30]", "2026-12-10T09:30:00+01:00"),
            (" 2027-07-01 ", "2027-07-01T23:59:59+02:00"),
        ] {
            assert_eq!(written(text), expected, "{text}");
        }
    }

    #[test]
    fn what_has_passed_or_is_no_time_is_answered_with_what_to_write() {
        for text in ["2026-11-27 12:30", "2026-11-26", "today 11:00", "2020-01-01T00:00:00Z", "0d"] {
            let error = written(text);
            assert!(error.contains(" has passed; give a time to come, such as 2w"), "{text}: {error}");
        }
        for text in [
            "",
            "2",
            "18:00",
            "soon",
            "-2w",
            "2x",
            "2026-13-01",
            "12/10/2026",
            "20261210",
            "friday 18:00+09:30",
            "friday 18:00[UTC]",
            "2026-12-10 18:00 CET",
            "2026-12-10T18:00[Nowhere/There]",
            "2026-12-10T18:00+09:30[UTC]",
            "99999999d",
            "\u{e9}",
        ] {
            let error = written(text);
            assert!(
                error.contains("is not a time that sftpjail understands; write a time from now"),
                "{text}: {error}"
            );
        }
        crate::host::syslog::noise::noise(|bytes| {
            let _ = End::parse(&String::from_utf8_lossy(bytes), &now());
        });
    }

    #[test]
    fn an_hour_that_a_day_does_not_have_or_has_twice_is_said() {
        let end = |text| End::parse(text, &now()).unwrap();
        let gap = end("2027-03-28 02:30");
        assert_eq!(gap.written(), "2027-03-28T03:30:00+02:00");
        let said = "02:30 does not exist on 2027-03-28, when clocks go forward: 03:30 is meant";
        assert_eq!(gap.note.as_deref(), Some(said));
        let fold = end("2027-10-31 02:30");
        assert_eq!(fold.written(), "2027-10-31T02:30:00+02:00");
        let said =
            "02:30 comes twice on 2027-10-31, when clocks go back: the first is meant, which is UTC+02:00";
        assert_eq!(fold.note.as_deref(), Some(said));
        assert_eq!(end("2027-10-31T02:30:00+01:00").note, None);
    }

    #[test]
    fn what_is_shown_is_read_as_the_same_moment() {
        let shown = |text| End::parse(text, &now()).unwrap().shown();
        assert_eq!(shown("2026-12-10 18:00"), "Thursday 2026-12-10 18:00 (UTC+01:00)");
        assert_eq!(shown("2027-07-01"), "Thursday 2027-07-01 23:59:59 (UTC+02:00)");
        let newfoundland = TimeZone::posix("NST3:30NDT,M3.2.0,M11.1.0").unwrap();
        let kolkata = TimeZone::posix("<+0530>-5:30").unwrap();
        for zone in [berlin(), newfoundland, kolkata, TimeZone::UTC] {
            let now = now().with_time_zone(zone);
            // Each hour and a bit of more than a year, with all changes of clocks.
            for hour in 1..9_600 {
                let at = now.timestamp().as_second() + hour * 3_600 + hour % 61;
                let moment = Timestamp::from_second(at).unwrap().to_zoned(now.time_zone().clone());
                let end = End::plain(&moment).unwrap();
                for text in [end.shown(), end.written()] {
                    let read = End::parse(&text, &now).unwrap();
                    assert_eq!(read.at.timestamp().as_second(), at, "{text}");
                    assert_eq!((read.shown(), read.note), (end.shown(), None));
                }
            }
        }
    }
}
