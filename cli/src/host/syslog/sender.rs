//! Who sent an entry of the journal, as journald has seen, and whether that can be who the entry says.

use super::record::{Program, REFUSED, Record};
use std::borrow::Cow;

/// The process that sent an entry of the journal: `_UID` and `_COMM` of systemd.journal-fields(7).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sender<'a> {
    pub(crate) uid: u32,
    /// The pid that the entry itself has, as in a log file; 0 if it has none.
    pub(crate) claimed: u32,
    /// The name of its program, in up to 15 bytes; empty if it had ended before journald looked.
    pub(crate) program: Cow<'a, [u8]>,
}

/// The programs that run internal-sftp, and sftp-server(8) itself.
const SERVERS: [&[u8]; 4] = [b"sshd", b"sshd-session", b"sftp-server", b"internal-sftp"];

impl Record<'_> {
    /// Whether the process that sent it can be the one that it names. Any user may write to the host's `/dev/log` what
    /// they like, under any name; journald notes who it was. Where it does not say so, nothing is concluded.
    pub(crate) fn is_genuine(&self) -> bool {
        let Some(Sender { uid, program, .. }) = &self.sender else { return true };
        // The process had ended before journald looked, as internal-sftp does after its last entry.
        let is_server = program.is_empty() || SERVERS.contains(&program.as_ref());
        match self.program {
            Program::Sftp => is_server,
            // The process that refuses a command is the user's, pam_sftpjail is in root's.
            Program::Sshd if self.message.starts_with(REFUSED.0.as_bytes()) => is_server,
            Program::Sshd => *uid == 0,
            Program::Logger => true,
        }
    }

    /// The pid that the entry itself has, as a log file would show it.
    pub(crate) fn claimed_pid(&self) -> u32 {
        self.sender.as_ref().map_or(self.pid, |sender| sender.claimed)
    }

    /// The same, without its line.
    pub(crate) fn into_owned(self) -> Record<'static> {
        let owned = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let sender = self.sender.map(|Sender { uid, claimed, program }| Sender {
            uid,
            claimed,
            program: owned(program),
        });
        let (host, message) = (owned(self.host), owned(self.message));
        Record { time: self.time, host, program: self.program, pid: self.pid, message, sender }
    }
}
