//! The `expiry-time=` of a key. Mirrors parse_absolute_time of OpenSSH's misc.c.

use jiff::civil::DateTime;
use jiff::tz::{Dst, TimeZone};
use jiff::{Timestamp, Zoned};

/// When a key ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Expiry {
    at: DateTime,
    /// Whether `at` is UTC, which sshd reads since OpenSSH 9.1. If not, it is in the zone of this host.
    pub(crate) is_utc: bool,
}

impl Expiry {
    /// Reads `YYYYMMDD`, `YYYYMMDDHHMM` or `YYYYMMDDHHMMSS`, with or without `Z` or `UTC`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let upper = text.to_ascii_uppercase();
        let utc = upper.strip_suffix('Z').or_else(|| upper.strip_suffix("UTC"));
        let digits = utc.unwrap_or(&upper);
        if ![8, 12, 14].contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |from: usize, to: usize| match digits.get(from..to) {
            Some(digits) => digits.parse::<i16>().ok(),
            None => Some(0),
        };
        let small = |from: usize| i8::try_from(number(from, from + 2)?).ok();
        let at =
            DateTime::new(number(0, 4)?, small(4)?, small(6)?, small(8)?, small(10)?, small(12)?, 0).ok()?;
        Some(Self { at, is_utc: utc.is_some() })
    }

    /// The moment, where this host is in `zone`. sshd takes a time without `Z` for the zone's standard time, in summer,
    /// too: mktime(3) with `tm_isdst` 0.
    pub(crate) fn moment(self, zone: &TimeZone) -> Option<Zoned> {
        if self.is_utc {
            return self.at.to_zoned(TimeZone::UTC).ok();
        }
        let near = self.at.to_zoned(zone.clone()).ok()?.timestamp();
        let standard = match zone.to_offset_info(near).dst() {
            Dst::No => zone.to_offset(near),
            Dst::Yes => standard(zone, near)?,
        };
        Some(standard.to_timestamp(self.at).ok()?.to_zoned(zone.clone()))
    }
}

/// The offset of the standard time that is nearest to a moment in summer.
fn standard(zone: &TimeZone, near: Timestamp) -> Option<jiff::tz::Offset> {
    let mut transitions = zone.following(near).take(2).chain(zone.preceding(near).take(2));
    transitions.find(|transition| transition.dst() == Dst::No).map(|transition| transition.offset())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moment(text: &str, zone: &str) -> Option<String> {
        Some(Expiry::parse(text)?.moment(&TimeZone::get(zone).unwrap())?.timestamp().to_string())
    }

    /// As `date` says after ssh-keygen and sshd have read them.
    #[test]
    fn a_time_is_that_of_sshd_in_winter_and_in_summer() {
        for (text, zone, expected) in [
            ("20261210", "Europe/Berlin", "2026-12-09T23:00:00Z"),
            ("202612101800", "Europe/Berlin", "2026-12-10T17:00:00Z"),
            ("202607101800", "Europe/Berlin", "2026-07-10T17:00:00Z"),
            ("202601101800", "Australia/Lord_Howe", "2026-01-10T07:30:00Z"),
            ("20260710180030", "UTC", "2026-07-10T18:00:30Z"),
            ("202607101800z", "Europe/Berlin", "2026-07-10T18:00:00Z"),
            ("20260710utc", "Europe/Berlin", "2026-07-10T00:00:00Z"),
        ] {
            assert_eq!(moment(text, zone).as_deref(), Some(expected), "{text} {zone}");
        }
        for text in ["2026", "20261310", "2026121018", "20261210T18", "+0261210", "202612101860", "Z", ""] {
            assert_eq!(Expiry::parse(text), None, "{text}");
        }
    }
}
