//! Tries whether a session could be recorded: with files that have no name, so that nobody sees them, that need no
//! lock, and that the kernel removes whatever ends the process.

use super::{DIRECTORY, failed_at, fix_at};
use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::sys::directory;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use nix::unistd::geteuid;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// As much as most records need, in bytes: a page, or a block of a disk.
const SIZE: usize = 4 << 10;

/// Whether a record of a session of `user` could be written now. It writes as many files as the registry lacks files
/// and directories then: each takes an inode. `Ok` where the filesystem has no files without names (O_TMPFILE of
/// open(2)).
pub fn can_record(user: &UserName) -> Result<(), Refusal> {
    let Place { directory, path, missing } = Place::of(user)?;
    let tried = (0..=missing).map(|_| directory::make_unnamed(&directory)).collect::<Result<Vec<_>, _>>();
    let written = tried.and_then(|files| match files.first() {
        Some(file) => directory::fill(file, SIZE),
        None => Ok(()),
    });
    match written {
        // ENOENT: the last session of the user has just ended. EFBIG: then an attribute is the record.
        Ok(()) | Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::EFBIG | Errno::ENOENT) => Ok(()),
        Err(Errno::EACCES | Errno::EPERM) if !geteuid().is_root() => {
            Err(Refusal::Denied { path: escaped(&path).to_string(), by: DeniedBy::process() })
        }
        Err(errno) => Err(Refusal::Registry {
            path: escaped(&path).to_string(),
            why: format!("cannot be written: {}", errno.desc()),
            fix: fix_at(&path, errno),
        }),
    }
}

/// The directory of the registry in which the record, or what leads to it, is made.
struct Place {
    directory: OwnedFd,
    path: PathBuf,
    /// How many directories are missing below it.
    missing: usize,
}

impl Place {
    fn of(user: &UserName) -> Result<Self, Refusal> {
        let registry = Path::new(DIRECTORY);
        let opened = directory::open_to_read(AT_FDCWD, registry.as_os_str());
        let (directory, path, missing) = match (opened, registry.parent()) {
            (Err(Errno::ENOENT), Some(run)) => {
                let opened = directory::open_without_symlinks(run);
                (opened.map_err(|errno| failed_at(run, errno))?, run.to_owned(), 2)
            }
            (Err(Errno::EACCES), _) => {
                return Err(Refusal::Denied { path: DIRECTORY.into(), by: DeniedBy::process() });
            }
            (opened, _) => {
                let opened = opened.map_err(|errno| failed_at(registry, errno))?;
                let path = registry.join(user);
                match directory::open_to_read(&opened, user.as_ref()) {
                    Err(Errno::ENOENT) => (opened, registry.to_owned(), 1),
                    own => (own.map_err(|errno| failed_at(&path, errno))?, path, 0),
                }
            }
        };
        Ok(Self { directory, path, missing })
    }
}
