//! Why a login is refused: the sentence for the admin with its fix, the sentence for the user, and the
//! code for PAM.
//!
//! It only describes refusals. The stages decide them.
#![forbid(unsafe_code)]

mod for_user;
mod phase;
mod retry;

use crate::denied_by::DeniedBy;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::name::UserName;
use crate::nss::LookupError;
use crate::sys::needed::Uncallable;
use crate::sys::{SysError, process_fix};
use nix::errno::Errno;
use pam::constants::PamResultCode;
pub use phase::Phase;
pub use retry::RetryWhen;
use std::path::PathBuf;
use thiserror::Error;

/// A reason to refuse a login. `Display` is the sentence for the admin; names and paths in it are escaped.
/// `why` is the rest of a sentence about what stands before it, and is escaped already.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The service passed no name, or one that cannot be looked up.
    #[error("the login name is {why}")]
    LoginName { why: &'static str },

    /// NSS knows no such user.
    #[error("there is no user {}", escaped(name))]
    NoSuchUser { name: String },

    /// The user's name cannot be a directory of the jail root.
    #[error("the user name {} {why}, so it cannot name a jail", escaped(name))]
    Name { name: String, why: &'static str },

    /// NSS did not answer, so it is unknown whether the user is a member.
    #[error(transparent)]
    Lookup(#[from] LookupError),

    /// The user is a member for us but not for sshd, which would give a shell.
    #[error(
        "{} is a member of the group {}, but sshd's Match Group does not match: {}",
        escaped(name),
        escaped(group),
        why_unmatched(sshd_name.as_deref())
    )]
    UnmatchedBySshd { name: String, group: String, sshd_name: Option<String> },

    /// The registry could not be asked for the user's live sessions.
    #[error("looking for live sessions failed: {}", errno.desc())]
    Sessions { errno: Errno },

    /// The configuration could not be read because the process ran out of something.
    #[error("reading the configuration failed: {}", errno.desc())]
    Exhausted { errno: Errno },

    /// The configuration is unusable, and the user has a jail from before.
    #[error("the configuration cannot be used, and sshd would put the user into the jail of older sessions")]
    Unconfigured,

    /// The module does not know an argument in the PAM configuration.
    #[error("unknown module argument {argument}")]
    Argument { argument: String },

    /// The home of the passwd entry cannot be in a jail, whatever is on the disk.
    #[error("the home directory {} {why}", escaped(home))]
    HomeSpelling { home: PathBuf, why: String, fix: Fix },

    /// A component of the path to the home is missing or not safe.
    #[error("the home directory {home} cannot be used: {component} {why}")]
    HomePath { home: String, component: String, why: String, fix: Fix },

    /// The home belongs to another user.
    #[error(
        "the home directory {} belongs to uid {owner}, not to {} (uid {uid}) or root",
        escaped(home),
        escaped(name)
    )]
    HomeOwner { home: PathBuf, owner: u32, name: String, uid: u32, fix: Fix },

    /// A volume of the profile cannot be mounted.
    #[error("the volume {target} {why}")]
    Volume { target: String, why: String, fix: Fix },

    /// The files of another account cannot be shown as the user's.
    #[error("what is in {target} cannot belong to {why}")]
    Owner { target: String, why: String, fix: Fix },

    /// The file of the user's grants cannot be used.
    #[error("the grants of {} cannot be used: {why}", escaped(name))]
    Grants { name: String, why: String, fix: Fix },

    /// All grants have ended, and the profile gives nothing else.
    #[error(
        "the last grant of {} ended on {}, and the profile {} has neither home nor volume",
        escaped(name),
        ended,
        escaped(profile)
    )]
    Ended {
        name: String,
        profile: String,
        /// The moment with its zone.
        ended: String,
        for_user: String,
        fix: Fix,
    },

    /// No grant can be used, and the profile gives nothing else.
    #[error(
        "the profile {} has neither home nor volume for {}, and no grant: {why}",
        escaped(profile),
        escaped(name)
    )]
    NoGrant { name: String, profile: String, why: String, fix: Fix },

    /// Others than root removed the source of the only volume, and the profile has no home.
    #[error("the jail would be empty: {why}")]
    Empty { why: String, fix: Fix },

    /// A name of the profile's `guard`, or a directory above a volume in the home, cannot be protected from changes.
    #[error("{path} cannot be guarded: {why}")]
    Guard { path: String, why: String, fix: Fix },

    /// A name of the profile's `guard` is missing, and there is no room to make an empty one.
    #[error("{path} cannot be guarded: it is missing, and the filesystem is too full to make an empty one")]
    Full { path: String },

    /// This process may not access a path.
    #[error("{path} cannot be accessed: {by}")]
    Denied { path: String, by: DeniedBy },

    /// sshd's `safely_chroot` would not accept `jail_root`.
    #[error("the jail root {root} cannot be used: {component} {why}")]
    JailRoot { root: String, component: String, why: String, fix: Fix },

    /// The kernel lacks a system call, or a filter forbids it.
    #[error(transparent)]
    Kernel(#[from] Uncallable),

    /// sshd itself runs in a chroot(2); setns(2) would lead out of it.
    #[error("the service runs in a chroot that is not the root of its mount namespace")]
    ServiceInChroot,

    /// The records of live sessions cannot be read or written.
    #[error("the registry of sessions cannot be used: {path} {why}")]
    Registry { path: String, why: String, fix: Fix },

    /// Another login of the user has held the user's lock for longer than this one waits.
    #[error("{path} has been locked by another login of the user for more than ten seconds")]
    Locked { path: String, fix: Fix },

    /// A login had not begun its session when somebody changed the grants that it had read.
    #[error("the grants of {} have been changed since this login has read them", escaped(name))]
    GrantsChanged { name: UserName },

    /// The profile's `max_sessions` is reached.
    #[error("{} has {live} of the {max} sessions that the profile allows", escaped(name))]
    TooManySessions { name: UserName, live: usize, max: u32 },

    /// The user's live sessions have a jail that a new session may not share.
    #[error("the user's live sessions have another jail than a new one would get: {what}")]
    OtherJail { what: String, name: UserName },

    /// A second open on one PAM handle.
    #[error("this session is open already")]
    AlreadyOpen,

    /// A system call failed while the jail was built; the process is as it was before.
    #[error("building the jail failed: {0}")]
    Build(#[from] SysError),

    /// Building failed, and the process could not return: it is left in a private namespace.
    #[error("{why}; returning to the host's mount namespace failed too: {then}")]
    Stranded { why: String, then: SysError },
}

fn why_unmatched(sshd_name: Option<&str>) -> String {
    match sshd_name {
        None => "getgrouplist(3), which sshd asks, does not list the group".into(),
        Some(name) => format!("sshd knows the group as {}", escaped(name)),
    }
}

impl Refusal {
    /// What an admin can do about it: one sentence or one command.
    pub fn fix(&self) -> Fix {
        match self {
            Self::LoginName { .. } => "log in with the name that `getent passwd` shows".into(),
            Self::NoSuchUser { name } => format!("see `getent passwd {}`", escaped(name)).into(),
            Self::Name { .. } => "give the account another name (usermod -l)".into(),
            Self::Lookup(error) => error.fix(),
            Self::UnmatchedBySshd { sshd_name: Some(sshd_name), group, .. } => format!(
                "write {} instead of {} in the configuration and in sshd's Match Group",
                escaped(sshd_name),
                escaped(group)
            )
            .into(),
            Self::UnmatchedBySshd { name, .. } => format!(
                "make getgrouplist(3) list the group: see the initgroups line of /etc/nsswitch.conf, and \
                 what `id {}` shows",
                escaped(name)
            )
            .into(),
            Self::Exhausted { errno } => {
                process_fix(*errno).unwrap_or("make sure that root can read the configuration").into()
            }
            Self::Sessions { errno } => {
                process_fix(*errno).unwrap_or("make sure that root can read /run/sftpjail").into()
            }
            Self::Unconfigured => {
                "fix the configuration; `sftpjail check` says what is wrong with it".into()
            }
            Self::Argument { .. } => {
                "correct the pam_sftpjail.so line in /etc/pam.d; its arguments are config=PATH, debug, open and close"
                    .into()
            }
            Self::HomeSpelling { fix, .. }
            | Self::HomeOwner { fix, .. }
            | Self::HomePath { fix, .. }
            | Self::Volume { fix, .. }
            | Self::Owner { fix, .. }
            | Self::Grants { fix, .. }
            | Self::Ended { fix, .. }
            | Self::NoGrant { fix, .. }
            | Self::Empty { fix, .. }
            | Self::Guard { fix, .. }
            | Self::Registry { fix, .. }
            | Self::Locked { fix, .. }
            | Self::JailRoot { fix, .. } => fix.clone(),
            Self::GrantsChanged { .. } => "let the user log in again".into(),
            Self::TooManySessions { .. } => {
                "ask the user to close one, or raise the profile's max_sessions".into()
            }
            Self::OtherJail { name, .. } => {
                format!("wait until the sessions of {} have ended; `sftpjail list` shows them", escaped(name)).into()
            }
            Self::Full { .. } => {
                "make room on that filesystem (space, inodes and the user's quota), or remove the name from \
                 the profile's guard"
                    .into()
            }
            Self::Denied { by, .. } => by.fix().into(),
            Self::Kernel(call) => call.fix().into(),
            Self::ServiceInChroot => "run sshd outside of the chroot, or in a container of its own".into(),
            Self::AlreadyOpen => {
                "remove the second pam_sftpjail.so session line from the PAM configuration".into()
            }
            Self::Build(error) | Self::Stranded { then: error, .. } => error.fix().into(),
        }
    }

    /// Whether the only reason is that the home, or a directory above it, does not exist.
    pub fn is_missing_home(&self) -> bool {
        matches!(self, Self::HomePath { why, .. } if *why == unusable(Errno::ENOENT))
    }

    /// Whether the only reason is that nothing is granted now, in a profile that gives nothing else.
    pub fn is_without_grant(&self) -> bool {
        matches!(self, Self::Ended { .. } | Self::NoGrant { .. })
    }

    /// The answer for libpam. It is never `PAM_IGNORE`: a refusal is final.
    pub fn pam_code(&self, phase: Phase) -> PamResultCode {
        match (self, phase) {
            (Self::NoSuchUser { .. } | Self::LoginName { .. }, _) => PamResultCode::PAM_USER_UNKNOWN,
            (Self::Lookup(_) | Self::Exhausted { .. } | Self::Sessions { .. }, _) => {
                PamResultCode::PAM_SYSTEM_ERR
            }
            (_, Phase::Account) => PamResultCode::PAM_PERM_DENIED,
            (_, Phase::Session) => PamResultCode::PAM_SESSION_ERR,
        }
    }
}

/// Why a path cannot be used: the rest of a sentence about it, such as "does not exist".
pub(crate) fn unusable(errno: Errno) -> String {
    match errno {
        Errno::ENOENT => "does not exist".into(),
        errno => format!("cannot be accessed: {}", errno.desc()),
    }
}
