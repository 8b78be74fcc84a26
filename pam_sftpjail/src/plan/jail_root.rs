//! Checks the jail root as `safely_chroot` in OpenSSH's session.c does: every component must be a
//! directory, owned by root and writable by nobody else.
//!
//! sshd follows symlinks there. We refuse them, so that sshd enters the directory that we mount on.

mod way;

use super::MountPoint;
use crate::config::Namespace;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::{Command, Fix};
use crate::name::UserName;
use crate::path::Normalised;
use crate::sys::{SysError, directory, mount, new_directory, umask::Umask};
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use way::{End, Way};

/// The name of a directory that is made to see whether it can be made. No [`UserName`] begins with a hyphen.
const TRIAL: &str = "-rehearsal";

/// Where the jail of a rehearsal is if there is no jail root. Every host has it, and no part of the jail needs it then.
const STAND_IN: &str = "/run";

/// Refuses a jail root if it or what leads to it is no directory, is not owned by root, or can be written by others. It
/// may be missing: the first login makes it.
pub fn check_jail_root(path: &Normalised) -> Result<(), Refusal> {
    Way(path).walk().map(drop)
}

/// A checked jail root.
#[derive(Debug)]
pub(crate) struct JailRoot {
    path: Normalised,
    namespace: Namespace,
    /// The user whose jail will be there.
    user: UserName,
    state: State,
}

#[derive(Debug)]
enum State {
    Exists {
        root: OwnedFd,
        /// Whether there is a jail of the user's in the host's namespace, or what is left of one.
        has_jail: bool,
    },
    /// Its parent was checked. The first session makes it.
    Missing { parent: OwnedFd, name: OsString },
    /// It is missing, and a rehearsal makes none: [`STAND_IN`] is in its place.
    StandIn,
}

impl JailRoot {
    /// Opens every component and checks it. If something else than a jail is at the place of `user`'s jail, the user is
    /// refused: sshd would chroot into it whenever no jail is built. Whether a jail may be there, live sessions decide.
    /// `home`: that of the account, which nobody should move away;
    /// `None` when a jail root that has passed is opened again.
    pub(super) fn open(
        path: &Normalised,
        namespace: Namespace,
        user: &UserName,
        home: Option<&Path>,
    ) -> Result<Self, Refusal> {
        let way = Way(path);
        let (here, stat) = match way.walk()? {
            End::Exists(here, stat) => (here, stat),
            End::Missing { parent, name } => {
                let state = State::Missing { parent, name };
                return Ok(Self { path: path.clone(), namespace, user: user.clone(), state });
            }
        };
        let mut at = path.absolute();
        if namespace == Namespace::Host && stat.st_mode & 0o055 != 0 {
            // In a jail, the directories above a home are open to all, even if those on the host are not.
            // And users who can read the jail root could lock it.
            let why = "can be entered or read by others than root, who would reach homes through the jails";
            let fix = way.own(Command::new("chmod go-rx"), "enter and read it", &at);
            return Err(way.refusal(&at, why, fix));
        }
        at.push(user);
        let occupied = |what: &str, fix: Fix| {
            way.refusal(&at, &format!("{what}, and sshd would serve it whenever no jail is built"), fix)
        };
        match MountPoint::inspect(&here, user) {
            Ok(there @ (MountPoint::Free | MountPoint::Leftover | MountPoint::Jail { .. })) => {
                let has_jail = !matches!(there, MountPoint::Free);
                let state = State::Exists { root: here, has_jail };
                Ok(Self { path: path.clone(), namespace, user: user.clone(), state })
            }
            Ok(MountPoint::Other) => {
                let fix = if home.is_some_and(|home| home.starts_with(&at)) {
                    "set another jail_root in the configuration, outside of all homes".into()
                } else if mount::is_autofs(&here).unwrap_or(false) {
                    let root = path.absolute();
                    format!(
                        "let autofs mount nothing at {}: remove it from autofs's maps, and restart autofs",
                        escaped(&root)
                    )
                    .into()
                } else {
                    format!("move {} away", escaped(&at)).into()
                };
                Err(occupied("is in the place of the jail", fix))
            }
            Err(errno) => Err(way.inaccessible(&at, errno)),
        }
    }

