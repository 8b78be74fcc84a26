//! A row of the output.

use super::queue::{Event, Outcome};

/// An operation and what this host adds to it.
pub(crate) struct Row {
    pub(crate) event: Event,
    /// Where on the host path and target are, if that is not as the log has them.
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) target: Option<Vec<u8>>,
}

impl Row {
    /// On the host, if that is known.
    pub(crate) fn path(&self) -> &[u8] {
        self.path.as_deref().unwrap_or(&self.event.operation.path)
    }

    /// On the host, if that is known.
    pub(crate) fn target(&self) -> Option<&[u8]> {
        self.target.as_deref().or(self.event.operation.target.as_deref())
    }

    /// `ok`, `failed` or `unclear`, and what internal-sftp answered if it was not success.
    pub(crate) fn result(&self) -> (&'static str, Option<&str>) {
        match &self.event.outcome {
            Outcome::Ok => ("ok", None),
            Outcome::Failed(status) => ("failed", Some(status)),
            Outcome::Unclear(status) => ("unclear", Some(status)),
        }
    }
}
