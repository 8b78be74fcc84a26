//! Reads what a user can enter and read on the host: a child process becomes the user and tries it.
//!
//! So access control lists count, too. Nothing is opened.

use crate::host::child;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, setgid, setgroups, setuid};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What the user can do, in the order of the paths: `None` if it is possible, or the errno.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) enter: Vec<Option<i32>>,
    pub(crate) read: Vec<Option<i32>>,
}

impl Tried {
    /// Whether modes or access control lists keep the user out of the directory at this index.
    pub(crate) fn is_closed(&self, directory: usize) -> bool {
        self.enter.get(directory) == Some(&Some(Errno::EACCES as i32))
    }

    /// Whether modes or access control lists keep the user from reading the file at this index.
    pub(crate) fn is_unreadable(&self, file: usize) -> bool {
        self.read.get(file) == Some(&Some(Errno::EACCES as i32))
    }
}

/// Tries in a child, as `user`, to enter directories and to read files. Only root can.
pub(crate) fn run(user: &str, enter: &[PathBuf], read: &[PathBuf]) -> io::Result<Tried> {
    child::forked("trying paths as the user", || try_paths(user, enter, read))
}

/// What [`run`] does in the child: this process becomes `user`.
fn try_paths(user: &str, enter: &[PathBuf], read: &[PathBuf]) -> io::Result<Tried> {
    let found = User::by_name(user).map_err(io::Error::other)?;
    let user = found.ok_or_else(|| io::Error::other(format!("there is no user {}", escaped(user))))?;
    setgroups(&user.gids().map_err(io::Error::other)?)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    let tried = |paths: &[PathBuf], how| paths.iter().map(|path| error(path, how)).collect();
    Ok(Tried { enter: tried(enter, AccessFlags::X_OK), read: tried(read, AccessFlags::R_OK) })
}

fn error(path: &Path, how: AccessFlags) -> Option<i32> {
    access(path, how).err().map(|errno| errno as i32)
}
