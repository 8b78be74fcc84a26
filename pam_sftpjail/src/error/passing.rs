//! Which refusals pass by themselves.
#![forbid(unsafe_code)]

use super::Refusal;
use crate::name::UserName;

/// What has to happen before a [`Refusal`] has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passing<'a> {
    /// Fewer than `max` sessions of the user are live.
    Place { user: &'a UserName, max: u32 },
    /// No session of the user is live in the host's namespace.
    Jail { user: &'a UserName },
    /// A login of the user that was stopped goes on or ends.
    Lock,
}

impl Refusal {
    /// What ends it without anybody's help, if anything does. Such a refusal is worth waiting for, and
    /// is answered where it counts as nobody's failure to authenticate.
    pub fn retry_when(&self) -> Option<Passing<'_>> {
        match self {
            Self::TooManySessions { name, max, .. } => Some(Passing::Place { user: name, max: *max }),
            Self::OtherJail { name, .. } => Some(Passing::Jail { user: name }),
            Self::Locked { .. } => Some(Passing::Lock),
            // Somebody must act, or it is not known who the user is.
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
            | Self::Empty { .. }
            | Self::Guard { .. }
            | Self::Full { .. }
            | Self::Denied { .. }
            | Self::JailRoot { .. }
            | Self::Kernel { .. }
            | Self::CallerInChroot
            | Self::Registry { .. }
            | Self::AlreadyOpen
            | Self::Build(_)
            | Self::UnseenBySshd { .. }
            | Self::Sessions { .. }
            | Self::Stranded { .. } => None,
        }
    }
}
