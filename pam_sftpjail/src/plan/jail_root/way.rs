//! The way to the jail root: every component must be a directory, owned by root and writable by nobody else. It is
//! opened, and nothing is made.

use crate::denied_by::DeniedBy;
use crate::error::{Refusal, unusable};
use crate::escape::escaped;
use crate::fix::{Command, Fix, RootPath};
use crate::path::Normalised;
use crate::plan::unmounted::{self, Unmounted};
use crate::sys::{access_fix, directory};
use nix::errno::Errno;
use nix::sys::stat::FileStat;
use std::ffi::OsString;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// `jail_root` may name a directory that others need.
const ONLY_FOR_JAILS: &str = "if it is only for jails";

/// Where the way ends.
pub(super) enum End {
    Exists(OwnedFd, FileStat),
    /// The last component is missing. Its parent was checked.
    Missing {
        parent: OwnedFd,
        name: OsString,
    },
}

/// The way to the jail root at this path.
#[derive(Clone, Copy)]
pub(super) struct Way<'p>(pub(super) &'p Normalised);

impl Way<'_> {
    /// Opens every component and checks it.
    pub(super) fn walk(self) -> Result<End, Refusal> {
        let mut at = PathBuf::from("/");
        let (mut here, mut stat) = self.checked(&at, directory::open("/").map_err(|e| e.errno))?;
        let components = self.0.components();
        for (i, name) in components.iter().enumerate() {
            at.push(name);
            (here, stat) = match directory::open_child(&here, name) {
                Err(Errno::ENOENT) if i + 1 == components.len() => {
                    return Ok(End::Missing { parent: here, name: name.clone() });
                }
                opened => self.checked(&at, opened)?,
            };
        }
        Ok(End::Exists(here, stat))
    }

    fn checked(self, at: &Path, opened: Result<OwnedFd, Errno>) -> Result<(OwnedFd, FileStat), Refusal> {
        let failed = |errno: Errno| match errno {
            Errno::ENOENT => {
                if let Some(Unmounted { why, fix }) = unmounted::above(&self.0.absolute(), at) {
                    return self.refusal(at, &why, fix);
                }
                // Every component above has passed, and this makes those that are missing.
                let root = self.0.absolute();
                let parent = RootPath::checked(root.parent().unwrap_or(at));
                let make = Command::new("install -d -o root -g root -m 0755").arg(&parent);
                self.refusal(at, "does not exist", make.into())
            }
            Errno::ENOTDIR => {
                self.refusal(at, "is not a directory", format!("move {} away", escaped(at)).into())
            }
            errno => self.inaccessible(at, errno),
        };
        let fd = opened.map_err(failed)?;
        let stat = directory::stat(&fd).map_err(failed)?;
        if stat.st_uid != 0 {
            let fix = self.own(Command::new("chown root"), "own it", at);
            return Err(self.refusal(at, "is not owned by root", fix));
        }
        if !directory::is_root_controlled(&stat) {
            let fix = self.own(Command::new("chmod go-w"), "write it", at);
            return Err(self.refusal(at, "can be written by its group or by others", fix));
        }
        Ok((fd, stat))
    }

    pub(super) fn refusal(self, at: &Path, why: &str, fix: Fix) -> Refusal {
        Refusal::JailRoot {
            root: escaped(&self.0.absolute()).to_string(),
            component: escaped(at).to_string(),
            why: why.into(),
            fix,
        }
    }

    pub(super) fn inaccessible(self, at: &Path, errno: Errno) -> Refusal {
        match errno {
            Errno::EACCES => Refusal::Denied { path: escaped(at).to_string(), by: DeniedBy::process() },
            _ => self.refusal(at, &unusable(errno), access_fix(errno).into()),
        }
    }

    /// The command for the jail root itself, of which every component above has passed. The owner of a directory above it
    /// may need it.
    pub(super) fn own(self, command: Command, what: &str, at: &Path) -> Fix {
        match at == self.0.absolute() {
            true => Fix::after(ONLY_FOR_JAILS, &command.arg(&RootPath::checked(at))),
            false => format!("choose another jail_root, or let only root {what}").into(),
        }
    }
}
