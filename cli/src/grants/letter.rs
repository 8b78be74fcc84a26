//! What a user needs to know for the first login, to be sent by whatever way the admin trusts.

use crate::host::sshd::effective::Settings;
use crate::report::terminal::wrapped;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Fingerprint;
use serde::Serialize;
use std::fs;
use std::io::{self, Write};
use std::path::Path;

#[derive(Serialize)]
pub(super) struct Letter {
    host: String,
    /// What sshd listens on; empty: unknown.
    ports: Vec<String>,
    user: String,
    /// As a client shows them before it connects for the first time; empty: unknown.
    host_keys: Vec<HostKey>,
    /// In the jail.
    folder: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
}

#[derive(Serialize)]
struct HostKey {
    #[serde(rename = "type")]
    kind: String,
    fingerprint: String,
}

impl Letter {
    /// `settings`: sshd's for the user, if it answers.
    pub(super) fn new(settings: Option<&Settings>, user: &str, at: &Path, until: Option<String>) -> Self {
        let all = |keyword| settings.iter().flat_map(|settings| settings.all(keyword)).collect::<Vec<_>>();
        let host_keys = all("HostKey").into_iter().filter_map(HostKey::read).collect();
        Self {
            host: fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned(),
            ports: all("Port").into_iter().map(str::to_owned).collect(),
            user: user.to_owned(),
            host_keys,
            folder: at.to_string_lossy().into_owned(),
            until,
        }
    }

    pub(super) fn print(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "Send this to {}:", escaped(&self.user))?;
        let mut line = |name: &str, value: String| writeln!(out, "  {name:<9} {}", wrapped(&value, 12));
        line("host", escaped(&self.host).to_string())?;
        for port in &self.ports {
            line("port", port.clone())?;
        }
        line("user", escaped(&self.user).to_string())?;
        for key in &self.host_keys {
            line("host key", format!("{} ({})", key.fingerprint, escaped(&key.kind)))?;
        }
        line("folder", escaped(&self.folder).to_string())?;
        self.until.iter().try_for_each(|until| line("until", until.clone()))
    }
}

impl HostKey {
    /// From the public half, which ssh-keygen has written beside the private one.
    fn read(path: &str) -> Option<Self> {
        let line = fs::read_to_string(format!("{path}.pub")).ok()?;
        let mut words = line.split_whitespace();
        let (kind, key) = (words.next()?, words.next()?);
        let fingerprint = Fingerprint::of_login(&format!("publickey {kind} {key}")).into_iter().next()?;
        Some(Self { kind: kind.to_owned(), fingerprint: fingerprint.to_string() })
    }
}
