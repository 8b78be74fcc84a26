//! One place below the home that the `guard` makes a mount point: checked, and made where it is missing.

use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::sys::identity::Owner;
use crate::sys::umask::Umask;
use crate::sys::{directory, limit_fix};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const PLAIN: &str = "let it be a plain file or directory, or take it out of the profile's guard";

/// What can be made on a filesystem.
pub(super) enum Room {
    Enough,
    /// What the user may use is used up. Root may have some.
    Low,
    /// Nothing, by anybody.
    ReadOnly,
}

/// A place below the home that is to be a mount point.
#[derive(Debug)]
pub(crate) struct GuardPoint {
    pub(super) home: Rc<OwnedFd>,
    /// For people: where it is on the host.
    pub(super) shown: PathBuf,
    /// Where it is below the home.
    pub(super) below: PathBuf,
    /// Whether it is made as a directory where it is missing.
    pub(super) is_directory: bool,
    /// Or is it only on the way to what is?
    pub(super) is_guarded: bool,
    pub(super) owner: Owner,
}

impl GuardPoint {
    /// What is there, O_PATH, if it can be guarded; `None` where nothing is.
    pub(super) fn open(&self) -> Result<Option<OwnedFd>, Refusal> {
        let flags = if self.is_guarded { OFlag::empty() } else { OFlag::O_DIRECTORY };
        let opened = match self.owner.open_below(&self.home, &self.below, flags) {
            Err(Errno::ENOENT) => return Ok(None),
            opened => opened.map_err(|errno| self.unusable(errno))?,
        };
        let stat = directory::stat(&opened).map_err(|errno| self.unusable(errno))?;
        match directory::kind(&stat) {
            SFlag::S_IFDIR => Ok(Some(opened)),
            SFlag::S_IFREG if stat.st_nlink < 2 => Ok(Some(opened)),
            SFlag::S_IFREG => Err(self.refuse(
                "it has another name as well, a hard link, through which it could be changed",
                "put a copy of its own in its place, or take it out of the profile's guard",
            )),
            // Those can be written to on a read-only mount.
            _ => Err(self.refuse("it is neither a file nor a directory", PLAIN)),
        }
    }

    /// The nearest directory above it that is there, in which it, or what leads to it, would be made.
    pub(super) fn above(&self) -> Result<OwnedFd, Refusal> {
        let mut found = Err(Errno::ENOENT);
        for above in self.below.ancestors().skip(1) {
            // openat2(2) takes no empty path.
            let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
            found = self.owner.open_below(&self.home, above, OFlag::O_DIRECTORY);
            if found.as_ref().err() != Some(&Errno::ENOENT) {
                break;
            }
        }
        found.map_err(|errno| self.unusable(errno))
    }

    /// What the filesystem lets be made where it is missing; the refusal is of one that lets nothing be made
    /// even by root.
    pub(super) fn room(&self) -> Result<Room, Refusal> {
        let stat = fstatvfs(self.above()?).map_err(|errno| self.unusable(errno))?;
        // Filesystems without a table of inodes say 0 of all of them.
        let has_inodes = stat.files() > 0;
        if stat.flags().contains(FsFlags::ST_RDONLY) {
            Ok(Room::ReadOnly)
        } else if has_inodes && stat.files_free() == 0 {
            Err(self.full())
        } else if stat.blocks_available() == 0 || (has_inodes && stat.files_available() == 0) {
            Ok(Room::Low)
        } else {
            Ok(Room::Enough)
        }
    }

    /// Makes it, empty, and gives what is there then. Another login may be doing the same; what is found is
    /// checked like what was there before.
    ///
    /// The user makes it, so to speak: nothing has to be given away afterwards, and no link or rename of
    /// the user's can direct root's rights to anything. Only where the user may not write, or has no room
    /// left, root makes it, and it stays root's: quotas do not bind root, and ext4 keeps room for it.
    pub(crate) fn make(&self) -> Result<OwnedFd, Refusal> {
        let (Some(above), Some(name)) = (self.below.parent(), self.below.file_name()) else {
            return Err(self.unusable(Errno::EINVAL));
        };
        // openat2(2) takes no empty path.
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let above = self
            .owner
            .open_below(&self.home, above, OFlag::O_DIRECTORY)
            .map_err(|errno| self.unusable(errno))?;
        let make = |name: &OsStr, directory: u32, file: u32| {
            let made = match self.is_directory {
                true => directory::make(&above, name, directory),
                false => directory::make_file(&above, name, file).map(drop),
            };
            match made {
                Err(error) if error.errno == Errno::EEXIST => Ok(()),
                made => made,
            }
        };
        let made = {
            let _exact = Umask::none();
            let by_owner = {
                let _owner = self.owner.assume()?;
                make(name, 0o700, 0o600)
            };
            match by_owner {
                Err(error) if matches!(error.errno, Errno::EACCES | Errno::EDQUOT | Errno::ENOSPC) => {
                    make(name, 0o755, 0o644)
                }
                made => made,
            }
        };
        made.map_err(|error| {
            if matches!(error.errno, Errno::EDQUOT | Errno::ENOSPC) {
                return self.full();
            }
            let why = format!("it is missing, and an empty one cannot be made: {}", error.errno.desc());
            self.refuse(&why, "make it, or take it out of the profile's guard")
        })?;
        self.open()?.ok_or_else(|| replaced(&self.shown))
    }

    pub(super) fn unusable(&self, errno: Errno) -> Refusal {
        match errno {
            Errno::ELOOP => self.refuse("it is a symlink, or is reached by one", PLAIN),
            Errno::ENOTDIR => self.refuse("it is not a directory", PLAIN),
            Errno::EACCES => {
                Refusal::Denied { path: escaped(&self.shown).to_string(), by: DeniedBy::of(&self.home) }
            }
            errno => self.refuse(errno.desc(), limit_fix(errno).unwrap_or("see that root can reach it")),
        }
    }

    pub(super) fn full(&self) -> Refusal {
        Refusal::Full { path: escaped(&self.shown).to_string() }
    }

    fn refuse(&self, why: &str, fix: &str) -> Refusal {
        refusal(&self.shown, why, fix)
    }
}

/// `path` cannot be guarded: why, and the fix.
pub(super) fn refusal(path: &Path, why: &str, fix: &str) -> Refusal {
    Refusal::Guard { path: escaped(path).to_string(), why: why.into(), fix: fix.into() }
}

/// `path` in the jail is not what was checked.
pub(crate) fn replaced(path: &Path) -> Refusal {
    refusal(path, "something else was put in its place during the login", "log in again")
}
