//! A row of the output, whatever its form.

use super::queue::{Event, Outcome};

/// An operation, and its paths on the host.
pub(crate) struct Row {
    pub(crate) event: Event,
    /// The path on the host, if it differs from the path in the log.
    pub(crate) path: Option<Vec<u8>>,
    /// The same for the target.
    pub(crate) target: Option<Vec<u8>>,
}

impl Row {
    /// The path on the host if it is known, or else the path in the log.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.as_deref().unwrap_or(&self.event.operation.path)
    }

    /// The same for the target.
    pub(crate) fn target(&self) -> Option<&[u8]> {
        self.target.as_deref().or(self.event.operation.target.as_deref())
    }

    /// `ok`, `failed` or `unclear`, and internal-sftp's answer if that was not success.
    pub(crate) fn result(&self) -> (&'static str, Option<&str>) {
        match &self.event.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Failed(status) => ("failed", Some(status)),
            Outcome::Unclear(status) => ("unclear", Some(status)),
        }
    }
}
