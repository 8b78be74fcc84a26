//! Reads what a user can enter, read and write on the host: a child process becomes the user and tries it.
//!
//! So access control lists and quotas count, too. Of what exists, only files of keys are opened, as sshd opens them;
//! and what is written has no name when it is written.

use crate::host::child;
use crate::host::keys::Accepted;
use crate::host::keys::file::{self, KeyFile};
use crate::host::keys::listed::{self, Listed};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{AccessFlags, access, getpid, setgid, setgroups, setuid, unlink};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What the user can do, in the order of the paths.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tried {
    /// `None` if the user can enter the directory, or the errno.
    enter: Vec<Option<i32>>,
    pub(crate) keys: Vec<KeyFile>,
}

impl Tried {
    /// Whether modes or access control lists keep the user out of the directory at this index.
    pub(crate) fn is_closed(&self, directory: usize) -> bool {
        self.enter.get(directory) == Some(&Some(Errno::EACCES as i32))
    }
}

/// Tries in a child, as `user`, to enter directories and to read files of keys. Only root can.
pub(crate) fn run(user: &str, enter: &[PathBuf], keys: &[PathBuf], accepted: &Accepted) -> io::Result<Tried> {
    child::forked("trying paths as the user", || {
        become_user(user)?;
        Ok(Tried {
            enter: enter.iter().map(|path| error(path, AccessFlags::X_OK)).collect(),
            keys: keys.iter().map(|path| file::read(path, accepted)).collect(),
        })
    })
}

/// Reads in a child, as `user`, what is in files of keys. Only root can.
pub(crate) fn list_keys(user: &str, files: &[PathBuf]) -> io::Result<Vec<Listed>> {
    child::forked("reading keys as the user", || {
        become_user(user)?;
        Ok(files.iter().map(|path| listed::read(path)).collect())
    })
}

/// Tries in a child, as `user`, to write a file of a few bytes without a name into a directory. Gives why that is
/// impossible; `None`: it is possible. Only root can.
pub(crate) fn write(user: &str, directory: &Path) -> io::Result<Option<Errno>> {
    let arguments = ["write-as", "--", user].map(OsStr::new).into_iter().chain([directory.as_os_str()]);
    let error: Option<i32> = child::report("writing as the user", arguments)?;
    Ok(error.map(Errno::from_raw))
}

/// What [`write`] does in the child: this process becomes `user`.
pub(crate) fn write_here(user: &str, directory: &Path) -> io::Result<Option<i32>> {
    become_user(user)?;
    Ok(write_error(directory))
}

fn become_user(user: &str) -> io::Result<()> {
    let found = User::by_name(user).map_err(io::Error::other)?;
    let user = found.ok_or_else(|| io::Error::other(format!("there is no user {}", escaped(user))))?;
    setgroups(&user.gids().map_err(io::Error::other)?)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    Ok(())
}

/// Why a file cannot be written there.
fn write_error(directory: &Path) -> Option<i32> {
    let write = || {
        let mut file = File::from(nameless(directory)?);
        file.write_all(&[b'x'; 4096])?;
        // A filesystem of a server may say only now that it is full.
        file.sync_all()
    };
    let error: io::Error = write().err()?;
    error.raw_os_error()
}

/// A new file without a name: O_TMPFILE of open(2). FUSE and NFS have none, so there it loses its name at once.
fn nameless(directory: &Path) -> nix::Result<OwnedFd> {
    let flags = OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    let mode = Mode::S_IRUSR | Mode::S_IWUSR;
    match open(directory, flags | OFlag::O_TMPFILE, mode) {
        Err(Errno::EOPNOTSUPP | Errno::EISDIR | Errno::ENOSYS) => {}
        opened => return opened,
    }
    let name = directory.join(format!(".sftpjail-write-{}", getpid()));
    let file = open(&name, flags | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_NOFOLLOW, mode)?;
    unlink(&name)?;
    Ok(file)
}

fn error(path: &Path, how: AccessFlags) -> Option<i32> {
    access(path, how).err().map(|errno| errno as i32)
}
