//! The jail root, by the rule of `safely_chroot` in OpenSSH's session.c: every component a
//! directory, root's, and writable by nobody else.
//!
//! sshd follows symlinks there; we do not, so that what we mount on is what sshd enters.

use super::MountPoint;
use super::unmounted::{self, Unmounted};
use crate::config::Namespace;
use crate::denied_by::DeniedBy;
use crate::error::{Refusal, unusable};
use crate::escape::{escaped, word};
use crate::name::UserName;
use crate::path::Normalised;
use crate::sys::{SysError, directory, limit_fix, umask::Umask};
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A jail root that was checked.
#[derive(Debug)]
pub(crate) struct JailRoot {
    path: Normalised,
    namespace: Namespace,
    /// Whose jail goes there.
    user: UserName,
    state: State,
}

#[derive(Debug)]
enum State {
    Exists(OwnedFd),
    /// Its parent is sound; it is made by the first session.
    Missing {
        parent: OwnedFd,
        name: OsString,
    },
}

impl JailRoot {
    /// Walks to it, checking every component. What stands where `user`'s jail goes refuses the
    /// user, unless it is a jail of the host's namespace, and that is where jails are to be: sshd
    /// would chroot into it whenever no jail is built.
    pub(super) fn open(path: &Normalised, namespace: Namespace, user: &UserName) -> Result<Self, Refusal> {
        let refuse = |at: &Path, why: &str, fix: String| Refusal::JailRoot {
            root: escaped(&path.absolute()).to_string(),
            component: escaped(at).to_string(),
            why: why.into(),
            fix,
        };
        let unseen = |at: &Path, errno: Errno| match errno {
            Errno::EACCES => Refusal::Denied { path: escaped(at).to_string(), by: DeniedBy::Other },
            _ => {
                let fix = limit_fix(errno).unwrap_or("see that root can reach it");
                refuse(at, &unusable(errno), fix.into())
            }
        };
        let sound = |at: &Path, opened: Result<OwnedFd, Errno>| {
            let shown = word(at);
            let failed = |errno: Errno| match errno {
                Errno::ENOENT => {
                    if let Some(Unmounted { why, fix }) = unmounted::above(&path.absolute(), at) {
                        return refuse(at, &why, fix);
                    }
                    refuse(at, "does not exist", format!("install -d -o root -g root -m 0755 {shown}"))
                }
                Errno::ENOTDIR => refuse(at, "is not a directory", format!("move {shown} away")),
                errno => unseen(at, errno),
            };
            let fd = opened.map_err(failed)?;
            let stat = directory::stat(&fd).map_err(failed)?;
            if stat.st_uid != 0 {
                return Err(refuse(at, "does not belong to root", format!("chown root {shown}")));
            }
            if !directory::is_roots_alone(&stat) {
                return Err(refuse(
                    at,
                    "can be written by its group or by others",
                    format!("chmod go-w {shown}"),
                ));
            }
            Ok(fd)
        };

        let mut at = PathBuf::from("/");
        let mut here = sound(&at, directory::open("/").map_err(|e| e.errno))?;
        for (i, name) in path.components().iter().enumerate() {
            at.push(name);
            here = match directory::open_child(&here, name) {
                Err(Errno::ENOENT) if i + 1 == path.components().len() => {
                    let state = State::Missing { parent: here, name: name.clone() };
                    return Ok(Self { path: path.clone(), namespace, user: user.clone(), state });
                }
                opened => sound(&at, opened)?,
            };
        }
        let mode = directory::stat(&here).map_err(|errno| unseen(&at, errno))?;
        if namespace == Namespace::Host && mode.st_mode & 0o055 != 0 {
            // The directories above a home in a jail are open, whatever those on the host are; and who
            // can read the jail root can lock it.
            let why = "can be entered or read by others than root, who would get at homes through the jails";
            return Err(refuse(&at, why, format!("chmod go-rx {}", word(&at))));
        }
        at.push(user);
        let stands = |what: &str, fix: String| {
            refuse(&at, &format!("{what}, and sshd would serve it if no jail were built"), fix)
        };
        match (MountPoint::look(&here, user), namespace) {
            (Ok(MountPoint::Free), _) | (Ok(MountPoint::Bare | MountPoint::Jail { .. }), Namespace::Host) => {
                Ok(Self { path: path.clone(), namespace, user: user.clone(), state: State::Exists(here) })
            }
            (Ok(MountPoint::Bare | MountPoint::Jail { .. }), Namespace::Private) => Err(stands(
                "is a jail from when the configuration said namespace = \"host\"",
                "end the sessions from then, and run `sftpjail reap`".into(),
            )),
            (Ok(MountPoint::Foreign), _) => {
                Err(stands("stands where the jail goes", format!("move {} away", word(&at))))
            }
            (Err(errno), _) => Err(unseen(&at, errno)),
        }
    }

    /// Makes it where it is missing (root, 0700).
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

    /// Opens it anew, with every check: a descriptor from before unshare(2) names the mount of the
    /// namespace that was left, and nothing can be mounted there.
    pub(crate) fn reopen(&self) -> Result<OwnedFd, Refusal> {
        match Self::open(&self.path, self.namespace, &self.user)?.state {
            State::Exists(fd) => Ok(fd),
            State::Missing { .. } => Err(Refusal::JailRoot {
                root: escaped(&self.path()).to_string(),
                component: escaped(&self.path()).to_string(),
                why: "was removed during the login".into(),
                fix: "log in again".into(),
            }),
        }
    }

    /// What stands where the user's jail goes now. The first session of all has made the jail root a
    /// mount, perhaps since it was opened.
    pub(crate) fn mount_point(&self) -> Result<MountPoint, Refusal> {
        match Self::open(&self.path, self.namespace, &self.user)?.state {
            State::Missing { .. } => Ok(MountPoint::Free),
            State::Exists(fd) => {
                Ok(MountPoint::look(fd, &self.user).map_err(SysError::of("openat", self.user.to_string()))?)
            }
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> PathBuf {
        self.path.absolute()
    }

    pub(crate) fn namespace(&self) -> Namespace {
        self.namespace
    }
}

impl Display for JailRoot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.absolute();
        match self.state {
            State::Exists(_) => write!(f, "{}: root's alone", escaped(&path)),
            State::Missing { .. } => {
                write!(f, "{} is missing; the first login or rehearsal makes it", escaped(&path))
            }
        }
    }
}
