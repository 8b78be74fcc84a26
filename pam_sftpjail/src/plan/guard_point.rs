//! One place below the home that the `guard` makes a mount point: checks it, and makes it if it is missing.
//!
//! Nothing is made before the jail is built, and nothing by a rehearsal.

use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::sys::identity::Owner;
use crate::sys::umask::Umask;
use crate::sys::{access_fix, directory, process_fix};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const PLAIN: &str = "replace it with a plain file or directory, or remove it from the profile's guard";

/// How much room a filesystem has.
pub(super) enum Room {
    Enough,
    /// The user has none left. Root may have some.
    Low,
    /// Nobody can make anything there.
    ReadOnly,
}

/// A place below the home that becomes a mount point.
#[derive(Debug)]
pub(crate) struct GuardPoint {
    pub(super) home: Rc<OwnedFd>,
    /// Its path on the host, for messages.
    pub(super) shown: PathBuf,
    /// Its path relative to the home.
    pub(super) below: PathBuf,
    /// Whether a missing one is made as a directory.
    pub(super) is_directory: bool,
    /// Whether it is a guarded name. Otherwise it is a directory above one.
    pub(super) is_guarded: bool,
    pub(super) owner: Owner,
}

impl GuardPoint {
    /// Opens what is there (O_PATH), if it can be guarded. `None`: it is missing.
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
                "it has another hard link, through which it could be changed",
                "replace it with a copy of its own, or remove it from the profile's guard",
            )),
            // Sockets and devices can be written to even on a read-only mount.
            _ => Err(self.refuse("it is neither a file nor a directory", PLAIN)),
        }
    }

    /// The nearest directory above it that exists.
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

    /// How much room there is to make it. It refuses if even root has none.
    pub(super) fn room(&self) -> Result<Room, Refusal> {
        let stat = fstatvfs(self.above()?).map_err(|errno| self.unusable(errno))?;
        // Filesystems without a table of inodes report 0.
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

    /// Makes it, empty, and opens it. Another login may do the same at the same time, so what is there
    /// afterwards is checked again.
    ///
    /// It is made with the user's rights. So its owner is right from the beginning, and the user cannot
    /// redirect root by a link or a rename. If the user may not write there, or has no room left, root makes
    /// it, and root stays the owner: quotas do not apply to root, and ext4 keeps room for it.
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
            let fix = process_fix(error.errno).unwrap_or("make it, or remove it from the profile's guard");
            self.refuse(&why, fix)
        })?;
        self.open()?.ok_or_else(|| replaced(&self.shown))
    }

    pub(super) fn unusable(&self, errno: Errno) -> Refusal {
        match errno {
            Errno::ELOOP => self.refuse("it is a symlink, or below one", PLAIN),
            Errno::ENOTDIR => self.refuse("it is not a directory", PLAIN),
            Errno::EACCES => {
                Refusal::Denied { path: escaped(&self.shown).to_string(), by: DeniedBy::of(&self.home) }
            }
            errno => self.refuse(errno.desc(), access_fix(errno)),
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

/// `path` in the jail is not the file that was checked.
pub(crate) fn replaced(path: &Path) -> Refusal {
    refusal(path, "it was replaced during the login", "log in again")
}
