//! Takes on the confinement of a running sshd, so that a rehearsal can do what that sshd can, and nothing else.

use crate::host::sshd::running::{Running, privileges};
use pam_sftpjail::confinement::{Confinement, Part};
use std::fmt::Display;

/// A running sshd whose confinement differs from that of this program. It is read once, and its children have it: sshd
/// is stopped for a moment when its seccomp filters are read.
pub(crate) struct ConfinedSshd {
    pub(crate) sshd: Running,
    /// The error: why it could not be read.
    confinement: Result<Confinement, String>,
}

impl ConfinedSshd {
    /// Reads it. `None`: it does not differ.
    pub(crate) fn read(sshd: &Running) -> Option<Self> {
        let process = &sshd.process;
        let read = || {
            let privileges = privileges(process.pid()).ok_or_else(|| ended(sshd))?;
            Confinement::of(process, &privileges, &sshd.confined).map_err(|error| failed(sshd, &error))
        };
        (!sshd.confined.is_empty()).then(|| Self { sshd: sshd.clone(), confinement: read() })
    }
}

/// Why it could not be taken on.
fn failed(sshd: &Running, error: &dyn Display) -> String {
    match sshd.process.exists() {
        true => format!("what sshd (pid {}) may do could not be taken on: {error}", sshd.pid),
        false => ended(sshd),
    }
}

fn ended(sshd: &Running) -> String {
    format!("sshd (pid {}) has ended", sshd.pid)
}

/// Which parts of the confinement of a running sshd a child takes on. Its default is none of them.
#[derive(Clone, Default)]
pub(crate) struct AsSshd<'a> {
    sshd: Option<&'a ConfinedSshd>,
    parts: Vec<Part>,
    /// Whether a forbidden system call fails where it would end the process.
    kills_nobody: bool,
}

impl<'a> AsSshd<'a> {
    /// These parts of the confinement of `sshd`.
    pub(crate) fn with(sshd: &'a ConfinedSshd, parts: &[Part]) -> Self {
        Self { sshd: Some(sshd), parts: parts.to_owned(), kills_nobody: false }
    }

    /// The same, but a forbidden system call fails where it would end the process.
    pub(crate) fn killing_nobody(self) -> Self {
        Self { kills_nobody: true, ..self }
    }

    /// Whether this part is among them.
    pub(super) fn has(&self, part: Part) -> bool {
        self.parts.contains(&part)
    }

    /// Takes it on, for good.
    pub(super) fn assume(&self) -> Result<(), String> {
        let Some(ConfinedSshd { sshd, confinement }) = self.sshd else { return Ok(()) };
        let confinement = confinement.as_ref().map_err(Clone::clone)?;
        confinement.assume(&self.parts, !self.kills_nobody).map_err(|error| failed(sshd, &error))
    }
}
