//! The socket with which systemd listens for sshd, and with what it starts it.

use super::command_line::CommandLine;
use crate::host::systemd::service;
use std::ffi::OsString;

/// An active socket of systemd's, while no sshd runs.
pub(crate) struct Socket {
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The service that it starts.
    pub(crate) service: String,
    /// The options of the service's command line that change its settings, as arguments for `sshd -T`.
    pub(crate) options: Vec<OsString>,
}

impl Socket {
    pub(crate) fn find() -> Option<Self> {
        let (unit, service) = service::active_socket()?;
        let line = service::command_line(&service).and_then(|words| CommandLine::of_listener(&words));
        let options = line.map_or_else(Vec::new, |line| line.options);
        Some(Self { unit, service, options })
    }
}
