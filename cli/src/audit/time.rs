//! Parses the times of `--since` and `--until`, and writes times for people.

use crate::host::zone;
use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};

/// RFC 3339, `YYYY-MM-DD[ HH:MM[:SS]]` in the host's zone, `now`, `today`, `yesterday`, or a time ago,
/// such as `2h` or `3d`.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    of(text, &zone::now())
}

fn of(text: &str, now: &Zoned) -> Result<Timestamp, String> {
    let text = text.trim();
    let begin = |days: i64| {
        let day = now.checked_sub(Span::new().days(days)).and_then(|day| day.start_of_day());
        day.map(|day| day.timestamp()).map_err(|error| error.to_string())
    };
    match text {
        "now" => return Ok(now.timestamp()),
        "today" => return begin(0),
        "yesterday" => return begin(1),
        _ => {}
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Ok(time);
    }
    // jiff takes a blank as well as `T`, but not a date alone.
    let local = text.parse::<DateTime>().ok().or_else(|| {
        let date = text.parse::<jiff::civil::Date>().ok()?;
        Some(date.to_datetime(Time::midnight()))
    });
    if let Some(local) = local {
        let zoned = local.to_zoned(now.time_zone().clone());
        return zoned.map(|zoned| zoned.timestamp()).map_err(|error| error.to_string());
    }
    let ago = text.strip_suffix("ago").unwrap_or(text).trim();
    if ago.starts_with(|c: char| c.is_ascii_digit()) {
        let then = ago.parse::<Span>().and_then(|span| now.checked_sub(span));
        if let Ok(then) = then {
            return Ok(then.timestamp());
        }
    }
    Err("write 2026-11-22, \"2026-11-22 03:04\", 2026-11-22T03:04:05Z, today, yesterday, or 2h or 3d for a time ago"
        .to_owned())
}

/// A time of the zone for people, without its offset.
pub(crate) fn shown(time: Timestamp, zone: &TimeZone) -> String {
    zone.to_datetime(time).strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// Why nothing can be between these two times. Two times ago are easily confused: `--since 3h --until 4h`.
pub(crate) fn reversed(since: Timestamp, until: Timestamp, zone: &TimeZone) -> String {
    let (since, until) = (shown(since, zone), shown(until, zone));
    format!("--since ({since}) is not before --until ({until}); exchange them, or give other times")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> String {
        let zone = jiff::tz::TimeZone::fixed(jiff::tz::offset(1));
        let now = "2024-11-22T03:04:05Z".parse::<Timestamp>().unwrap().to_zoned(zone);
        of(text, &now).map_or_else(|error| error, |time| time.to_string())
    }

    #[test]
    fn every_form_of_the_manual_is_parsed() {
        for (text, expected) in [
            ("2024-11-20T10:00:00Z", "2024-11-20T10:00:00Z"),
            ("2024-11-20T10:00:00.5+02:00", "2024-11-20T08:00:00.5Z"),
            ("2024-11-20", "2024-11-19T23:00:00Z"),
            ("2024-11-20 10:00", "2024-11-20T09:00:00Z"),
            ("2024-11-20 10:00:30", "2024-11-20T09:00:30Z"),
            ("today", "2024-11-21T23:00:00Z"),
            ("yesterday", "2024-11-20T23:00:00Z"),
            ("now", "2024-11-22T03:04:05Z"),
            ("2h", "2024-11-22T01:04:05Z"),
            ("3d", "2024-11-19T03:04:05Z"),
            ("1h 30m ago", "2024-11-22T01:34:05Z"),
            ("2 weeks ago", "2024-11-08T03:04:05Z"),
            (" 10s ", "2024-11-22T03:03:55Z"),
        ] {
            assert_eq!(at(text), expected, "{text}");
        }
    }

    #[test]
    fn anything_else_is_answered_with_the_forms_that_are_accepted() {
        for text in ["", "tomorrow", "-2h", "2x", "2024-13-01", "11/22/2024", "99999999999d", "\u{e9}"] {
            assert!(at(text).starts_with("write 2026-11-22"), "{text}: {}", at(text));
        }
        crate::host::syslog::noise::noise(|bytes| {
            let _ = parse(&String::from_utf8_lossy(bytes));
        });
    }

    #[test]
    fn times_that_are_reversed_are_named_with_what_to_do() {
        let [since, until] = [7200, 3600].map(|second| Timestamp::from_second(second).unwrap());
        assert_eq!(
            reversed(since, until, &TimeZone::UTC),
            "--since (1970-01-01 02:00:00) is not before --until (1970-01-01 01:00:00); exchange them, or give other times"
        );
    }
}
