//! The line before an entry, which says how long a log was written.

use crate::host::syslog::stamp::Stamps;
use jiff::Timestamp;

/// The line before in the same file, as far as its stamp may reach.
#[derive(Default)]
pub(super) struct Before(Vec<u8>);

/// The longest stamp, and what follows it: `2026-11-27T14:01:34.146392+00:00 `.
const MAX_STAMP: usize = 40;

impl Before {
    pub(super) fn set(&mut self, line: &[u8]) {
        self.0.clear();
        self.0.extend_from_slice(line.get(..MAX_STAMP).unwrap_or(line));
    }

    /// Its time; `None` if it has none, or there is no such line.
    pub(super) fn time(&self, stamps: &mut Stamps) -> Option<Timestamp> {
        let (raw, _) = stamps.split(&self.0)?;
        stamps.time(raw)
    }
}
