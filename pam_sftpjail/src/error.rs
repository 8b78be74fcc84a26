//! Why somebody is not let in: what went wrong, what the user is told, what the admin is told,
//! and the PAM code.
#![forbid(unsafe_code)]

mod retry;

use crate::denied_by::DeniedBy;
use crate::escape::{escaped, word};
use crate::name::UserName;
use crate::nss::LookupError;
use crate::sys::{SysError, limit_fix};
use nix::errno::Errno;
use pam::constants::PamResultCode;
pub use retry::RetryWhen;
use std::path::PathBuf;
use thiserror::Error;

/// The hook in which a refusal is answered; libpam expects other codes in each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// `pam_sm_acct_mgmt`
    Account,
    /// `pam_sm_open_session` and `pam_sm_close_session`
    Session,
}

impl Phase {
    /// The word that stands in log lines, as pam_syslog(3) writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Session => "session",
        }
    }
}

/// A reason to refuse. `Display` is the admin's sentence; names and paths in it are escaped, as
/// they are in fields whose value is a sentence's part.
#[derive(Debug, Error)]
pub enum Refusal {
    /// The service handed over no name, or one that cannot be looked up.
    #[error("the login name is {why}")]
    LoginName { why: &'static str },

    /// NSS knows no such user.
    #[error("there is no user {}", escaped(name))]
    NoSuchUser { name: String },

    /// The user's name cannot be a directory of the jail root.
    #[error("the user name {} {why}, so it cannot name a jail", escaped(name))]
    Name { name: String, why: &'static str },

    /// NSS could not be asked, so whether the user is a member is not known.
    #[error(transparent)]
    Lookup(#[from] LookupError),

    /// A member by our definition and not by sshd's, which would give a shell.
    #[error(
        "{} is a member of the group {}, but sshd will not see that: {}",
        escaped(name),
        escaped(group),
        unseen(sshd_name.as_deref())
    )]
    UnmatchedBySshd { name: String, group: String, sshd_name: Option<String> },

    /// The live sessions of the user could not be asked for.
    #[error("looking for live sessions failed: {}", errno.desc())]
    Sessions { errno: Errno },

    /// The configuration could not be read because the process ran out of something.
    #[error("reading the configuration failed: {}", errno.desc())]
    Exhausted { errno: Errno },

    /// The configuration is unusable, and the user has a jail from before it was.
    #[error("the configuration cannot be used, and sshd would serve the user from a jail of older sessions")]
    Unconfigured,

    /// An argument in the PAM configuration that the module does not know.
    #[error("unknown module argument {argument}")]
    Argument { argument: String },

    /// What the passwd entry says cannot be a home in a jail, whatever stands on the disk.
    #[error("the home directory {} {why}", escaped(home))]
    HomeSpelling { home: PathBuf, why: String, name: String },

    /// The way to the home cannot be walked safely.
    #[error("the home directory {home} cannot be used: {component} {why}")]
    HomePath { home: String, component: String, why: String, fix: String },

    /// The home belongs to somebody else.
    #[error(
        "the home directory {} belongs to uid {owner}, neither to {} (uid {uid}) nor to root",
        escaped(home),
        escaped(name)
    )]
    HomeOwner { home: PathBuf, owner: u32, name: String, uid: u32, fix: String },

    /// A volume of the profile cannot be mounted.
    #[error("the volume {target} {why}")]
    Volume { target: String, why: String, fix: String },

    /// Without the volume that others than root have taken away, the jail holds nothing.
    #[error("the jail would be empty: {why}")]
    Empty { why: String, fix: String },

    /// What the profile's `guard` names cannot be kept from being changed.
    #[error("{path} cannot be guarded: {why}")]
    Guard { path: String, why: String, fix: String },

    /// What the profile's `guard` names is missing, and there is no room for an empty one.
    #[error("{path} cannot be guarded: it is missing, and the filesystem is too full to make an empty one")]
    Full { path: String },

    /// The caller may not look.
    #[error("{path} cannot be looked at: {}", match .by {
        DeniedBy::Fuse => "it lies on a FUSE filesystem, which lets in nobody but the user who mounted it",
        DeniedBy::Nfs => "it lies on an NFS filesystem, whose server takes root for nobody",
        DeniedBy::Other => "permission denied",
    })]
    Denied { path: String, by: DeniedBy },

    /// `jail_root` is not what sshd's `safely_chroot` accepts.
    #[error("the jail root {root} cannot be used: {component} {why}")]
    JailRoot { root: String, component: String, why: String, fix: String },

    /// The kernel lacks what a jail is made of, or a filter keeps it away.
    #[error("mount_setattr(2) cannot be called: {}", errno.desc())]
    Kernel { errno: Errno },

    /// sshd itself runs in a chroot(2), out of which setns(2) would lead.
    #[error("the service runs in a chroot that is not the root of its mount namespace")]
    ServiceInChroot,

    /// The records of live sessions cannot be read or written.
    #[error("the registry of sessions cannot be used: {path} {why}")]
    Registry { path: String, why: String, fix: String },

    /// Another login of the user has begun or ended for longer than [`Registry::lock`] waits.
    ///
    /// [`Registry::lock`]: crate::registry::Registry
    #[error("{path} is locked by another login of the user, for more than ten seconds")]
    Locked { path: String, fix: String },

    /// The profile's `max_sessions`.
    #[error("{} has {live} of the {max} sessions that the profile allows", escaped(name))]
    TooManySessions { name: UserName, live: usize, max: u32 },

    /// The user's live sessions have a jail that a new session may not share.
    #[error("the jail of the user's live sessions is not the one to be had now: {what}")]
    OtherJail { what: String, name: UserName },

    /// A second open on one PAM handle.
    #[error("this session is open already")]
    AlreadyOpen,

    /// A system call failed while the jail was built; the process is as it was before.
    #[error("building the jail failed: {0}")]
    Build(#[from] SysError),

    /// Building failed, and so did going back: the process is left in a private namespace.
    #[error("{why}; going back to the host's mount namespace failed too: {then}")]
    Stranded { why: String, then: SysError },
}

