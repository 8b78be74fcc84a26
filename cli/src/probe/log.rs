//! Whether the log has what it should have of a session.

use super::expected::Expected;
use super::judge::Judgement;
use crate::host::syslog::recent::Recent;
use std::os::unix::net::UnixDatagram;
use std::time::{Duration, Instant};

/// A syslog daemon needs less.
const PATIENCE: Duration = Duration::from_secs(4);

/// The log from before the login on.
pub(super) struct Log(Recent);

/// What is looked for.
pub(super) struct Traces<'a> {
    /// The pid of sshd's monitor.
    pub(super) server: u32,
    /// Names of directories that were made, or tried to be.
    pub(super) names: &'a [String],
}

/// What there is.
#[derive(Default)]
struct Found {
    opened: Option<String>,
    closed: Option<String>,
    /// The log that has it.
    activity: Option<String>,
    /// The module's own measurement, in µs.
    microseconds: Option<u64>,
}

impl Log {
    /// From now on.
    pub(super) fn from_now() -> Self {
        Self(Recent::from_now())
    }

    /// Looks until everything is there or the time is over: the judgement, and the module's own part of
    /// the login, in µs.
    pub(super) fn judge(&self, traces: &Traces<'_>, expected: &Expected) -> (Judgement, Option<u64>) {
        let start = Instant::now();
        let mut found = Found::default();
        let mut wait = Duration::from_millis(10);
        while start.elapsed() < PATIENCE {
            found = self.look(traces);
            let activity = found.activity.is_some() || !expected.log || traces.names.is_empty();
            if found.opened.is_some() && found.closed.is_some() && activity {
                break;
            }
            std::thread::sleep(wait);
            wait = (wait * 2).min(Duration::from_millis(500));
        }
        (judgement(&found, traces, expected), found.microseconds)
    }

    fn look(&self, traces: &Traces<'_>) -> Found {
        let mut found = Found::default();
        for (place, text) in self.0.entries() {
            found.take(place, &text, traces);
        }
        found
    }
}

impl Found {
    fn take(&mut self, place: &str, text: &str, traces: &Traces<'_>) {
        let module = format!("[{}]: pam_sftpjail(", traces.server);
        for line in text.lines() {
            let here = || Some(place.to_owned());
            if line.contains(&module) && line.contains("): session opened for user ") {
                self.opened = self.opened.take().or_else(here);
                let measured =
                    line.rsplit_once(" setup_us=").and_then(|(_, number)| number.trim().parse().ok());
                self.microseconds = self.microseconds.or(measured);
            } else if line.contains(&module) && line.contains("): session closed for user ") {
                self.closed = self.closed.take().or_else(here);
            } else if line.contains("internal-sftp[") && traces.names.iter().any(|name| line.contains(name)) {
                self.activity = self.activity.take().or_else(here);
            }
        }
    }
}

fn judgement(found: &Found, traces: &Traces<'_>, expected: &Expected) -> Judgement {
    let mut missing = Vec::new();
    if found.opened.is_none() {
        missing.push("pam_sftpjail's line `session opened`");
    }
    if found.closed.is_none() {
        missing.push("pam_sftpjail's line `session closed`");
    }
    if expected.log && found.activity.is_none() && !traces.names.is_empty() {
        missing.push("what the user did, from internal-sftp");
    }
    if !missing.is_empty() {
        let is_dead = UnixDatagram::unbound().and_then(|socket| socket.connect("/dev/log")).is_err();
        let dead = if is_dead { "nobody listens at /dev/log; " } else { "" };
        return Err(format!("{dead}in no log is {}", missing.join(", ")));
    }
    let module = found.opened.as_deref().unwrap_or_default();
    Ok(match (&found.activity, expected.log) {
        (Some(place), true) if place == module => format!("{place} has the session and what the user did"),
        (Some(place), true) => format!("{module} has the session, {place} what the user did"),
        (Some(place), false) => format!("{place} has what the user did, though the profile has no log"),
        (None, true) => format!("{module} has the session; nothing else could be done"),
        (None, false) => format!("{module} has the session; the profile has no log of what users do"),
    })
}
