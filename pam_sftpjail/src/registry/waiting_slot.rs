//! Limits how many logins wait in the account phase, where sshd still counts them as starting up.

use super::{DIRECTORY, Registry, failed_at};
use crate::error::Refusal;
use crate::sys::{directory, lock};
use std::os::fd::OwnedFd;

/// A file of [`SLOTS`] bytes, which are locked, not written. No [`UserName`](crate::name::UserName)
/// begins with a hyphen.
pub(super) const FILE: &str = "-waiting";

/// On the whole host. If ten connections have not authenticated yet, sshd drops others at random
/// (MaxStartups, 10:30:100). So most of the ten are left to other users.
const SLOTS: i64 = 4;

/// A slot of a login that waits in the account phase. The kernel frees it with the descriptor, whatever ends
/// the process.
pub(crate) struct WaitingSlot {
    _file: OwnedFd,
}

impl Registry {
    /// Takes a slot. `None`: all are taken.
    pub(crate) fn waiting_slot(&self) -> Result<Option<WaitingSlot>, Refusal> {
        let failed = |errno| failed_at(format!("{DIRECTORY}/{FILE}"), errno);
        let file = directory::open_to_lock(&self.0, FILE.as_ref()).map_err(failed)?;
        for byte in 0..SLOTS {
            if lock::take_byte(&file, byte).map_err(failed)? {
                return Ok(Some(WaitingSlot { _file: file }));
            }
        }
        Ok(None)
    }
}
