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

/// Now, by the clock on the wall.
pub(crate) fn now() -> Zoned {
    Timestamp::now().to_zoned(zone())
}
