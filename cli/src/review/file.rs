//! Writes a review into a file at once: whoever looks sees the old file or the new one. Only root can read it, and it
//! is written through no symlink.

use crate::report::error::errno;
use pam_sftpjail::escape::escaped;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Replaces what is at `path`, which is missing or a regular file.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let failed = |error: &io::Error| {
        let fix = "name a file in a directory that is there and can be written";
        io::Error::other(format!("{} cannot be written: {}; {fix}", escaped(path), errno(error)))
    };
    match path.symlink_metadata() {
        Ok(found) if !found.is_file() => {
            let why = if found.is_symlink() { "a symlink" } else { "no regular file" };
            return Err(io::Error::other(format!("{} is {why}; name another file", escaped(path))));
        }
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(&error)),
        Ok(_) | Err(_) => {}
    }
    let staged = staged(path).ok_or_else(|| failed(&ErrorKind::InvalidInput.into()))?;
    let written =
        stage(&staged, content).and_then(|()| fs::rename(&staged, path)).and_then(|()| sync_above(path));
    written.map_err(|error| {
        // If this fails, the file stays, and nothing reads it.
        if error.kind() != ErrorKind::AlreadyExists {
            let _ = fs::remove_file(&staged);
        }
        failed(&error)
    })
}

/// Where the content is until it is renamed: beside the file.
fn staged(path: &Path) -> Option<PathBuf> {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name()?);
    name.push(format!(".sftpjail-{}", std::process::id()));
    Some(path.with_file_name(name))
}

/// A name that somebody has put there already, such as a symlink, is an error.
fn stage(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Writes the directory to the disk, where its filesystem can do that.
fn sync_above(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match File::open(above)?.sync_all() {
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}
