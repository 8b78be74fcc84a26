//! A directory of root's with a file for each user: reads one of them by descriptor, and what is in it is the caller's.

use super::error::{Cause, ConfigError};
use super::problem::Problem;
use super::root_file;
use crate::sys::directory;
use nix::errno::Errno;
use nix::fcntl::AT_FDCWD;
use std::ffi::OsStr;
use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;

/// The content of the file `name` in `directory`; `None` where either is missing.
///
/// The directory and the file must be owned by root and writable by nobody else, and the file a regular one: neither a
/// symlink nor a FIFO, which would block.
pub fn read(directory: &Path, name: &str) -> Result<Option<Vec<u8>>, ConfigError> {
    let Some(opened) = open_directory(directory)? else { return Ok(None) };
    let bytes = match directory::open_file(&opened, OsStr::new(name)) {
        // A name that is too long is that of no file.
        Err(Errno::ENOENT | Errno::ENAMETOOLONG) => return Ok(None),
        Err(Errno::ELOOP) => {
            Err(Cause::Problem(Problem::of_file("is a symlink", "replace it with a regular file")))
        }
        Err(errno) => Err(Cause::Unreadable(errno)),
        Ok(file) => root_file::trusted_bytes(File::from(file)),
    };
    bytes.map(Some).map_err(|cause| ConfigError::new(&directory.join(name), cause))
}

/// Whether the directory is there. The error: no file in it can be used.
pub fn is_there(directory: &Path) -> Result<bool, ConfigError> {
    Ok(open_directory(directory)?.is_some())
}

fn open_directory(path: &Path) -> Result<Option<OwnedFd>, ConfigError> {
    checked_directory(path).map_err(|cause| ConfigError::new(path, cause))
}

fn checked_directory(path: &Path) -> Result<Option<OwnedFd>, Cause> {
    let directory = match directory::open_to_read(AT_FDCWD, path.as_os_str()) {
        Err(Errno::ENOENT) => return Ok(None),
        Err(Errno::ENOTDIR) => {
            let fix = "move it away, and make a directory that only root can write";
            return Err(Cause::Problem(Problem::of_file("is not a directory", fix)));
        }
        opened => opened.map_err(Cause::Unreadable)?,
    };
    let stat = directory::stat(&directory).map_err(Cause::Unreadable)?;
    match directory::is_root_controlled(&stat) {
        true => Ok(Some(directory)),
        false => Err(Cause::Untrusted("is not owned by root, or can be written by others than root")),
    }
}
