//! Tries in the jail, as the user, to write what the profile says is writable, and to list the other volumes.
//!
//! The kernel answers: modes, access control lists, attributes and read-only mounts count, and nothing is written.

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, geteuid};
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::whole;
use pam_sftpjail::plan::Plan;
use rustix::fs::{CWD, Dir, Mode, OFlags, openat};
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How many entries of a directory are looked at.
const MOST: usize = 1_000;

/// How many of the directories in it are named.
const NAMED: usize = 3;

/// A directory that sessions should be able to write, and that the user cannot.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unwritable {
    /// Its path in the jail, escaped as a whole.
    pub(crate) path: String,
    /// The index of the volume among those of the plan. `None`: it is the home.
    pub(crate) volume: Option<usize>,
    /// Why it cannot be written.
    pub(crate) errno: i32,
    /// The paths from there to directories that the user can write, each escaped as a whole. Those whose names begin
    /// with a dot are left out: they hold the files of programs, such as keys.
    pub(crate) inside: Vec<String>,
    /// In the home, a file of the user's, as such a path. Hidden ones are left out: programs make them.
    pub(crate) own_file: Option<String>,
    /// Whether it has more entries than were looked at.
    pub(crate) has_more: bool,
}

/// A volume for reading only that the user cannot list.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Unlistable {
    /// Its path in the jail, escaped as a whole.
    pub(crate) path: String,
    /// The index of the volume among those of the plan.
    pub(crate) volume: usize,
    /// Whether the user can enter it all the same, and get what has a known name.
    pub(crate) can_enter: bool,
    /// Why it cannot be listed.
    pub(crate) errno: i32,
}

/// The volumes of a plan that are for reading only: their indices, and their paths in the jail.
pub(super) fn for_reading(plan: &Plan) -> Vec<(usize, PathBuf)> {
    let read_only: Vec<_> = plan
        .directories()
        .filter(|(_, read_only, _)| *read_only)
        .map(|(at, ..)| Path::new("/").join(at))
        .collect();
    let volumes = plan.volumes().iter().map(|volume| volume.target.clone()).enumerate();
    volumes.filter(|(_, target)| read_only.contains(target)).collect()
}

/// Those of the volumes that this process cannot list. By now, it is the user.
pub(super) fn unlistable(volumes: Vec<(usize, PathBuf)>) -> Vec<Unlistable> {
    let tried = volumes.into_iter().filter_map(|(volume, path)| {
        let errno = access(&path, AccessFlags::R_OK | AccessFlags::X_OK).err()? as i32;
        let can_enter = access(&path, AccessFlags::X_OK).is_ok();
        Some(Unlistable { path: whole(&path).to_string(), volume, can_enter, errno })
    });
    tried.collect()
}

/// A directory that sessions should be able to write.
pub(super) struct Meant {
    /// In the jail.
    path: PathBuf,
    volume: Option<usize>,
    /// Opened by root, who can list it where the user cannot.
    listing: Option<OwnedFd>,
}

impl Meant {
    /// Those of a plan.
    pub(super) fn all(plan: &Plan, profile: &Profile, home: &Path) -> Vec<Self> {
        let writable = plan.directories().filter(|(_, read_only, _)| !read_only);
        let meant = writable.filter_map(|(at, ..)| {
            let path = Path::new("/").join(at);
            // Paths are equal whether or not they have `//`, `/./` or a slash at the end.
            let is_home = profile.home == HomeAccess::ReadWrite && path == home;
            // A volume that is left out is not among these.
            let volume = plan.volumes().iter().position(|volume| volume.target == path);
            (is_home || volume.is_some()).then_some(Self { path, volume, listing: None })
        });
        meant.collect()
    }

    /// Opens it in the jail, as root.
    pub(super) fn open(&mut self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        self.listing = openat(CWD, &self.path, flags, Mode::empty()).ok();
    }

    /// Tries it in the jail, as the user. `all`: a volume may be mounted in another, or deep in the home.
    fn unwritable(self, all: &[PathBuf]) -> Option<Unwritable> {
        let errno = write_error(&self.path)?;
        let uid = geteuid().as_raw();
        let inside = |path: &Path| path.strip_prefix(&self.path).map(|path| whole(path).to_string()).ok();
        let volumes = all.iter().filter(|path| **path != self.path && write_error(path).is_none());
        let mut found = Unwritable {
            path: whole(&self.path).to_string(),
            volume: self.volume,
            errno: errno as i32,
            inside: volumes.filter_map(|path| inside(path)).collect(),
            own_file: None,
            has_more: false,
        };
        let entries = self.listing.and_then(|directory| Dir::new(directory).ok());
        let names = entries.into_iter().flatten().flatten();
        for (seen, entry) in names.enumerate() {
            if seen >= MOST {
                found.has_more = true;
                break;
            }
            let name = OsStr::from_bytes(entry.file_name().to_bytes());
            let path = self.path.join(name);
            let Ok(stat) = path.symlink_metadata() else { continue };
            if name.as_bytes().starts_with(b".") {
                continue;
            }
            if stat.is_file() && stat.uid() == uid && self.volume.is_none() && found.own_file.is_none() {
                found.own_file = inside(&path);
            }
            if stat.is_dir() && found.inside.len() < NAMED && write_error(&path).is_none() {
                found.inside.extend(inside(&path).filter(|path| !found.inside.contains(path)));
            }
        }
        found.inside.sort();
        Some(found)
    }
}

/// Those that this process cannot write. By now, it is the user.
pub(super) fn unwritable(meant: Vec<Meant>) -> Vec<Unwritable> {
    let paths: Vec<_> = meant.iter().map(|meant| meant.path.clone()).collect();
    meant.into_iter().filter_map(|meant| meant.unwritable(&paths)).collect()
}

/// Why this process cannot make files in a directory; `None` if it can.
pub(super) fn write_error(directory: &Path) -> Option<Errno> {
    access(directory, AccessFlags::W_OK | AccessFlags::X_OK).err()
}
