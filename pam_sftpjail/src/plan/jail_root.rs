//! The jail root, by the rule of `safely_chroot` in OpenSSH's session.c: every component a
//! directory, root's, and writable by nobody else.
//!
//! sshd follows symlinks there; we do not, so that what we mount on is what sshd enters.

use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::path::Normalised;
use crate::sys::{directory, umask::Umask};
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A jail root that was checked.
#[derive(Debug)]
pub(crate) struct JailRoot {
    path: Normalised,
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
    /// user: sshd would chroot into it whenever no jail is built.
    pub(super) fn open(path: &Normalised, user: &str) -> Result<Self, Refusal> {
        let refuse = |at: &Path, why: &str, cure: String| Refusal::JailRoot {
            root: escaped(&path.absolute()).to_string(),
            component: escaped(at).to_string(),
            why: why.into(),
            cure,
        };
        let sound = |at: &Path, opened: Result<OwnedFd, Errno>| {
            let shown = word(at);
            let unusable = |errno: Errno| match errno {
                Errno::ENOENT => {
                    refuse(at, "does not exist", format!("install -d -o root -g root -m 0755 {shown}"))
                }
                Errno::ENOTDIR => refuse(at, "is not a directory", format!("move {shown} away")),
                Errno::EACCES => Refusal::Denied { path: escaped(at).to_string() },
                errno => refuse(at, errno.desc(), "see that root can reach it".into()),
            };
            let fd = opened.map_err(unusable)?;
            let stat = directory::stat(&fd).map_err(unusable)?;
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
                    return Ok(Self { path: path.clone(), state });
                }
                opened => sound(&at, opened)?,
            };
        }
        at.push(user);
        match directory::open_entry(&here, user.as_ref()) {
            Err(Errno::ENOENT) => Ok(Self { path: path.clone(), state: State::Exists(here) }),
            Err(errno) => Err(refuse(&at, errno.desc(), "see that root can reach it".into())),
            Ok(_) => {
                let why = "stands where the jail goes, and sshd would serve it if no jail were built";
                Err(refuse(&at, why, format!("move {} away", word(&at))))
            }
        }
    }

    /// Makes it where it is missing (root, 0700), and gives the way to it.
    pub(crate) fn ensure(self) -> Result<Normalised, Refusal> {
        if let State::Missing { parent, name } = &self.state {
            let _exact = Umask::none();
            match directory::make(parent, AsRef::<OsStr>::as_ref(name), 0o700) {
                // Another login was faster.
                Err(error) if error.errno == Errno::EEXIST => {}
                other => other?,
            }
        }
        Ok(self.path)
    }

    /// Opens it anew, with every check: a descriptor from before unshare(2) names the mount of the
    /// namespace that was left, and nothing can be mounted there.
    pub(crate) fn reopen(path: &Normalised, user: &str) -> Result<OwnedFd, Refusal> {
        match Self::open(path, user)?.state {
            State::Exists(fd) => Ok(fd),
            State::Missing { .. } => Err(Refusal::JailRoot {
                root: escaped(&path.absolute()).to_string(),
                component: escaped(&path.absolute()).to_string(),
                why: "was removed during the login".into(),
                cure: "log in again".into(),
            }),
        }
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
