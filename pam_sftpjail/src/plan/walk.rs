//! Opens a directory by its path, following only symlinks that nobody but root could have made.
//!
//! Almost always one openat2(2) is enough. If it meets a symlink, or the call is missing, the walk goes
//! component by component. If it fails for another reason, the same walk finds the component at fault.

use crate::denied_by::DeniedBy;
use crate::error::unusable;
use crate::fix::RootPath;
use crate::path::{MAX_SYMLINKS, Normalised};
use crate::sys::directory;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A directory that was reached.
#[derive(Debug)]
pub(super) struct Walked {
    /// O_PATH.
    pub(super) directory: OwnedFd,
    pub(super) stat: FileStat,
    /// Its path without symlinks.
    pub(super) real: Normalised,
}

/// The parent directory of `path`, and the last component. Every directory down to the parent must be owned
/// by root and writable by nobody else.
pub(super) fn parent(path: &Normalised) -> Result<(Walked, OsString), WalkError> {
    let Some((name, above)) = path.components().split_last() else {
        return Err(WalkError { at: "/".into(), why: Why::NotDirectory, others_can_write: false });
    };
    // The parent itself may be a symlink: it is not the last component of `path`.
    let walked = by_component(&Normalised::of(above.iter().cloned()), true)?;
    Ok((require_root_controlled(walked)?, name.clone()))
}

/// `path` for a command to paste, if nobody but root can make it lead elsewhere: neither a directory above it, nor a
/// symlink at it. It need not exist: then the directory above the first missing component counts.
pub fn root_path(path: &Path) -> Option<RootPath> {
    let is_root_paths = match by_component(&Normalised::parse(path.as_os_str()).ok()?, true) {
        // The directory itself may be a user's, such as a home.
        Ok((walked, others)) => others.is_none_or(|others| others == walked.real.absolute()),
        Err(error) => {
            matches!(error.why, Why::Errno(Errno::ENOENT) | Why::NotDirectory) && !error.others_can_write
        }
    };
    is_root_paths.then(|| RootPath::checked(path))
}

/// Opens the directory at `path`. It and every directory above it must be owned by root and writable by
/// nobody else.
pub(super) fn to_root_controlled(path: &Normalised) -> Result<Walked, WalkError> {
    require_root_controlled(by_component(path, false)?)
}

fn require_root_controlled((walked, others): (Walked, Option<PathBuf>)) -> Result<Walked, WalkError> {
    match others {
        None => Ok(walked),
        Some(at) => Err(WalkError { at, why: Why::NotRootControlled, others_can_write: true }),
    }
}

