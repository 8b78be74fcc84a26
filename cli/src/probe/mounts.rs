//! The mount namespace of the running sshd, where it is not that of this program: the probe's sshd has it, too.
//! Otherwise a login would find other files than users do, and mount jails of `namespace = "host"` where no user's jail
//! is.

use crate::host::programs;
use crate::host::sshd::running::Running;
use pam_sftpjail::confinement::Part;
use std::fs::File;
use std::os::fd::AsRawFd;

/// Keeps it open, so that its descriptor names it until the probe ends.
pub(super) struct Mounts(File);

impl Mounts {
    /// `None`: the sshd has this program's mounts, or it has just ended, or there is no nsenter(1).
    pub(super) fn of(sshd: &Running) -> Option<Self> {
        let is_other = sshd.confined.contains(&Part::Mounts) && programs::find("nsenter").is_some();
        let file = is_other.then(|| File::open(format!("/proc/{}/ns/mnt", sshd.pid)))?.ok()?;
        // A process that got its pid since has others.
        sshd.process.exists().then_some(Self(file))
    }

    /// The words before a command that give it these mounts.
    pub(super) fn enter(&self) -> String {
        format!("nsenter --mount=/proc/{}/fd/{} ", std::process::id(), self.0.as_raw_fd())
    }
}
