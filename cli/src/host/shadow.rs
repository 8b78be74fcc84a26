//! Reads the shadow entry of an account: shadow(5).

use super::accounts::getent;
use std::io;

/// A shadow entry. Days are counted since 1970-01-01; `None`: the field is empty.
pub(crate) struct Shadow {
    /// The hash, or what stands in its place. It is never printed.
    pub(crate) password: String,
    pub(crate) last_change: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) inactive: Option<i64>,
    pub(crate) expire: Option<i64>,
}

impl Shadow {
    /// Reads that of a user. Only root can. `None`: NSS has no entry.
    pub(crate) fn of(name: &str) -> io::Result<Option<Self>> {
        Ok(getent("shadow", Some(name))?.lines().next().and_then(Self::parse))
    }

    /// Parses a line of shadow(5).
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.trim_end().split(':').collect();
        let days = |i: usize| fields.get(i).and_then(|f| f.parse().ok()).filter(|days| *days >= 0);
        Some(Self {
            password: (*fields.get(1)?).to_owned(),
            last_change: days(2),
            maximum: days(4),
            inactive: days(6),
            expire: days(7),
        })
    }
}
