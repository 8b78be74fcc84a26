//! Files, each of which is as it was or as it shall be whenever this is killed: the new content is
//! written beside the old one, with the owner, mode and labels of the old one, and then renamed.

use super::target::Target;
use crate::report::Error;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::{self, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The longest value of an extended attribute: xattr(7), XATTR_SIZE_MAX.
const MAX_XATTR: usize = 65_536;

/// What it holds, `None` where it is missing.
pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::with(path, "be read", &error)),
    }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(super) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Where the new content lies until it is renamed: in the same directory, where neither sshd,
/// rsyslog, logrotate (which knows this ending as dpkg's) nor libpam takes it for one of their files.
fn beside(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(".sftpjail.dpkg-new");
    path.with_file_name(name)
}

/// Writes the new content beside the file. `mode`: of a file that is not there yet.
pub(super) fn stage(target: &Target, bytes: &[u8], mode: u32, at: Option<SystemTime>) -> Result<(), Error> {
    let path = target.path();
    unstage(path)?;
    let old = target.open()?;
    write(path, old, bytes, mode, at).map_err(|error| {
        let error = Error::with(path, "be written", &error);
        // What there is of it is of no use; the next run would remove it, too.
        let _ = unstage(path);
        error
    })
}

fn write(
    path: &Path,
    old: Option<(File, Metadata)>,
    bytes: &[u8],
    mode: u32,
    at: Option<SystemTime>,
) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(beside(path))?;
    new.write_all(bytes)?;
    match old {
        // Root's alone: the mode lets nobody else write.
        Some((old, stat)) => {
            fchown(&new, Some(stat.uid()), Some(stat.gid()))?;
            new.set_permissions(Permissions::from_mode(stat.mode() & 0o7777))?;
            copy_attributes(&old, &new)?;
        }
        None => new.set_permissions(Permissions::from_mode(mode))?,
    }
    if let Some(at) = at {
        new.set_modified(at)?;
    }
    new.sync_all()
}

/// Labels and access lists. Signatures of the content (IMA, EVM) would not fit the new one.
fn copy_attributes(old: &File, new: &File) -> io::Result<()> {
    let mut names = vec![0; MAX_XATTR];
    let length = match flistxattr(old, &mut names) {
        Err(Errno::NOTSUP) => return Ok(()),
        length => length?,
    };
    names.truncate(length);
    let mut value = vec![0; MAX_XATTR];
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        if [&b"security.ima"[..], b"security.evm"].contains(&name) {
            continue;
        }
        let length = fgetxattr(old, name, &mut value)?;
        fsetxattr(new, name, value.get(..length).unwrap_or_default(), XattrFlags::empty())?;
    }
    Ok(())
}

/// Puts what was staged in the file's place.
pub(super) fn commit(path: &Path) -> Result<(), Error> {
    let renamed = fs::rename(beside(path), path).and_then(|()| sync_directory(path));
    renamed.map_err(|error| Error::with(path, "be replaced", &error))
}

/// Removes what was staged, if anything was.
pub(super) fn unstage(path: &Path) -> Result<(), Error> {
    gone(fs::remove_file(beside(path))).map_err(|error| Error::with(path, "be written", &error))
}

/// Both in one.
pub(super) fn replace(target: &Target, bytes: &[u8], mode: u32, at: Option<SystemTime>) -> Result<(), Error> {
    stage(target, bytes, mode, at)?;
    commit(target.path()).inspect_err(|_| {
        // It would be in nobody's way.
        let _ = unstage(target.path());
    })
}

pub(super) fn remove(path: &Path) -> Result<(), Error> {
    let removed = gone(fs::remove_file(path)).and_then(|()| sync_directory(path));
    removed.map_err(|error| Error::with(path, "be removed", &error))
}

/// Makes a directory of exactly this mode, root's.
pub(super) fn make_directory(path: &Path, mode: u32) -> Result<(), Error> {
    let make = || {
        fs::create_dir(path)?;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        sync_directory(path)
    };
    match make() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(|error| Error::with(path, "be made", &error)),
    }
}

/// Removes a directory if nothing is in it. `false`: it stays.
pub(super) fn remove_directory(path: &Path) -> Result<bool, Error> {
    match gone(fs::remove_dir(path)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::ResourceBusy) => {
            Ok(false)
        }
        Err(error) => Err(Error::with(path, "be removed", &error)),
    }
}

fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(()),
        other => other,
    }
}

/// So that a power cut does not undo what was done to `path`'s entry.
fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().map(File::open) {
        Some(directory) => match directory?.sync_all() {
            // Some file systems cannot.
            Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
            synced => synced,
        },
        None => Ok(()),
    }
}
