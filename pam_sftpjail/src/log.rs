//! Writes the log entries of the module, and of the program's verbs, to syslog, one line each. It keeps no connection open.
//!
//! The stock formatter of the `syslog` crate stamps UTC without saying so. These lines have no time, so
//! that the daemon adds its own. They have the prefix that pam_syslog(3) gives:
//! `pam_sftpjail(sshd:session): …`.
#![forbid(unsafe_code)]

use crate::application;
use crate::error::Phase;
use crate::escape::escaped;
use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::time::Duration;
use syslog::{Facility, LogFormat, Logger, LoggerBackend, Severity};

/// How long the daemon may take to make room for a line. syslog(3) waits for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// The log of one call of a hook, or of a verb.
pub struct Log {
    writer: Writer,
    debug: bool,
}

/// Who writes.
enum Writer {
    Hook {
        /// The PAM service, escaped.
        service: String,
        phase: Phase,
    },
    Verb(&'static str),
}

impl Log {
    /// For a hook that `service` called. With `debug`, debug lines are written, too.
    pub fn new(service: &str, phase: Phase, debug: bool) -> Self {
        Self { writer: Writer::Hook { service: escaped(service).to_string(), phase }, debug }
    }

    /// For a verb of the program.
    pub fn of_verb(name: &'static str) -> Self {
        Self { writer: Writer::Verb(name), debug: false }
    }

    /// Looks up the application only when there is something to log; most calls of a hook log nothing.
    fn formatter(&self) -> PamLine {
        let pid = std::process::id();
        let prefix = match &self.writer {
            Writer::Hook { service, phase } => {
                let application = application::name().unwrap_or(service);
                format!("{application}[{pid}]: pam_sftpjail({service}:{})", phase.word())
            }
            Writer::Verb(name) => format!("sftpjail[{pid}]: {name}"),
        };
        PamLine { prefix }
    }

    /// For an unusable configuration.
    pub fn critical(&self, event: impl Display) {
        self.send(Severity::LOG_CRIT, event);
    }

    /// For a failure that an admin must fix.
    pub fn error(&self, event: impl Display) {
        self.send(Severity::LOG_ERR, event);
    }

    /// For a refused login, a session that was ended, and what an admin has changed.
    pub fn notice(&self, event: impl Display) {
        self.send(Severity::LOG_NOTICE, event);
    }

    /// For a session that was opened or closed.
    pub fn info(&self, event: impl Display) {
        self.send(Severity::LOG_INFO, event);
    }

    /// Whether debug lines are written.
    pub(crate) fn has_debug(&self) -> bool {
        self.debug
    }

    /// Written only with the module argument `debug`.
    pub fn debug(&self, event: impl Display) {
        if self.debug {
            self.send(Severity::LOG_DEBUG, event);
        }
    }

    /// Connects again for each line, so that no descriptor stays in the process. Tries twice, since a call may fail for
    /// a signal, or for a moment without memory. Without a syslog on the host, or where its daemon is stopped, the line is
    /// lost.
    fn send(&self, severity: Severity, event: impl Display) {
        let formatter = self.formatter();
        let sent = || {
            let Logger { mut backend, formatter } = syslog::unix(formatter.clone())?;
            if let LoggerBackend::Unix(socket) = &backend {
                // An error is ignored: then the line waits, as with syslog(3).
                let _ = socket.set_write_timeout(Some(PATIENCE));
            }
            formatter.format(&mut backend, severity, &event)
        };
        let _lost = sent().or_else(|error| match error {
            syslog::Error::Write(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            _ => sent(),
        });
    }
}

/// RFC 3164 as glibc's syslog(3) writes it to `/dev/log`, without the time.
#[derive(Clone)]
struct PamLine {
    prefix: String,
}

impl<T: Display> LogFormat<T> for PamLine {
    fn format<W: Write>(&self, w: &mut W, severity: Severity, message: T) -> syslog::Result<()> {
        let priority = Facility::LOG_AUTHPRIV as u8 | severity as u8;
        write!(w, "<{priority}>{}: {message}", self.prefix).map_err(syslog::Error::Write)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_argument_turns_debug_lines_on() {
        assert!(Log::new("sshd", Phase::Session, true).has_debug());
        assert!(!Log::new("sshd", Phase::Session, false).has_debug());
        assert!(!Log::of_verb("reap").has_debug());
    }

    #[test]
    fn a_line_is_what_pam_syslog_would_have_sent() {
        let mut line = Vec::new();
        let formatter = PamLine { prefix: "sshd[7]: pam_sftpjail(sshd:session)".into() };
        formatter.format(&mut line, Severity::LOG_INFO, "session opened").unwrap();
        assert_eq!(line, b"<86>sshd[7]: pam_sftpjail(sshd:session): session opened");
    }
}
