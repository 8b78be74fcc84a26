//! The socket with which systemd listens for sshd, and with what it starts it.

use super::command_line::CommandLine;
use crate::host::systemd::service;
use std::ffi::OsString;
use std::path::PathBuf;

/// An active socket of systemd's, while no sshd runs.
pub(crate) struct Socket {
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The service that it starts.
    pub(crate) service: String,
    /// Its configuration, if the service starts it with `-f`.
    pub(crate) file: Option<PathBuf>,
    /// The options of the service's command line that change its settings, as arguments for `sshd -T`.
    pub(crate) options: Vec<OsString>,
    /// Whether systemd says with what it starts the service. Without that, file and options are unknown.
    pub(crate) is_known: bool,
}

impl Socket {
    pub(crate) fn find() -> Option<Self> {
        let (unit, service) = service::active_socket()?;
        let line = service::command_line(&service).and_then(|words| CommandLine::of_listener(&words));
        let is_known = line.is_some();
        let (file, options) = line.map(|line| (line.file, line.options)).unwrap_or_default();
        Some(Self { unit, service, file, options, is_known })
    }
}
