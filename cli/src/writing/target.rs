//! Checks each file before a verb writes it: nobody but root may decide where the content goes, or change it
//! later.
//!
//! Every file that this program writes is a [`Target`]. `atomic` writes it.

use crate::desired::trusted::{Found, Untrusted};
use crate::host::trust::changeable;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::path::MAX_SYMLINKS;
use pam_sftpjail::plan::root_path;
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A regular file, or one that is missing. It and the directories above it are owned by root and writable by
/// nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Target(PathBuf);

impl Target {
    /// A file that this program writes as a whole. A symlink there is refused. It may be a mask: systemd ignores a
    /// file that is a symlink to /dev/null. Or it may lead to a file of others.
    pub(crate) fn ours(path: &Path) -> Result<Self, Error> {
        if let Ok(destination) = path.read_link() {
            let shown = escaped(path);
            let what = format!(
                "{shown} is a symlink to {}, and a file has to be written there",
                escaped(&destination)
            );
            let removed = root_path(path).map(|path| Command::new("rm").arg(&path));
            let first = "find out who made it";
            return Err(Error::new(
                what,
                removed.map_or_else(
                    || "find out who made it, and remove it".into(),
                    |rm| Fix::after(first, &rm),
                ),
            ));
        }
        Self(path.to_owned()).checked()
    }

    /// A file of others, of which this program changes a part. If `path` is a symlink: the file that it leads to.
    pub(crate) fn of_others(path: &Path) -> Result<Self, Error> {
        let mut at = path.to_owned();
        for _ in 0..MAX_SYMLINKS {
            check_owner_above(&at)?;
            match at.read_link() {
                Ok(destination) => at = at.parent().unwrap_or(Path::new("/")).join(destination),
                Err(_) => return Self(at).checked(),
            }
        }
        Err(Error::new(
            format!("{} leads through more than {MAX_SYMLINKS} symlinks", escaped(path)),
            "put a file in its place",
        ))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Opens the file, and gives its metadata, too; `None` if it is missing.
    pub(crate) fn open(&self) -> Result<Option<(File, Metadata)>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let path = self.path();
        let file = match open(path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                let what = format!("{} has become a symlink", escaped(path));
                return Err(Error::new(what, "find out who made it, and run this again"));
            }
            Err(errno) => return Err(Error::with(path, "be read", &io::Error::from(errno))),
        };
        let stat = file.metadata().map_err(|error| Error::with(path, "be checked", &error))?;
        if !stat.is_file() {
            let what =
                format!("{} is not a regular file, and only such a file can be written", escaped(path));
            return Err(Error::new(what, "put a regular file in its place"));
        }
        check_owner(path, &stat)?;
        Ok(Some((file, stat)))
    }

    /// The content; `None` if it is missing.
    pub(crate) fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some((mut file, _)) = self.open()? else { return Ok(None) };
        let mut bytes = Vec::new();
        match file.read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(Error::with(self.path(), "be read", &error)),
        }
    }

    fn checked(self) -> Result<Self, Error> {
        check_owner_above(self.path())?;
        self.open().map(|_| self)
    }
}

/// Refuses a path if a directory or symlink on the way to it is not owned by root, or if others can write it.
pub(crate) fn check_owner_above(path: &Path) -> Result<(), Error> {
    let Some(above) = path.ancestors().skip(1).find(|above| above.exists()) else { return Ok(()) };
    let unknown = |error| Error::with(above, "be checked", &error);
    match changeable(above).map_err(unknown)? {
        None => Ok(()),
        Some(at) => check_owner(&at, &at.symlink_metadata().map_err(unknown)?),
    }
}

/// Refuses what users other than root can change of what sshd and PAM read.
pub(crate) fn check_trusted(found: &Found) -> Result<(), Error> {
    if let Some(Untrusted { at, .. }) = found.untrusted.first() {
        let stat = at.symlink_metadata().map_err(|error| Error::with(at, "be checked", &error))?;
        check_owner(at, &stat)?;
    }
    match found.unknown.first() {
        Some((path, error)) => Err(Error::with(path, "be checked", error)),
        None => Ok(()),
    }
}

/// Refuses a file or directory that is not owned by root, or that others can write.
fn check_owner(path: &Path, stat: &Metadata) -> Result<(), Error> {
    if stat.uid() == 0 && stat.mode() & 0o022 == 0 {
        return Ok(());
    }
    let what = match stat.uid() {
        0 => format!("{} is writable by others than root (mode {:04o})", escaped(path), stat.mode() & 0o7777),
        uid => format!("{} is not owned by root, but by uid {uid}", escaped(path)),
    };
    Err(Error::new(what, roots_alone(path)))
}

/// The fix for what others than root own or can write. It is a command for a file or directory of the system only:
/// elsewhere its owner may need it.
pub(crate) fn roots_alone(path: &Path) -> Fix {
    let is_of_system = ["/etc", "/usr", "/lib", "/lib64"].iter().any(|of_system| path.starts_with(of_system));
    match root_path(path).filter(|_| is_of_system && !path.is_symlink()) {
        Some(path) => {
            let owned = Command::new("chown root").arg(&path);
            Fix::after("check what is in it", &owned.and(&Command::new("chmod go-w").arg(&path)))
        }
        None => "find out who needs it so; if nobody does, let root own it and nobody else write it. Otherwise choose \
                 another path"
            .into(),
    }
}
