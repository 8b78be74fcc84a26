//! Takes on the confinement of a running sshd, so that a rehearsal can do what that sshd can, and nothing else.

use crate::host::sshd::running::{Running, privileges};
use pam_sftpjail::confinement::{Confinement, Part, Process};

/// Which parts of the confinement of a running sshd a child takes on. Its default is none of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct AsSshd {
    process: Option<Process>,
    parts: Vec<Part>,
    /// Whether a forbidden system call fails where it would end the process.
    kills_nobody: bool,
}

impl AsSshd {
    /// These parts of the confinement of `sshd`.
    pub(crate) fn with(sshd: &Running, parts: &[Part]) -> Self {
        Self { process: Some(sshd.process), parts: parts.to_owned(), kills_nobody: false }
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
        let Some(process) = &self.process else { return Ok(()) };
        let shown = format!("sshd (pid {})", process.pid());
        let failed = |error| match process.exists() {
            true => format!("what {shown} may do could not be taken on: {error}"),
            false => format!("{shown} has ended"),
        };
        let privileges = privileges(process.pid()).ok_or_else(|| format!("{shown} has ended"))?;
        let mut confinement = Confinement::of(process, &privileges, &self.parts).map_err(failed)?;
        if self.kills_nobody {
            confinement.kill_nobody();
        }
        confinement.assume().map_err(failed)
    }
}
