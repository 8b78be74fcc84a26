//! The sockets with which systemd listens for sshds, and with what it starts these.

use super::Running;
use super::command_line::CommandLine;
use crate::host::systemd::{service, unanswered};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;

/// The names that distributions give the socket of the usual sshd.
const USUAL: [&str; 2] = ["ssh.socket", "sshd.socket"];

/// An active socket of systemd's, while no sshd runs that it has started.
pub(crate) struct Socket {
    /// Its unit.
    pub(crate) unit: String,
    /// The service that it starts.
    pub(crate) service: String,
    pub(crate) ports: BTreeSet<u16>,
    /// Its configuration, if the service starts it with `-f`.
    pub(crate) file: Option<PathBuf>,
    /// The options of the service's command line that change its settings, as arguments for `sshd -T`.
    pub(crate) options: Vec<OsString>,
    /// Whether it is known with what systemd starts the service. Otherwise, file and options are unknown.
    pub(crate) is_known: bool,
}

impl Socket {
    /// Those of all sshds that are not among these, which run; those with the usual names first. The error: systemd does
    /// not answer.
    pub(crate) fn all(running: &[Running]) -> Result<Vec<Self>, Error> {
        let runs = |service: &String| running.iter().any(|sshd| sshd.unit.as_ref() == Some(service));
        let sockets = service::active_sockets().map_err(|error| {
            let Error { what, fix, .. } = unanswered(&error);
            Error::new(format!("which sockets start an sshd is not known: {what}"), fix)
        })?;
        let sockets = sockets.into_iter().filter(|socket| !runs(&socket.service));
        let mut found: Vec<_> = sockets.filter_map(Self::of).collect();
        found.sort_by_key(|socket| (!USUAL.contains(&socket.unit.as_str()), socket.unit.clone()));
        Ok(found)
    }

    /// `None`: it starts another program.
    fn of(socket: service::ActiveSocket) -> Option<Self> {
        let service::ActiveSocket { unit, service, ports } = socket;
        let line = service::command_line(&service).and_then(|words| CommandLine::of_listener(&words));
        let is_sshd = line.as_ref().map(|line| {
            line.program.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"sshd"))
        });
        let is_known = line.is_some();
        let (file, options) = line.map(|line| (line.file, line.options)).unwrap_or_default();
        let is_meant = is_sshd.unwrap_or(false) || USUAL.contains(&unit.as_str());
        is_meant.then_some(Self { unit, service, ports, file, options, is_known })
    }

    /// What it is called in a sentence, together with what it starts.
    pub(crate) fn starts(&self) -> String {
        format!("{} starts {}", escaped(&self.unit), escaped(&self.service))
    }
}
