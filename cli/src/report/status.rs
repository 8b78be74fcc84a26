//! Exit statuses.

use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// What a verb ends with. In JSON it is the document's `status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Ok,
    Problems,
    Unchecked,
    InNoProfile,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Ok => 0,
            Status::Problems => 1,
            Status::Unchecked => 2,
            Status::InNoProfile => 3,
        })
    }
}

impl Status {
    /// The exit status of a verb that has written its report to `out`, with what came of that. A reader
    /// that has closed the pipe does not change the status.
    pub(crate) fn after(self, written: io::Result<()>, out: &mut impl Write) -> io::Result<Self> {
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error),
            _ => Ok(self),
        }
    }
}
