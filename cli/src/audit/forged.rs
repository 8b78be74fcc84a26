//! Whether an entry of the journal comes from where it says. Any user may write to the host's `/dev/log` what they like,
//! under any name; journald notes who it was.
//!
//! A log file does not say who wrote an entry, so nothing is concluded from one. Nor is anything from a program that
//! journald does not name: its process had ended before journald looked, as internal-sftp does after its last entry.

use super::message::Message;
use crate::host::syslog::record::{Program, REFUSED, Record, Sender};
use pam_sftpjail::nss::User;
use std::collections::HashMap;

/// The programs that run internal-sftp, and sftp-server(8) itself.
const SERVERS: [&[u8]; 4] = [b"sshd", b"sshd-session", b"sftp-server", b"internal-sftp"];

/// How many uids are remembered.
const MAX_KNOWN: usize = 10_000;

/// The uids of users, as far as they have been looked up.
#[derive(Debug, Default)]
pub(crate) struct Uids(HashMap<String, Option<u32>>);

impl Uids {
    /// `None`: there is no such user now, or no answer.
    fn of(&mut self, user: &str) -> Option<u32> {
        if let Some(uid) = self.0.get(user) {
            return *uid;
        }
        let uid = User::by_name(user).ok().flatten().map(|user| user.uid.as_raw());
        if self.0.len() < MAX_KNOWN {
            self.0.insert(user.to_owned(), uid);
        }
        uid
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
    let Some(Sender { uid, program }) = &record.sender else { return false };
    let is_server = program.is_empty() || SERVERS.contains(&program.as_ref());
    match (record.program, message) {
        // internal-sftp runs as the user whom it names.
        (Program::Sftp, Some(Message::Opened { user, .. } | Message::Closed { user, .. })) if is_here => {
            !is_server || uids.of(user).is_some_and(|own| own != *uid)
        }
        (Program::Sftp, _) => !is_server,
        // The process that refuses a command is the user's, pam_sftpjail is in root's.
        (Program::Sshd, _) if record.message.starts_with(REFUSED.0.as_bytes()) => !is_server,
        (Program::Sshd, _) => *uid != 0,
        (Program::Logger, _) => false,
    }
}
