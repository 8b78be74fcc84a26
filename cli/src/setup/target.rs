//! Which file is written: every file that setup writes goes through here, so that nobody but root has a
//! say in where the content lands or in who may change it later.

use crate::host::trust::{MAX_SYMLINKS, changeable};
use crate::report::Error;
use pam_sftpjail::escape::{escaped, word};
use rustix::fs::{Mode, OFlags, open};
use rustix::io::Errno;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file that is there or not, and no symlink. It and the directories above it are owned by root and
/// writable by nobody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target(PathBuf);

impl Target {
    /// A file that is wholly ours. What stands there as a symlink is refused: systemd masks a file by one
    /// to /dev/null, and others point at files that are not ours.
    pub(super) fn ours(path: &Path) -> Result<Self, Error> {
        if let Ok(aim) = path.read_link() {
            let shown = escaped(path);
            let what = format!("{shown} is a symlink to {}, and setup writes a file there", escaped(&aim));
            return Err(Error::new(what, format!("see who made it, then: rm {}", word(path))));
        }
        Self(path.to_owned()).checked()
    }

    /// A file of somebody else's, of which setup changes a part: where `path` is a symlink, the file that
    /// it leads to.
    pub(super) fn of_others(path: &Path) -> Result<Self, Error> {
        let mut at = path.to_owned();
        for _ in 0..MAX_SYMLINKS {
            roots_alone_above(&at)?;
            match at.read_link() {
                Ok(aim) => at = at.parent().unwrap_or(Path::new("/")).join(aim),
                Err(_) => return Self(at).checked(),
            }
        }
        Err(Error::new(format!("{}: too many symlinks", escaped(path)), "put a file in its place"))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// The file as it is, and what the system says of it; `None` where it is missing.
    pub(super) fn open(&self) -> Result<Option<(File, Metadata)>, Error> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        let path = self.path();
        let file = match open(path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => {
                let what = format!("{} has become a symlink", escaped(path));
                return Err(Error::new(what, "see who made it so, and run this again"));
            }
            Err(errno) => return Err(Error::with(path, "be read", &io::Error::from(errno))),
        };
        let stat = file.metadata().map_err(|error| Error::with(path, "be looked at", &error))?;
        if !stat.is_file() {
            let what = format!("{} is no regular file, and setup writes regular files only", escaped(path));
            return Err(Error::new(what, "put a regular file in its place"));
        }
        roots_alone(path, &stat)?;
        Ok(Some((file, stat)))
    }

    /// What it holds, `None` where it is missing.
    pub(super) fn read(&self) -> Result<Option<Vec<u8>>, Error> {
        let Some((mut file, _)) = self.open()? else { return Ok(None) };
        let mut bytes = Vec::new();
        match file.read_to_end(&mut bytes) {
            Ok(_) => Ok(Some(bytes)),
            Err(error) => Err(Error::with(self.path(), "be read", &error)),
        }
    }

    fn checked(self) -> Result<Self, Error> {
        roots_alone_above(self.path())?;
        self.open().map(|_| self)
    }
}

/// What leads to `path`, as far as it is there.
pub(super) fn roots_alone_above(path: &Path) -> Result<(), Error> {
    let Some(above) = path.ancestors().skip(1).find(|above| above.exists()) else { return Ok(()) };
    let unseen = |error| Error::with(above, "be looked at", &error);
    match changeable(above).map_err(unseen)? {
        None => Ok(()),
        Some(at) => roots_alone(&at, &at.symlink_metadata().map_err(unseen)?),
    }
}

fn roots_alone(path: &Path, stat: &Metadata) -> Result<(), Error> {
    if stat.uid() == 0 && stat.mode() & 0o022 == 0 {
        return Ok(());
    }
    let what = match stat.uid() {
        0 => format!(
            "{} can be written by others than root (mode {:04o})",
            escaped(path),
            stat.mode() & 0o7777
        ),
        uid => format!("{} is not owned by root, but by uid {uid}", escaped(path)),
    };
    Err(Error::new(what, format!("see what is in it, then: chown root {0} && chmod go-w {0}", word(path))))
}