    /// Makes it if it is missing (root, 0700).
    pub(crate) fn ensure(&self) -> Result<(), SysError> {
        if let State::Missing { parent, name } = &self.state {
            let _exact = Umask::none();
            match directory::make(parent, AsRef::<OsStr>::as_ref(name), 0o700) {
                // Another login was faster.
                Err(error) if error.errno == Errno::EEXIST => {}
                other => other?,
            }
        }
        Ok(())
    }

    /// Makes a directory in it and removes it, as far as the filesystem has room for one.
    pub(crate) fn try_directory(&self) -> Result<(), Refusal> {
        let root = self.reopen()?;
        match directory::make(&root, TRIAL, 0) {
            // Another login was faster.
            Err(error) if error.errno == Errno::EEXIST => {}
            Err(error) => {
                let jail = self.path().join(&self.user);
                return Err(SysError::of("mkdirat", escaped(&jail))(error.errno).into());
            }
            Ok(()) => {}
        }
        // As above.
        let _ = directory::remove_empty(&root, TRIAL.as_ref());
        Ok(())
    }

    /// The one of a rehearsal, which makes nothing on the host and mounts in its own namespace only. The error: a login
    /// could not make it, or the user's directory in it.
    pub(super) fn for_rehearsal(self) -> Result<Self, Refusal> {
        let state = match self.state {
            State::Missing { parent, name } => {
                new_directory::try_to_make(parent, name)?;
                State::StandIn
            }
            State::Exists { root, has_jail } => {
                if self.namespace == Namespace::Host {
                    new_directory::try_to_make(&root, self.path.absolute().join(&self.user))?;
                }
                State::Exists { root, has_jail }
            }
            State::StandIn => State::StandIn,
        };
        Ok(Self { state, ..self })
    }

    /// Opens it again. A descriptor from before unshare(2) belongs to a mount of the former namespace, and nothing can be
    /// mounted there. In a private namespace, where the jail covers it, the same directory is not checked again; otherwise
    /// it is, with what is in it.
    pub(crate) fn reopen(&self) -> Result<OwnedFd, Refusal> {
        match &self.state {
            State::StandIn => return Ok(directory::open(STAND_IN)?),
            State::Exists { root, .. } if self.namespace == Namespace::Private => {
                let opened = directory::open_without_symlinks(&self.path.absolute());
                if let Some(same) = opened.ok().filter(|fd| directory::is_same(fd, root).unwrap_or(false)) {
                    return Ok(same);
                }
            }
            State::Exists { .. } | State::Missing { .. } => {}
        }
        match Self::open(&self.path, self.namespace, &self.user, None)?.state {
            State::Exists { root, .. } => Ok(root),
            State::Missing { .. } | State::StandIn => Err(Refusal::JailRoot {
                root: escaped(&self.path()).to_string(),
                component: escaped(&self.path()).to_string(),
                why: "was removed during the login".into(),
                fix: "log in again".into(),
            }),
        }
    }

    /// What is at the place of the user's jail now. It opens the jail root again, because the first session
    /// of all may have made it a mount since.
    pub(crate) fn mount_point(&self) -> Result<MountPoint, Refusal> {
        match Self::open(&self.path, self.namespace, &self.user, None)?.state {
            State::Missing { .. } | State::StandIn => Ok(MountPoint::Free),
            State::Exists { root, .. } => {
                Ok(MountPoint::inspect(root, &self.user).map_err(SysError::of("openat", &self.user))?)
            }
        }
    }

    /// Whether it existed when it was checked.
    pub(crate) fn is_there(&self) -> bool {
        matches!(self.state, State::Exists { .. })
    }

    /// Whether a jail in the host's namespace, or what is left of one, is where one in a private namespace will be.
    pub(crate) fn holds_left(&self) -> bool {
        self.namespace == Namespace::Private && matches!(self.state, State::Exists { has_jail: true, .. })
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        match self.state {
            State::StandIn => PathBuf::from(STAND_IN),
            State::Exists { .. } | State::Missing { .. } => self.path.absolute(),
        }
    }

    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }
}

impl Display for JailRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.absolute();
        match self.state {
            State::Exists { .. } => {
                write!(f, "{}: owned by root and writable by nobody else", escaped(&path))
            }
            State::Missing { .. } | State::StandIn => {
                write!(f, "{} is missing: the first login makes it", escaped(&path))
            }
        }
    }
}
