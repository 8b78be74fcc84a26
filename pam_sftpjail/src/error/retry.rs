//! Which refusals pass by themselves, and when to try again.
#![forbid(unsafe_code)]

use super::Refusal;
use crate::name::UserName;

/// What has to happen before it is worth trying again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryWhen<'a> {
    /// Fewer than `max` sessions of the user are live.
    SessionEnded { user: &'a UserName, max: u32 },
    /// No session of the user is live whose jail is in this process's mount namespace.
    SharedJailGone { user: &'a UserName },
    /// Nothing: the next try waits for the lock itself, and reads what has been changed.
    Nothing,
}

impl Refusal {
    /// When to try again. `None`: the refusal stays until somebody acts. It is worth waiting for the others
    /// to pass, and sshd should not count them as failed authentication.
    pub fn retry_when(&self) -> Option<RetryWhen<'_>> {
        match self {
            Self::TooManySessions { name, max, .. } => {
                Some(RetryWhen::SessionEnded { user: name, max: *max })
            }
            Self::OtherJail { name, .. } => Some(RetryWhen::SharedJailGone { user: name }),
            Self::Locked { .. } | Self::GrantsChanged { .. } => Some(RetryWhen::Nothing),
            // Somebody must act, or the user is unknown. All are listed, so that a new one is thought about.
            Self::LoginName { .. }
            | Self::NoSuchUser { .. }
            | Self::Name { .. }
            | Self::Lookup { .. }
            | Self::Exhausted { .. }
            | Self::Unconfigured
            | Self::Argument { .. }
            | Self::HomeSpelling { .. }
            | Self::HomePath { .. }
            | Self::HomeOwner { .. }
            | Self::Volume { .. }
            | Self::Owner { .. }
            | Self::Grants { .. }
            | Self::Ended { .. }
            | Self::NoGrant { .. }
            | Self::Empty { .. }
            | Self::Guard { .. }
            | Self::Full { .. }
            | Self::Denied { .. }
            | Self::JailRoot { .. }
            | Self::Kernel(_)
            | Self::ServiceInChroot
            | Self::Registry { .. }
            | Self::AlreadyOpen
            | Self::Build(_)
            | Self::UnmatchedBySshd { .. }
            | Self::Sessions { .. }
            | Self::Stranded { .. } => None,
        }
    }
}
