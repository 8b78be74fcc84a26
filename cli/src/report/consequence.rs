//! What a finding that has failed means for the user that it is about. It decides nothing: each check says it.

use pam_sftpjail::error::Refusal;
use serde::{Deserialize, Serialize};

/// The worst that follows from a finding. The text is the reason in a few words, escaped: the end of check's last
/// sentence, such as "the account has expired". In JSON, an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", content = "reason", rename_all = "kebab-case")]
pub(crate) enum Consequence {
    /// The user is jailed and can log in all the same. It harms others, or will harm the user when something else
    /// fails.
    None,
    /// The user is jailed and can log in, but `but USER …`: "can write nothing".
    Hindered(String),
    /// sshd or another PAM module refuses the user, whether or not there is a jail.
    KeptOut(String),
    /// As [`KeptOut`](Self::KeptOut), because the admin wants it so: the account has expired or is locked.
    Closed(String),
    /// The module refuses the user, if sshd asks it.
    Refused(String),
    /// The module is not asked, or cannot build a jail. sshd refuses the users that it chroots then.
    NoJail(String),
    /// Something that the user does, or that runs as the user, is not confined to a jail.
    NotJailed(String),
    /// As [`NotJailed`](Self::NotJailed): the user gets a shell on the host.
    Shell(String),
    /// It is a problem, and it keeps from knowing whether the user is jailed.
    Unknown(String),
}

impl Consequence {
    /// What follows if it is so for certain logins only, such as "from 192.0.2.1": the others go on as before. `None`:
    /// it is so for all.
    pub(crate) fn only(self, which: Option<&str>) -> Self {
        let Some(which) = which else { return self };
        match self {
            Self::KeptOut(why) | Self::NoJail(why) => Self::Hindered(format!("not {which}: {why}")),
            Self::NotJailed(why) => Self::NotJailed(format!("{which}, {why}")),
            Self::Shell(why) => Self::Shell(format!("{which}, {why}")),
            other => other,
        }
    }

    /// The reason in a few words; empty if there is no consequence.
    pub(super) fn reason(&self) -> &str {
        match self {
            Self::None => "",
            Self::Hindered(why)
            | Self::KeptOut(why)
            | Self::Closed(why)
            | Self::Refused(why)
            | Self::NoJail(why)
            | Self::NotJailed(why)
            | Self::Shell(why)
            | Self::Unknown(why) => why,
        }
    }
}

impl From<&Refusal> for Consequence {
    fn from(refusal: &Refusal) -> Self {
        Self::Refused(match refusal {
            Refusal::LoginName { .. } | Refusal::Name { .. } => "the name cannot name a jail".to_owned(),
            Refusal::NoSuchUser { .. } => return Self::Unknown("there is no such user".to_owned()),
            Refusal::Lookup(_) => return Self::Unknown("NSS does not answer".to_owned()),
            Refusal::UnmatchedBySshd { .. } => "sshd does not match the group that makes a member".to_owned(),
            Refusal::Sessions { .. } => "live sessions cannot be counted".to_owned(),
            Refusal::Exhausted { .. } => "the configuration could not be read".to_owned(),
            Refusal::Unconfigured => "the configuration cannot be used".to_owned(),
            Refusal::Argument { .. } => "the module does not know an argument of its PAM line".to_owned(),
            Refusal::HomeSpelling { .. } => "the home cannot be in a jail".to_owned(),
            Refusal::HomePath { home: path, component, why, .. }
            | Refusal::JailRoot { root: path, component, why, .. } => {
                let component = if component == "it" { path } else { component };
                format!("{component} {why}")
            }
            Refusal::HomeOwner { .. } => "the home belongs to another user".to_owned(),
            Refusal::Volume { target, .. } => format!("the volume {target} cannot be mounted"),
            Refusal::Owner { target, .. } => format!("{target} cannot belong to another account"),
            Refusal::Grants { .. } => "the file of the user's grants cannot be used".to_owned(),
            Refusal::Ended { ended, .. } => return Self::Closed(format!("the access ended on {ended}")),
            Refusal::NoGrant { .. } => "no grant can be used".to_owned(),
            Refusal::Empty { .. } => "the jail would be empty".to_owned(),
            Refusal::Guard { path, .. } => format!("{path} cannot be guarded"),
            Refusal::Full { .. } => "the filesystem of the home is full".to_owned(),
            Refusal::Denied { path, .. } => format!("{path} cannot be accessed"),
            Refusal::Kernel(call) => call.consequence().to_owned(),
            Refusal::ServiceInChroot => "sshd runs in a chroot".to_owned(),
            Refusal::Registry { path, why, .. } => format!("{path} {why}"),
            Refusal::Locked { .. } => "another login of the user does not end".to_owned(),
            Refusal::GrantsChanged { .. } => "the grants are being changed".to_owned(),
            Refusal::TooManySessions { live, .. } => format!("{live} sessions are live already"),
            Refusal::OtherJail { .. } => "older sessions have another jail".to_owned(),
            Refusal::AlreadyOpen => "PAM opens the jail twice".to_owned(),
            Refusal::Build(_) | Refusal::Stranded { .. } => "building the jail fails".to_owned(),
        })
    }
}
