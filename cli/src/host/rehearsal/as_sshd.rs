//! Takes on the confinement of a running sshd, so that a rehearsal can do what that sshd can, and nothing else.

use super::without_live::Keeper;
use crate::host::sshd::running::{Running, privileges};
use pam_sftpjail::confinement::{Confinement, Part};
use std::fmt::Display;
use std::path::Path;

/// A running sshd whose confinement differs from that of this program. It is read once, and its children have it: sshd
/// is stopped for a moment when its seccomp filters are read.
pub(crate) struct ConfinedSshd {
    pub(crate) sshd: Running,
    /// The error: why it could not be read.
    confinement: Result<Confinement, String>,
    /// Its mount namespace without the live jails.
    without_live: Option<Keeper>,
}

impl ConfinedSshd {
    /// Reads it. `None`: it does not differ.
    pub(crate) fn read(sshd: &Running) -> Option<Self> {
        let process = &sshd.process;
        let read = || {
            let privileges = privileges(process.pid()).ok_or_else(|| ended(sshd))?;
            Confinement::of(process, &privileges, &sshd.confined).map_err(|error| failed(sshd, &error))
        };
        (!sshd.confined.is_empty()).then(|| Self {
            sshd: sshd.clone(),
            confinement: read(),
            without_live: None,
        })
    }

    /// Of these sshds, the first of each kind of confinement, in which the others differ from none of them.
    pub(crate) fn kinds<'r>(all: impl IntoIterator<Item = &'r Running>) -> Vec<&'r Running> {
        let mut kinds: Vec<&Running> = Vec::new();
        for sshd in all {
            if !kinds.iter().any(|known| known.is_confined_as(sshd)) {
                kinds.push(sshd);
            }
        }
        kinds
    }

    /// Lets rehearsals copy its mounts without those of live jails.
    pub(super) fn leave_live_jails(&mut self, jail_root: &Path) {
        if self.sshd.confined.contains(&Part::Mounts) {
            let enter = || AsSshd::with(self, &[Part::Mounts]).assume().is_ok();
            self.without_live = Keeper::start(enter, jail_root);
        }
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

    /// What has its mounts without those of live jails. The outer `None`: it has the mounts of this program.
    pub(super) fn keeper(&self) -> Option<Option<&'a Keeper>> {
        let sshd = self.sshd.filter(|_| self.parts.contains(&Part::Mounts))?;
        Some(sshd.without_live.as_ref())
    }

    /// Takes it on, for good.
    pub(super) fn assume(&self) -> Result<(), String> {
        let Some(ConfinedSshd { sshd, confinement, .. }) = self.sshd else { return Ok(()) };
        let confinement = confinement.as_ref().map_err(Clone::clone)?;
        confinement.assume(&self.parts, !self.kills_nobody).map_err(|error| failed(sshd, &error))
    }
}
