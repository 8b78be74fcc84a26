//! From `/` to a directory by descriptor.
//!
//! Almost always one openat2(2) that meets no symlink. Where it meets one, or is not to be had,
//! component by component, to follow a symlink that nobody but root could have put there. Where it
//! fails otherwise, the same walk says which component is the trouble.

use crate::denied_by::DeniedBy;
use crate::error::unusable;
use crate::path::Normalised;
use crate::sys::directory;
use nix::errno::Errno;
use nix::sys::stat::{FileStat, SFlag};
use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// As many as the kernel follows (namei.h: MAXSYMLINKS).
const MAX_SYMLINKS: usize = 40;

/// A directory that was reached.
#[derive(Debug)]
pub(super) struct Walked {
    /// O_PATH.
    pub(super) directory: OwnedFd,
    pub(super) stat: FileStat,
    /// Where it really is: the path without the symlinks that were followed.
    pub(super) real: Normalised,
}

/// The directory that holds the last component of `path`, and that component. Everything down to it
/// is root's, and nobody else can write there.
pub(super) fn parent(path: &Normalised) -> Result<(Walked, OsString), Stop> {
    let Some((name, above)) = path.components().split_last() else {
        return Err(Stop { at: "/".into(), why: Why::NotDirectory, others: false });
    };
    // What is the last component there is none of `path`, so it may be a symlink.
    let walked = by_component(&Normalised::of(above.iter().cloned()), true)?;
    Ok((only_roots(walked)?, name.clone()))
}

/// Opens the directory at `path`, if everything down to it is root's, and so is it, and nobody else
/// can write there.
pub(super) fn roots_alone(path: &Normalised) -> Result<Walked, Stop> {
    only_roots(by_component(path, false)?)
}

fn only_roots((walked, others): (Walked, Option<PathBuf>)) -> Result<Walked, Stop> {
    match others {
        None => Ok(walked),
        Some(at) => Err(Stop { at, why: Why::NotRootsAlone, others: true }),
    }
}

/// Where the walk ended early.
#[derive(Debug)]
pub(super) struct Stop {
    /// The component, with the path to it.
    pub(super) at: PathBuf,
    pub(super) why: Why,
    /// Whether others than root can write where that is, or above it: it may be their doing.
    pub(super) others: bool,
}

#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Why {
    #[error("{}", unusable(*.0))]
    Errno(Errno),
    #[error("cannot be looked at: permission denied")]
    Denied(DeniedBy),
    #[error("is not a directory")]
    NotDirectory,
    #[error("is a symlink")]
    LastIsSymlink,
    #[error("is a symlink that others than root could replace")]
    Replaceable,
    #[error("does not belong to root alone")]
    NotRootsAlone,
    #[error("leads through more than 40 symlinks")]
    TooManySymlinks,
}

/// Opens the directory at `path`.
pub(super) fn to(path: &Normalised) -> Result<Walked, Stop> {
    let opened = directory::open_without_symlinks(&path.absolute());
    match opened.and_then(|directory| Ok((directory::stat(&directory)?, directory))) {
        Ok((stat, directory)) => Ok(Walked { directory, stat, real: path.clone() }),
        // EPERM: older seccomp filters answer so for calls that they do not know.
        Err(Errno::ELOOP | Errno::ENOSYS | Errno::EPERM) => Ok(by_component(path, false)?.0),
        Err(errno) => {
            by_component(path, false)?;
            Err(Stop { at: path.absolute(), why: Why::Errno(errno), others: false })
        }
    }
}

/// A directory on the way.
struct Level {
    directory: OwnedFd,
    stat: FileStat,
    name: OsString,
    /// Whether it and all above it belong to root and cannot be written by anybody else.
    roots_alone: bool,
}

/// Gives, too, the first component that others than root own or can write, if there is one.
fn by_component(path: &Normalised, follow_last: bool) -> Result<(Walked, Option<PathBuf>), Stop> {
    let root = directory::open("/")
        .map_err(|error| Why::Errno(error.errno))
        .and_then(|root| level("/".as_ref(), root, true))
        .map_err(|why| Stop { at: "/".into(), why, others: false })?;
    let mut below: Vec<Level> = Vec::new();
    let mut ahead: VecDeque<OsString> = path.components().iter().cloned().collect();
    let mut symlinks = 0;

    while let Some(name) = ahead.pop_front() {
        let here = below.last().unwrap_or(&root);
        let stop = |why| Stop {
            at: PathBuf::from("/").join(below.iter().map(|l| &l.name).collect::<PathBuf>()).join(&name),
            why,
            others: !here.roots_alone,
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
                if stat.st_uid != 0 || !here.roots_alone {
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
                    let next = level(&name, opened, here.roots_alone).map_err(stop)?;
                    below.push(next);
                }
            },
        }
    }
    let others = match below.iter().position(|level| !level.roots_alone) {
        _ if !root.roots_alone => Some(PathBuf::from("/")),
        Some(i) => Some(Path::new("/").join(below.iter().take(i + 1).map(|l| &l.name).collect::<PathBuf>())),
        None => None,
    };
    let real = Normalised::of(below.iter().map(|l| l.name.clone()));
    let Level { directory, stat, .. } = below.pop().unwrap_or(root);
    Ok((Walked { directory, stat, real }, others))
}

/// `by`: what answered.
fn why(errno: Errno, by: &OwnedFd) -> Why {
    match errno {
        Errno::EACCES => Why::Denied(DeniedBy::of(by)),
        errno => Why::Errno(errno),
    }
}

fn level(name: &OsStr, directory: OwnedFd, above: bool) -> Result<Level, Why> {
    let stat = directory::stat(&directory).map_err(|errno| why(errno, &directory))?;
    let roots_alone = above && directory::is_roots_alone(&stat);
    Ok(Level { directory, stat, name: name.to_owned(), roots_alone })
}