fn unseen(sshd_name: Option<&str>) -> String {
    match sshd_name {
        None => "getgrouplist(3), which it asks, does not list it".into(),
        Some(name) => format!("it knows it as {}", escaped(name)),
    }
}

impl Refusal {
    /// The sentence for the user: what to do, and nothing about the system.
    pub fn for_user(&self) -> &'static str {
        match self {
            Self::HomeSpelling { .. }
            | Self::HomePath { .. }
            | Self::HomeOwner { .. }
            | Self::Guard { .. }
            | Self::Denied { .. } => {
                "SFTP is not possible: your home directory is missing or not safe to use. \
                 Please ask the administrator of this server to check it."
            }
            Self::Full { .. } => {
                "SFTP is not possible: your home directory is full. \
                 Please ask the administrator of this server to make room in it."
            }
            Self::LoginName { .. } | Self::NoSuchUser { .. } | Self::Name { .. } => {
                "SFTP is not possible: this account name cannot be used for it. \
                 Please ask the administrator of this server."
            }
            Self::Empty { .. } => {
                "SFTP is not possible: the folder of this account is missing. \
                 Please ask the administrator of this server to make it again."
            }
            Self::TooManySessions { .. } => {
                "SFTP is not possible: as many connections of yours are open as are allowed. \
                 Close one and try again."
            }
            Self::OtherJail { .. } => {
                "SFTP is not possible while older connections of yours are open. \
                 Close them and try again."
            }
            _ => {
                "SFTP is not possible because of a problem on this server. \
                 Please tell its administrator; your account and your files are untouched."
            }
        }
    }

    /// What an admin can do about it, as one sentence or one command.
    pub fn fix(&self) -> String {
        match self {
            Self::LoginName { .. } => "log in with the name that `getent passwd` shows".into(),
            Self::NoSuchUser { name } => format!("see `getent passwd {}`", word(name)),
            Self::Name { name, .. } => format!("rename the account: usermod -l NEWNAME -- {}", word(name)),
            Self::Lookup(error) => error.fix(),
            Self::UnmatchedBySshd { sshd_name: Some(seen), group, .. } => format!(
                "let the configuration and sshd's Match Group call the group {}, not {}",
                escaped(seen),
                escaped(group)
            ),
            Self::UnmatchedBySshd { name, .. } => format!(
                "let getgrouplist(3) list the group: see the initgroups line of /etc/nsswitch.conf, and what \
                 `id {}` shows",
                word(name)
            ),
            Self::Exhausted { errno } => {
                limit_fix(*errno).unwrap_or("see that root can read the configuration").into()
            }
            Self::Sessions { errno } => limit_fix(*errno).unwrap_or("see that root can read /run/sftpjail").into(),
            Self::Unconfigured => {
                "fix the configuration; `sftpjail check` says what is wrong with it".into()
            }
            Self::Argument { .. } => {
                "correct the pam_sftpjail.so line in /etc/pam.d; its arguments are config=PATH, debug, open and close"
                    .into()
            }
            Self::HomeSpelling { name, .. } => {
                let home = word(&format!("/home/{name}")).to_string();
                format!("give the account another home: usermod -d {home} {}", word(name))
            }
            Self::HomeOwner { fix, .. }
            | Self::HomePath { fix, .. }
            | Self::Volume { fix, .. }
            | Self::Empty { fix, .. }
            | Self::Guard { fix, .. }
            | Self::Registry { fix, .. }
            | Self::Locked { fix, .. }
            | Self::JailRoot { fix, .. } => fix.clone(),
            Self::TooManySessions { .. } => {
                "let the user close one, or give the profile a larger max_sessions".into()
            }
            Self::OtherJail { name, .. } => {
                format!("let the sessions of {} end; `sftpjail list` shows them", word(name))
            }
            Self::Full { .. } => {
                "make room on that filesystem (space, inodes and the user's quota), or take the name out of the profile's guard".into()
            }
            Self::Denied { by, .. } => by.fix().into(),
            Self::Kernel { errno: Errno::ENOSYS } => "boot Linux 5.12 or newer".into(),
            Self::Kernel { .. } => "let the service make the call: see its seccomp filter".into(),
            Self::ServiceInChroot => "run sshd outside of the chroot, or in a container of its own".into(),
            Self::AlreadyOpen => {
                "remove the second pam_sftpjail.so session line from the PAM configuration".into()
            }
            Self::Build(error) | Self::Stranded { then: error, .. } => error.fix().into(),
        }
    }

    /// What libpam is answered. Never `PAM_IGNORE`: a refusal is final.
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

/// Why a path cannot be used, as the rest of a sentence that begins with it: "does not exist".
pub(crate) fn unusable(errno: Errno) -> String {
    match errno {
        Errno::ENOENT => "does not exist".into(),
        errno => format!("cannot be looked at: {}", errno.desc()),
    }
}