/// Where and why the walk ended early.
#[derive(Debug)]
pub(super) struct WalkError {
    /// The path to the component at fault.
    pub(super) at: PathBuf,
    pub(super) why: Why,
    /// Whether others than root can write its directory, or one above it. Then they may have caused it.
    pub(super) others_can_write: bool,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Why {
    #[error("{}", unusable(*.0))]
    Errno(Errno),
    #[error("cannot be accessed: {0}")]
    Denied(DeniedBy),
    #[error("is not a directory")]
    NotDirectory,
    #[error("is a symlink")]
    LastIsSymlink,
    #[error("is a symlink that others than root could replace")]
    Replaceable,
    #[error("is not owned by root, or is writable by others")]
    NotRootControlled,
    #[error("leads through more than {MAX_SYMLINKS} symlinks")]
    TooManySymlinks,
}

/// Opens the directory at `path`.
pub(super) fn to(path: &Normalised) -> Result<Walked, WalkError> {
    let opened = directory::open_without_symlinks(&path.absolute());
    match opened.and_then(|directory| Ok((directory::stat(&directory)?, directory))) {
        Ok((stat, directory)) => Ok(Walked { directory, stat, real: path.clone() }),
        // EPERM: older seccomp filters give it for calls that they do not know.
        Err(Errno::ELOOP | Errno::ENOSYS | Errno::EPERM) => Ok(by_component(path, false)?.0),
        Err(errno) => {
            by_component(path, false)?;
            Err(WalkError { at: path.absolute(), why: Why::Errno(errno), others_can_write: false })
        }
    }
}

/// A directory that the walk has passed.
struct Level {
    directory: OwnedFd,
    stat: FileStat,
    name: OsString,
    /// Whether it and all above it are owned by root and writable by nobody else.
    root_controlled: bool,
}

/// Also gives the path of the first component that is not owned by root, or is writable by others.
fn by_component(path: &Normalised, follow_last: bool) -> Result<(Walked, Option<PathBuf>), WalkError> {
    let root = directory::open("/")
        .map_err(|error| Why::Errno(error.errno))
        .and_then(|root| level("/".as_ref(), root, true))
        .map_err(|why| WalkError { at: "/".into(), why, others_can_write: false })?;
    let mut below: Vec<Level> = Vec::new();
    let mut ahead: VecDeque<OsString> = path.components().iter().cloned().collect();
    let mut symlinks = 0;

    while let Some(name) = ahead.pop_front() {
        let here = below.last().unwrap_or(&root);
        let stop = |why| WalkError {
            at: PathBuf::from("/").join(below.iter().map(|l| &l.name).collect::<PathBuf>()).join(&name),
            why,
            others_can_write: !here.root_controlled,
        };
        match directory::open_child(&here.directory, &name) {
            Err(Errno::ENOTDIR) => {
                let entry = directory::open_entry(&here.directory, &name).map_err(|e| stop(Why::Errno(e)))?;
                let stat = directory::stat(&entry).map_err(|e| stop(Why::Errno(e)))?;
                if directory::kind(&stat) != SFlag::S_IFLNK {
                    return Err(stop(Why::NotDirectory));
                }
                if ahead.is_empty() && !follow_last {
                    return Err(stop(Why::LastIsSymlink));
                }
                if stat.st_uid != 0 || !here.root_controlled {
                    return Err(stop(Why::Replaceable));
                }
                symlinks += 1;
                if symlinks > MAX_SYMLINKS {
                    return Err(stop(Why::TooManySymlinks));
                }
                let target = directory::link_target(&entry).map_err(|e| stop(Why::Errno(e)))?;
                if target.as_bytes().starts_with(b"/") {
                    below.clear();
                }
                for component in target.as_bytes().split(|b| *b == b'/').rev() {
                    ahead.push_front(OsStr::from_bytes(component).to_owned());
                }
            }
            opened => match name.as_bytes() {
                b"" | b"." => {}
                b".." => drop(below.pop()),
                _ => {
                    let opened = opened.map_err(|errno| stop(why(errno, &here.directory)))?;
                    let next = level(&name, opened, here.root_controlled).map_err(stop)?;
                    below.push(next);
                }
            },
        }
    }
    let others = match below.iter().position(|level| !level.root_controlled) {
        _ if !root.root_controlled => Some(PathBuf::from("/")),
        Some(i) => Some(Path::new("/").join(below.iter().take(i + 1).map(|l| &l.name).collect::<PathBuf>())),
        None => None,
    };
    let real = Normalised::of(below.iter().map(|l| l.name.clone()));
    let Level { directory, stat, .. } = below.pop().unwrap_or(root);
    Ok((Walked { directory, stat, real }, others))
}

/// `directory`: the one in which the call failed.
fn why(errno: Errno, directory: &OwnedFd) -> Why {
    match errno {
        Errno::EACCES => Why::Denied(DeniedBy::of(directory)),
        errno => Why::Errno(errno),
    }
}

fn level(name: &OsStr, directory: OwnedFd, above: bool) -> Result<Level, Why> {
    let stat = directory::stat(&directory).map_err(|errno| why(errno, &directory))?;
    let root_controlled = above && directory::is_root_controlled(&stat);
    Ok(Level { directory, stat, name: name.to_owned(), root_controlled })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> Normalised {
        Normalised::parse(text.as_ref()).unwrap()
    }

    #[test]
    fn what_others_can_write_is_not_roots() {
        assert_eq!(to_root_controlled(&path("/usr")).unwrap().real, path("/usr"));
        let refused = to_root_controlled(&path("/tmp")).unwrap_err();
        assert_eq!((&*refused.at, refused.why), (Path::new("/tmp"), Why::NotRootControlled));
        assert!(parent(&path("/usr/missing")).is_ok());
        assert_eq!(parent(&path("/tmp/missing")).unwrap_err().why, Why::NotRootControlled);
    }

    #[test]
    fn a_command_names_only_what_nobody_but_root_can_replace() {
        for (path, is_root_paths) in [
            ("/usr", true),
            // A directory may be another's. What is in it may not.
            ("/tmp", true),
            ("/usr/missing/sftpjail", true),
            ("/tmp/missing", false),
            ("/tmp/missing/sftpjail", false),
            ("usr", false),
        ] {
            assert_eq!(root_path(Path::new(path)).is_some(), is_root_paths, "{path}");
        }
    }
}
