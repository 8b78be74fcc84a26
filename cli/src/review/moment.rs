//! A moment: RFC 3339 in documents, and a date for people.

use crate::host::zone::{self, zone};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// In whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub(super) struct Moment(Timestamp);

impl Moment {
    /// `None`: no calendar has it.
    pub(super) fn of_epoch(seconds: i64) -> Option<Self> {
        Timestamp::from_second(seconds).ok().map(Self)
    }

    pub(super) fn now() -> Self {
        Self::from(Timestamp::now())
    }

    pub(super) fn epoch(self) -> i64 {
        self.0.as_second()
    }

    /// The whole days from here to a later moment.
    pub(super) fn days_until(self, later: Self) -> i64 {
        (later.epoch() - self.epoch()).max(0) / 86_400
    }

    /// The date in the zone of this host.
    pub(super) fn date(self) -> String {
        zone().to_datetime(self.0).strftime("%F").to_string()
    }

    /// Date and time in the zone of this host.
    pub(super) fn minute(self) -> String {
        zone::minute(self.0)
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self::of_epoch(time.as_second()).unwrap_or(Self(time))
    }
}

impl From<Moment> for String {
    fn from(moment: Moment) -> Self {
        moment.0.to_string()
    }
}

impl TryFrom<String> for Moment {
    type Error = jiff::Error;

    fn try_from(text: String) -> Result<Self, jiff::Error> {
        text.parse().map(Self)
    }
}
