//! The scratch directory `/run/sftpjail-probe`: the one-time key, the configurations, the clients' sockets.
//!
//! One probe at a time has it, by flock(2). The kernel unlocks it when a probe is killed, and the next probe
//! removes what that one left. Other users can enter the directory and cannot read it, because sshd becomes the
//! user before it opens the public key. Everything else is in `private`, mode 0700.

use crate::host::process::until;
use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg, OFlag, open};
use nix::sys::stat::{Mode, SFlag, fchmod, fstat, lstat};
use nix::unistd::mkdir;
use pam_sftpjail::escape::escaped;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

const PATH: &str = "/run/sftpjail-probe";
/// How long to wait for another probe.
const PATIENCE: Duration = Duration::from_secs(10);
const PRIVATE: &str = "/run/sftpjail-probe/private";

/// The directory, while this probe has it. Dropping it removes the directory.
pub(super) struct ScratchDirectory {
    _lock: Flock<OwnedFd>,
}

impl ScratchDirectory {
    /// Makes and locks it, and removes what a killed probe left in it.
    pub(super) fn open() -> io::Result<Self> {
        let failed = |errno: Errno| io::Error::other(format!("{PATH} cannot be used: {}", errno.desc()));
        loop {
            match mkdir(PATH, Mode::from_bits_truncate(0o711)) {
                Err(errno) if errno != Errno::EEXIST => return Err(failed(errno)),
                _ => {}
            }
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            let directory = match open(PATH, flags, Mode::empty()) {
                // Another probe has just ended.
                Err(Errno::ENOENT) => continue,
                opened => opened.map_err(failed)?,
            };
            let stat = fstat(&directory).map_err(failed)?;
            if stat.st_uid != 0 || stat.st_mode & 0o022 != 0 {
                return Err(io::Error::other(format!(
                    "{PATH} is not owned by root and writable by nobody else; see what is in it, and move it away"
                )));
            }
            // The umask may have removed some of the mode.
            fchmod(&directory, Mode::from_bits_truncate(0o711)).map_err(failed)?;
            let mut directory = Some(directory);
            let lock = until(PATIENCE, || {
                let taken = Flock::lock(directory.take()?, FlockArg::LockExclusiveNonblock);
                taken.map_err(|(untaken, _)| directory = Some(untaken)).ok()
            });
            let lock = lock.ok_or_else(|| io::Error::other("another probe is running"))?;
            let named = lstat(PATH).map(|named| (named.st_dev, named.st_ino));
            if named == Ok((stat.st_dev, stat.st_ino)) {
                let scratch = Self { _lock: lock };
                clear().map_err(|error| io::Error::new(error.kind(), format!("{PATH}: {error}")))?;
                mkdir(PRIVATE, Mode::S_IRWXU).map_err(failed)?;
                return Ok(scratch);
            }
        }
    }

    /// A path in the directory that only root can enter.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        Path::new(PRIVATE).join(name)
    }

    /// The path at which sshd, as the user, finds the public key.
    pub(super) fn authorized_keys(&self) -> PathBuf {
        Path::new(PATH).join("authorized_keys")
    }

    /// Writes a new file that only root can read.
    pub(super) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> io::Result<PathBuf> {
        let path = self.path(name);
        write(&path, 0o600, content.as_ref())?;
        Ok(path)
    }

    /// Lets sshd accept this key.
    pub(super) fn authorize(&self, public: &str) -> io::Result<()> {
        write(&self.authorized_keys(), 0o644, public.as_bytes())
    }

    /// The content of a file, or an empty text if it cannot be read.
    pub(super) fn read(&self, name: &str) -> String {
        fs::read(self.path(name))
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }
}

impl Drop for ScratchDirectory {
    fn drop(&mut self) {
        // If something cannot be removed, the next probe reports it.
        let _ = clear().and_then(|()| fs::remove_dir(PATH));
    }
}

fn write(path: &Path, mode: u32, content: &[u8]) -> io::Result<()> {
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.write_all(content)
}

/// Removes `private` and the files of both directories. A probe makes no other directory there, so that is an error.
fn clear() -> io::Result<()> {
    for directory in [PRIVATE, PATH] {
        let entries = match fs::read_dir(directory) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries?,
        };
        for entry in entries {
            let path = entry?.path();
            if SFlag::from_bits_truncate(lstat(&path)?.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR {
                return Err(io::Error::other(format!(
                    "{} was not made by this program; see what it is, and move it away",
                    escaped(&path)
                )));
            }
            fs::remove_file(path)?;
        }
        if directory == PRIVATE {
            fs::remove_dir(PRIVATE)?;
        }
    }
    Ok(())
}
