//! Exit statuses, which are the same for every verb.

use super::error::errno;
use serde::{Deserialize, Serialize};
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// How a verb ends. In JSON, the `status` of the document or of a user.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Ok,
    /// The admin keeps a user out, and nothing else is wrong.
    CannotLogIn,
    Problems,
    Unchecked,
    InNoProfile,
}

impl From<Status> for ExitCode {
    fn from(status: Status) -> Self {
        Self::from(match status {
            Status::Ok => 0,
            Status::CannotLogIn | Status::Problems => 1,
            Status::Unchecked => 2,
            Status::InNoProfile => 3,
        })
    }
}

impl Status {
    /// The exit status of a verb whose report was written to `out` with the result `written`. A reader that closes
    /// the pipe early does not change it; any other error is returned, as a sentence.
    pub(crate) fn after(self, written: io::Result<()>, out: &mut impl Write) -> io::Result<Self> {
        match written.and_then(|()| out.flush()) {
            Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(unwritten(&error)),
            _ => Ok(self),
        }
    }
}

/// Why the report is not all there.
pub(crate) fn unwritten(error: &io::Error) -> io::Error {
    io::Error::other(format!("the output could not be written: {}; write it somewhere else", errno(error)))
}
