//! Replaces files at once: whenever this program is killed, each file has its old content or its new one.
//!
//! The new content is written to a file beside the old one, with its owner, mode and labels, and then
//! renamed. It does not decide where a verb may write: `target` does.

use super::target::Target;
use crate::report::Error;
use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;
use sha2::{Digest, Sha256};
use std::fs::{self, DirBuilder, File, Metadata, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How the names of staged files end.
const STAGED: &str = ".sftpjail.dpkg-new";

/// The longest value of an extended attribute: xattr(7), XATTR_SIZE_MAX.
const MAX_XATTR: usize = 65_536;

/// The content of a file; `None` if it is missing.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, Error> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Error::with(path, "be read", &error)),
    }
}

/// SHA-256, in hexadecimal digits.
pub(crate) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// When the content was last changed; `None` if that cannot be read.
pub(crate) fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

/// Where the new content is until it is renamed: in the same directory. Neither sshd, rsyslog, libpam nor
/// logrotate (which skips dpkg's ending) reads a file of this name.
fn staging_path(path: &Path) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(STAGED);
    path.with_file_name(name)
}

/// Whether it is such a file, which a run that was killed has left.
pub(crate) fn is_staged(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    name.starts_with(b".") && name.ends_with(STAGED.as_bytes())
}

/// Writes the new content beside the file. `mode`: for a file that is missing so far. `modified`: the time of
/// change that it gets, if not now.
pub(crate) fn stage(
    target: &Target,
    bytes: &[u8],
    mode: u32,
    modified: Option<SystemTime>,
) -> Result<(), Error> {
    let path = target.path();
    unstage(path)?;
    let old = target.open()?;
    write(path, old, bytes, mode, modified).map_err(|error| {
        let error = Error::with(path, "be written", &error);
        // If this fails, the next run removes it.
        let _ = unstage(path);
        error
    })
}

fn write(
    path: &Path,
    old: Option<(File, Metadata)>,
    bytes: &[u8],
    mode: u32,
    modified: Option<SystemTime>,
) -> io::Result<()> {
    let mut new = OpenOptions::new().write(true).create_new(true).mode(0o600).open(staging_path(path))?;
    new.write_all(bytes)?;
    match old {
        // `Target` has checked that root owns it and that nobody else can write it.
        Some((old, stat)) => {
            fchown(&new, Some(stat.uid()), Some(stat.gid()))?;
            new.set_permissions(Permissions::from_mode(stat.mode() & 0o7777))?;
            copy_attributes(&old, &new)?;
        }
        None => new.set_permissions(Permissions::from_mode(mode))?,
    }
    if let Some(modified) = modified {
        new.set_modified(modified)?;
    }
    new.sync_all()
}

/// Copies labels and access control lists, but no signatures (IMA, EVM): those are of the old content.
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

/// Renames the staged file over `path`.
pub(crate) fn commit(path: &Path) -> Result<(), Error> {
    let renamed = fs::rename(staging_path(path), path).and_then(|()| sync_directory(path));
    renamed.map_err(|error| Error::with(path, "be replaced", &error))
}

/// Removes the staged file, if there is one.
pub(crate) fn unstage(path: &Path) -> Result<(), Error> {
    let staged = staging_path(path);
    ignore_missing(&staged, fs::remove_file(&staged)).map_err(|error| Error::with(path, "be written", &error))
}

/// [`stage`] and [`commit`].
pub(crate) fn replace(
    target: &Target,
    bytes: &[u8],
    mode: u32,
    modified: Option<SystemTime>,
) -> Result<(), Error> {
    stage(target, bytes, mode, modified)?;
    commit(target.path()).inspect_err(|_| {
        // If this fails, the staged file stays, and nothing reads it.
        let _ = unstage(target.path());
    })
}

/// Removes a file; it may be missing already.
pub(crate) fn remove(path: &Path) -> Result<(), Error> {
    let removed = ignore_missing(path, fs::remove_file(path)).and_then(|()| sync_directory(path));
    removed.map_err(|error| Error::with(path, "be removed", &error))
}

/// Makes a directory, owned by root, with exactly this mode. One that is there stays as it is.
pub(crate) fn make_directory(path: &Path, mode: u32) -> Result<(), Error> {
    let make = || {
        // The umask may allow others to write, or take away what `mode` has.
        DirBuilder::new().mode(mode).create(path)?;
        fs::set_permissions(path, Permissions::from_mode(mode))?;
        sync(path)?;
        sync_directory(path)
    };
    match make() {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        made => made.map_err(|error| Error::with(path, "be made", &error)),
    }
}

/// Whether a directory is there, and no symlink. The error: that is unknown.
pub(crate) fn is_directory(path: &Path) -> Result<bool, Error> {
    is(path, path.symlink_metadata(), Metadata::is_dir)
}

/// Whether a path leads to a file. The error: that is unknown.
pub(crate) fn is_file(path: &Path) -> Result<bool, Error> {
    is(path, path.metadata(), Metadata::is_file)
}

fn is(path: &Path, found: io::Result<Metadata>, kind: fn(&Metadata) -> bool) -> Result<bool, Error> {
    match found {
        Ok(stat) => Ok(kind(&stat)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(false),
        // Symlinks that lead to each other.
        Err(error) if error.raw_os_error() == Some(Errno::LOOP.raw_os_error()) => Ok(false),
        Err(error) => Err(Error::with(path, "be read", &error)),
    }
}

/// Removes a directory if it is empty and not in use. Gives whether it is gone.
pub(crate) fn remove_directory(path: &Path) -> Result<bool, Error> {
    match ignore_missing(path, fs::remove_dir(path)).and_then(|()| sync_directory(path)) {
        Ok(()) => Ok(true),
        Err(error) if matches!(error.kind(), ErrorKind::DirectoryNotEmpty | ErrorKind::ResourceBusy) => {
            Ok(false)
        }
        Err(error) => Err(Error::with(path, "be removed", &error)),
    }
}

/// What came of removing `path`, which may be missing.
fn ignore_missing(path: &Path, removed: io::Result<()>) -> io::Result<()> {
    let is_missing =
        |error: &io::Error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory);
    match removed {
        Err(error) if is_missing(&error) => Ok(()),
        // On a read-only filesystem, the kernel does not look whether there is anything to remove.
        Err(error)
            if error.kind() == ErrorKind::ReadOnlyFilesystem
                && path.symlink_metadata().is_err_and(|error| is_missing(&error)) =>
        {
            Ok(())
        }
        other => other,
    }
}

/// Writes the directory of `path` to the disk, so that a power cut does not undo the change of its entry.
pub(crate) fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().map(sync) {
        // There is no entry then, either.
        Some(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(()),
        Some(synced) => synced,
        None => Ok(()),
    }
}

/// Writes a directory to the disk: its entries, owner and mode.
fn sync(directory: &Path) -> io::Result<()> {
    match File::open(directory)?.sync_all() {
        // Some filesystems cannot sync directories.
        Err(error) if error.kind() == ErrorKind::InvalidInput => Ok(()),
        synced => synced,
    }
}
