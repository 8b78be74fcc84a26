//! Reads what is in a home, by descriptor. The user chooses the names in it, so it follows no symlink and
//! never waits.

use rustix::fs::{AtFlags, CWD, Dir, FileType, Mode, OFlags, Stat, openat, readlinkat, statat};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The most entries that are read; more of them are an error. Guarded directories have far fewer.
const MAX_ENTRIES: usize = 10_000;

/// An open home.
pub(crate) struct Home(OwnedFd);

/// A name below the home that leads to something with another name, too.
pub(crate) enum Alias {
    HardLink(PathBuf),
    Symlink {
        at: PathBuf,
        /// As written.
        target: PathBuf,
    },
}

impl Home {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Whether there is something but an empty file at `name`, which is one component.
    pub(crate) fn holds(&self, name: &str) -> io::Result<bool> {
        match statat(&self.0, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => Ok(false),
            stat => Ok(stat.map(|stat| !(kind(&stat) == FileType::RegularFile && stat.st_size == 0))?),
        }
    }

    /// The symlinks and the files with several hard links in the directory `below`, a path below the home
    /// without symlinks. There are none if the directory is missing.
    pub(crate) fn aliases(&self, below: &Path) -> io::Result<Vec<Alias>> {
        let mut aliases = Vec::new();
        let mut here = openat(&self.0, ".", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
        for name in below {
            here = match child(&here, name, OFlags::PATH) {
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => return Ok(aliases),
                opened => opened?,
            };
        }
        collect(&child(&here, ".".as_ref(), OFlags::RDONLY)?, below, &mut aliases, &mut 0)?;
        Ok(aliases)
    }
}

fn collect(
    directory: &OwnedFd,
    path: &Path,
    aliases: &mut Vec<Alias>,
    seen: &mut usize,
) -> Result<(), Errno> {
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if name == "." || name == ".." {
            continue;
        }
        *seen += 1;
        if *seen > MAX_ENTRIES {
            return Err(Errno::TOOBIG);
        }
        let at = path.join(name);
        let stat = match statat(directory, name, AtFlags::SYMLINK_NOFOLLOW) {
            Err(Errno::NOENT) => continue,
            stat => stat?,
        };
        match kind(&stat) {
            FileType::Directory => match child(directory, name, OFlags::RDONLY) {
                // It was just replaced.
                Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP) => {}
                opened => collect(&opened?, &at, aliases, seen)?,
            },
            FileType::Symlink => {
                let target = readlinkat(directory, name, Vec::new())?.into_bytes();
                aliases.push(Alias::Symlink { at, target: OsString::from_vec(target).into() });
            }
            FileType::RegularFile if stat.st_nlink > 1 => aliases.push(Alias::HardLink(at)),
            _ => {}
        }
    }
    Ok(())
}

/// The directory `name` of `parent`.
fn child(parent: &OwnedFd, name: &OsStr, how: OFlags) -> Result<OwnedFd, Errno> {
    openat(parent, name, how | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

fn kind(stat: &Stat) -> FileType {
    FileType::from_raw_mode(stat.st_mode)
}
