//! Log entries as plain data, which programs they are of, and whether who sent one can be who it says.

use jiff::Timestamp;
use std::borrow::Cow;

/// A log entry of one of the programs below.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    pub(crate) time: Timestamp,
    pub(crate) host: Cow<'a, [u8]>,
    pub(crate) program: Program,
    /// 0 if the entry has none. Of an entry of the journal with a `sender` it is the pid that journald has seen,
    /// whatever the sender says.
    pub(crate) pid: u32,
    pub(crate) message: Cow<'a, [u8]>,
    /// Who sent it, as journald has seen. A log file does not say that, and root's syslog daemon passes on what others
    /// sent.
    pub(crate) sender: Option<Sender<'a>>,
}

/// The program that wrote an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Program {
    /// internal-sftp or sftp-server.
    Sftp,
    /// pam_sftpjail, and sshd, under whose name it logs: those entries of sshd's that matter.
    Sshd,
    /// rsyslogd or systemd-journald.
    Logger,
}

/// How an entry of sshd begins and ends that reports a refused command, since users may run internal-sftp only.
pub(crate) const REFUSED: (&str, &str) = ("error: Connection from user ", ": refusing non-sftp session");

pub(super) fn program(name: &[u8]) -> Option<Program> {
    match name {
        b"internal-sftp" | b"sftp-server" => Some(Program::Sftp),
        // Since OpenSSH 9.8, sessions have a binary of their own.
        b"sshd" | b"sshd-session" => Some(Program::Sshd),
        // Old versions add a number: rsyslogd-2177.
        _ if name.starts_with(b"rsyslogd") || name.starts_with(b"systemd-journal") => Some(Program::Logger),
        _ => None,
    }
}

/// Whether it is an entry of pam_sftpjail, or says why nothing ran in a session. Most entries of sshd are others, such
/// as "Accepted …".
pub(super) fn matters(message: &[u8]) -> bool {
    let (begin, end) = REFUSED;
    message.starts_with(b"pam_sftpjail(")
        || (message.starts_with(begin.as_bytes()) && message.ends_with(end.as_bytes()))
        || is_chroot_failure(message)
}

/// Whether sshd says that it could not chroot the process of a session (session.c, safely_chroot). All of these
/// messages have the word. Before the user is authenticated, sshd chroots another process.
pub(crate) fn is_chroot_failure(message: &[u8]) -> bool {
    message.starts_with(b"fatal: ")
        && !message.ends_with(b" [preauth]")
        && memchr::memmem::find(message, b"chroot").is_some()
}

pub(super) fn number<T: std::str::FromStr>(digits: &[u8]) -> Option<T> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// The process that sent an entry of the journal: `_UID` and `_COMM` of systemd.journal-fields(7).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sender<'a> {
    pub(crate) uid: u32,
    /// The pid that the entry itself has; 0 if it has none.
    pub(crate) claimed: u32,
    /// Whether it came by the journal's own protocol, in which the sender names all fields: sd_journal_send(3).
    pub(crate) is_native: bool,
    /// The name of its program, in up to 15 bytes; empty if it had ended before journald looked.
    pub(crate) program: Cow<'a, [u8]>,
}

/// The programs that run internal-sftp, and sftp-server(8) itself.
const SERVERS: [&[u8]; 4] = [b"sshd", b"sshd-session", b"sftp-server", b"internal-sftp"];

impl Record<'_> {
    /// Whether the process that sent it can be the one that it names. Any user may write to the host's `/dev/log` what
    /// they like, under any name; journald notes who it was. Where it does not say so, nothing is concluded.
    pub(crate) fn is_genuine(&self) -> bool {
        let Some(Sender { uid, program, claimed, .. }) = &self.sender else { return true };
        // The process had ended before journald looked, as internal-sftp does after its last entry. Anybody may name a
        // program so, but internal-sftp names its own pid: syslog(3) does.
        let is_server =
            (program.is_empty() || SERVERS.contains(&program.as_ref())) && [0, self.pid].contains(claimed);
        match self.program {
            Program::Sftp => is_server,
            // The process that refuses a command is the user's, pam_sftpjail is in root's.
            Program::Sshd if self.message.starts_with(REFUSED.0.as_bytes()) => is_server,
            Program::Sshd => *uid == 0,
            Program::Logger => true,
        }
    }

    /// The pid that a log file shows, where journald has passed the entry on: what the sender has named or, of an entry
    /// that came by the journal's own protocol, that of the process (server_forward_syslog of systemd's
    /// journald-syslog.c).
    pub(crate) fn pid_in_file(&self) -> u32 {
        match &self.sender {
            Some(sender) if !sender.is_native => sender.claimed,
            _ => self.pid,
        }
    }

    /// The same, without its line.
    pub(crate) fn into_owned(self) -> Record<'static> {
        let owned = |text: Cow<'_, [u8]>| Cow::Owned(text.into_owned());
        let sender = self.sender.map(|sender| Sender { program: owned(sender.program), ..sender });
        let (host, message) = (owned(self.host), owned(self.message));
        Record { time: self.time, host, program: self.program, pid: self.pid, message, sender }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &[u8] = b"error: Connection from user anna 192.0.2.7 port 22: refusing non-sftp session";

    #[test]
    fn of_sshd_only_what_became_of_a_session_matters() {
        for (message, expected) in [
            (COMMAND, true),
            (b"pam_sftpjail(sshd:session): opened", true),
            (b"fatal: safely_chroot: stat(\"/jail\"): No such file [postauth]", true),
            (b"fatal: chroot(\"/run/sshd\"): Operation not permitted [preauth]", false),
            (b"error: Connection from user anna 192.0.2.7 port 22: refusing previously-used session", false),
            (b"Accepted publickey for anna: refusing non-sftp session", false),
            (b"error: chroot", false),
            (b"", false),
        ] {
            assert_eq!(matters(message), expected, "{}", String::from_utf8_lossy(message));
        }
    }

    fn is_genuine(
        by: Program,
        message: &'static [u8],
        uid: u32,
        program: &'static [u8],
        claimed: u32,
    ) -> bool {
        let sender = Sender { uid, claimed, is_native: false, program: program.into() };
        let (time, host) = (Timestamp::UNIX_EPOCH, Cow::Borrowed(&b"h"[..]));
        Record { time, host, program: by, pid: 7, message: message.into(), sender: Some(sender) }.is_genuine()
    }

    /// Anybody may write to /dev/log under any name.
    #[test]
    fn what_a_user_writes_under_the_name_of_sshd_is_not_genuine() {
        let module = b"pam_sftpjail(sshd:session): opened";
        for (program, message, expected) in [
            // The process of the session is the user's, and internal-sftp has often ended.
            (Program::Sftp, &b"open"[..], [true, true, true, false, false]),
            (Program::Sshd, COMMAND, [true, true, true, false, false]),
            (Program::Sshd, module, [false, false, false, false, true]),
            (Program::Logger, b"imuxsock lost 5 messages", [true, true, true, true, true]),
        ] {
            let senders = [
                (1000, &b"sshd-session"[..], 0),
                (1000, b"sftp-server", 7),
                (1000, b"", 7),
                (1000, b"", 8),
                (0, b"logger", 7),
            ];
            let found = senders.map(|(uid, name, claimed)| is_genuine(program, message, uid, name, claimed));
            assert_eq!(found, expected, "{program:?} {}", String::from_utf8_lossy(message));
        }
    }
}
