//! Rehearses with all that restricts the running sshd, since the probe's sshd has nothing of that but its mounts.

use super::Request;
use crate::desired::restrictions::{Attempt, Kept, Trial};
use crate::host::rehearsal::{AsSshd, ConfinedSshd, Rehearsals};
use crate::host::sshd::daemon::Daemon;
use pam_sftpjail::fix::Fix;
use std::cell::OnceCell;

/// What came of it.
pub(super) enum Restricted {
    /// It builds the jail all the same.
    Builds,
    Kept(Kept),
    /// The jail cannot be built without the restrictions either, so that the login shows why.
    Failed,
    /// They could not be taken on.
    Untried {
        problem: String,
        fix: Fix,
    },
}

impl Restricted {
    /// For a process without threads: it forks. `None`: no sshd runs with this configuration, or nothing restricts it
    /// that does not restrict this program.
    pub(super) fn rehearse(daemon: &Daemon, request: &Request<'_>) -> Option<Self> {
        let confined = ConfinedSshd::read(daemon.running().next()?)?;
        let rehearsals = Rehearsals::new(request.config);
        let trial =
            Trial { confined: &confined, rehearsals: &rehearsals, user: request.user, whom: "the user" };
        let own = OnceCell::new();
        let tried_here = || own.get_or_init(|| rehearsals.rehearse(request.user, &AsSshd::default()));
        Some(match trial.attempt(tried_here) {
            Attempt::Built(_) => Self::Builds,
            Attempt::Kept(problem) => Self::Kept(trial.blame(&problem, false)),
            Attempt::Failed => Self::Failed,
            Attempt::Untried { problem, fix } => Self::Untried { problem, fix },
        })
    }
}
