//! The moment at which a grant begins or ends, as it was written.

use crate::config::keys::Level;
use std::fmt::{self, Display};
use toml::value::{Date, Datetime, Offset, Time};

/// A moment with the zone that it was written with. `Display` is the date and the time there, such as
/// `2026-12-10 18:00`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    date: Date,
    time: Time,
    offset: Offset,
}

impl Moment {
    /// The value of a key. The error is the rest of a sentence about it, and the fix.
    pub(super) fn new(key: &str, moment: Datetime) -> Result<Self, (String, String)> {
        let whole = || {
            let example = Level::Grant.key(key).map_or(key, |key| key.example);
            format!("write date, time and zone, such as {example}")
        };
        match (moment.date, moment.time, moment.offset) {
            (Some(date), Some(time), Some(offset)) => Ok(Self { date, time, offset }),
            (None, ..) => Err(("has no date".into(), whole())),
            (_, None, _) => {
                Err(("has no time, so that nobody knows whether the day itself counts".into(), whole()))
            }
            (_, _, None) => Err((
                "has no zone, so that nobody knows which moment it is".into(),
                "add the offset from UTC, such as +01:00, or Z for UTC itself".into(),
            )),
        }
    }

    /// In seconds since the epoch.
    pub fn epoch(self) -> i64 {
        let Date { year, month, day } = self.date;
        let minutes = match self.offset {
            Offset::Z => 0,
            Offset::Custom { minutes } => i64::from(minutes),
        };
        let second = self.time.second.unwrap_or(0);
        days(i64::from(year), i64::from(month), i64::from(day)) * 86_400
            + i64::from(self.time.hour) * 3_600
            + (i64::from(self.time.minute) - minutes) * 60
            + i64::from(second)
    }

    /// The same, with the zone in brackets.
    pub fn with_zone(self) -> String {
        match self.offset {
            Offset::Z => format!("{self} (UTC)"),
            offset => format!("{self} (UTC{offset})"),
        }
    }
}

impl Display for Moment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self.date;
        write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02}", self.time.hour, self.time.minute)?;
        match self.time.second {
            Some(second) if second != 0 => write!(f, ":{second:02}"),
            _ => Ok(()),
        }
    }
}

/// The days from 1970-01-01 to a date of the Gregorian calendar, counted in years that begin in March, so that the
/// leap day is the last one.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let of_year = (153 * month + 2) / 5 + day - 1;
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    365 * year + leap_days + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn until(text: &str) -> Result<Moment, (String, String)> {
        Moment::new("until", text.parse().unwrap())
    }

    #[test]
    fn a_moment_is_counted_as_date_counts_it() {
        // date -u -d TEXT +%s
        for (text, epoch) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2026-12-10T18:00:00+01:00", 1_796_922_000),
            ("2024-02-29T23:59:59Z", 1_709_251_199),
            ("2024-03-01T00:00:00Z", 1_709_251_200),
            ("2000-02-29T12:00:00-03:30", 951_838_200),
            ("2100-03-01T00:00:00Z", 4_107_542_400),
            ("1969-12-31T23:59:59Z", -1),
            ("2026-12-10T18:00:00.9+01:00", 1_796_922_000),
        ] {
            assert_eq!(until(text).unwrap().epoch(), epoch, "{text}");
        }
    }

    #[test]
    fn it_is_shown_in_the_zone_in_which_it_was_written() {
        let written = until("2026-12-10T18:00:00+01:00").unwrap();
        assert_eq!(written.to_string(), "2026-12-10 18:00");
        assert_eq!(written.with_zone(), "2026-12-10 18:00 (UTC+01:00)");
        assert_eq!(until("2027-01-01T09:05:07Z").unwrap().with_zone(), "2027-01-01 09:05:07 (UTC)");
    }

    #[test]
    fn what_is_no_moment_is_refused_with_the_reason() {
        for (text, why) in [
            ("2026-12-10", "has no time, so that nobody knows whether the day itself counts"),
            ("18:00:00", "has no date"),
            ("2026-12-10T18:00:00", "has no zone, so that nobody knows which moment it is"),
        ] {
            assert_eq!(until(text).unwrap_err().0, why);
        }
    }
}
