//! Whether an entry of the journal comes from where it says. Any user may write to the host's `/dev/log` what they
//! like, under any name; journald notes who it was.
//!
//! A log file does not say who wrote an entry, so nothing is concluded from one. Nor is anything from a program that
//! journald does not name: its process had ended before journald looked, as internal-sftp does after its last entry.

use super::message::Message;
use crate::host::syslog::record::{Record, Sender};
use nix::unistd::Uid;
use pam_sftpjail::nss::User;
use std::collections::HashMap;

/// How many of these are remembered.
const MAX_KNOWN: usize = 10_000;

/// Whether uids are those of other users, as far as that has been looked up.
#[derive(Debug, Default)]
pub(crate) struct Uids(HashMap<(String, u32), bool>);

impl Uids {
    /// Whether the uid is another existing user's. One that is nobody's may have been this user's at that time.
    fn is_of_other(&mut self, uid: u32, user: &str) -> bool {
        let key = (user.to_owned(), uid);
        if let Some(known) = self.0.get(&key) {
            return *known;
        }
        let own = User::by_name(user).ok().flatten().map(|user| user.uid);
        let exists = || matches!(User::by_uid(Uid::from_raw(uid)), Ok(Some(_)));
        let is_of_other = own.is_some_and(|own| own.as_raw() != uid) && exists();
        if self.0.len() < MAX_KNOWN {
            self.0.insert(key, is_of_other);
        }
        is_of_other
    }
}

/// Whether another process wrote the entry. `message`: what it says, if it is internal-sftp's. `is_here`: whether it is
/// an entry of this host, whose users can be looked up.
pub(crate) fn is_forged(
    record: &Record<'_>,
    message: Option<&Message>,
    uids: &mut Uids,
    is_here: bool,
) -> bool {
    let Some(Sender { uid, .. }) = &record.sender else { return false };
    let is_of_other = match message {
        // internal-sftp runs as the user that it names.
        Some(Message::Opened { user, .. } | Message::Closed { user, .. }) if is_here => {
            uids.is_of_other(*uid, user)
        }
        _ => false,
    };
    is_of_other || !record.is_genuine()
}
