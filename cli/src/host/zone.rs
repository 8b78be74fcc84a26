//! The time zone of this host. sshd and rsyslogd go by it, whatever zone the environment of an admin names (TZ).

use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};
use std::fs;
use std::sync::OnceLock;

/// tzset(3): where it is missing, or is none, the zone is UTC.
const FILE: &str = "/etc/localtime";

/// The zone that processes have which root has not given another one.
pub(crate) fn zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let read = || fs::read(FILE).ok().and_then(|bytes| TimeZone::tzif(FILE, &bytes).ok());
    ZONE.get_or_init(|| read().unwrap_or(TimeZone::UTC)).clone()
}

/// A moment for people, such as `2026-12-10 18:00`.
pub(crate) fn minute(at: Timestamp) -> String {
    zone().to_datetime(at).strftime("%F %H:%M").to_string()
}

/// Now, by the clock on the wall.
pub(crate) fn now() -> Zoned {
    Timestamp::now().to_zoned(zone())
}

/// The moment so many seconds after the epoch. It ends at the last one of the calendar, in December 9999: people write
/// such an end for "never", and it is one all the same.
pub(crate) fn moment(seconds: i64) -> Timestamp {
    let nearest = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
    Timestamp::from_second(nearest).unwrap_or(Timestamp::UNIX_EPOCH)
}
