//! Checks that the log has the entries that a session should leave.

use super::expected::Expected;
use super::judge::Judgement;
use crate::host::room::{Writer, shortage};
use crate::host::syslog::recent::{Entries, Recent};
use crate::host::syslog::record::{Program, Record};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::time::{Duration, Instant};

/// Where syslog daemons and journald keep logs.
const LOGS: &str = "/var/log";

/// How long to wait for the entries. A syslog daemon is faster.
const PATIENCE: Duration = Duration::from_secs(4);

/// The log entries since before the login.
pub(super) struct Log(Recent);

/// A session whose entries are looked for.
pub(super) struct LoggedSession<'a> {
    /// The pid of sshd's monitor.
    pub(super) server: u32,
    /// Names of directories that the user made, or tried to make.
    pub(super) names: &'a [String],
}

/// The entries that were found, each with the name of its log.
#[derive(Default)]
struct Found {
    opened: Option<String>,
    closed: Option<String>,
    /// What the user did, from internal-sftp.
    activity: Option<String>,
    /// The module's own measurement, in µs.
    microseconds: Option<u64>,
    /// Why logs could not be read.
    unread: Vec<String>,
}

impl Log {
    /// The entries from now on.
    pub(super) fn from_now() -> Self {
        Self(Recent::from_now())
    }

    /// Waits until every entry is there, for a while. Gives the judgement, and the time that the module took, in µs.
    pub(super) fn judge(&self, session: &LoggedSession<'_>, expected: &Expected) -> (Judgement, Option<u64>) {
        let start = Instant::now();
        let mut found = Found::default();
        let mut wait = Duration::from_millis(10);
        while start.elapsed() < PATIENCE {
            found = self.entries(session);
            let activity = found.activity.is_some() || !expected.log || session.names.is_empty();
            if found.opened.is_some() && found.closed.is_some() && activity {
                break;
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(Duration::from_millis(500));
        }
        (judgement(&found, session, expected), found.microseconds)
    }

    fn entries(&self, session: &LoggedSession<'_>) -> Found {
        let Entries { all, unread } = self.0.entries();
        let mut found = Found { unread, ..Found::default() };
        for (log, record) in all {
            found.add(log, &record, session);
        }
        found
    }
}

impl Found {
    /// Takes the entry, if it is one of the session's.
    fn add(&mut self, log: &str, record: &Record<'_>, session: &LoggedSession<'_>) {
        let message = String::from_utf8_lossy(&record.message);
        let here = || Some(log.to_owned());
        let is_of_module = record.pid == session.server && message.starts_with("pam_sftpjail(");
        match record.program {
            Program::Sshd if is_of_module && message.contains("): session opened for user ") => {
                self.opened = self.opened.take().or_else(here);
                let measured =
                    message.rsplit_once(" setup_us=").and_then(|(_, number)| number.trim().parse().ok());
                self.microseconds = self.microseconds.or(measured);
            }
            Program::Sshd if is_of_module && message.contains("): session closed for user ") => {
                self.closed = self.closed.take().or_else(here);
            }
            Program::Sftp if session.names.iter().any(|name| message.contains(name)) => {
                self.activity = self.activity.take().or_else(here);
            }
            _ => {}
        }
    }
}

fn judgement(found: &Found, session: &LoggedSession<'_>, expected: &Expected) -> Judgement {
    let mut missing = Vec::new();
    if found.opened.is_none() {
        missing.push("for pam_sftpjail's `session opened`");
    }
    if found.closed.is_none() {
        missing.push("for pam_sftpjail's `session closed`");
    }
    if expected.log && found.activity.is_none() && !session.names.is_empty() {
        missing.push("for the user's actions, from internal-sftp");
    }
    if !missing.is_empty() {
        let is_unread = UnixDatagram::unbound().and_then(|socket| socket.connect("/dev/log")).is_err();
        if is_unread && !expected.log {
            return Ok(
                "none: no syslog daemon listens at /dev/log, and the profile says log = false".to_owned()
            );
        }
        let cause = match shortage(Path::new(LOGS), Writer::Root) {
            _ if is_unread => "no syslog daemon listens at /dev/log; ".to_owned(),
            Some(shortage) => format!("the filesystem of {LOGS} has {shortage} left; "),
            None => String::new(),
        };
        let unread: String = found.unread.iter().map(|why| format!("; {why}")).collect();
        return Err(format!("{cause}there are no log entries {}{unread}", missing.join(", ")));
    }
    let module = found.opened.as_deref().unwrap_or_default();
    Ok(match (&found.activity, expected.log) {
        (Some(log), true) if log == module => format!("{log} has the session and the user's actions"),
        (Some(log), true) => format!("{module} has the session, {log} the user's actions"),
        (Some(log), false) => format!("{log} has the user's actions, though the profile says log = false"),
        (None, true) => format!("{module} has the session; there were no actions to log"),
        (None, false) => format!("{module} has the session; the profile says log = false"),
    })
}
