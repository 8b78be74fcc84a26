//! What a user can reach on the host: a child becomes the user and tries. So access control lists
//! count, as they do for the user.

use crate::host::child;
use nix::errno::Errno;
use nix::unistd::{AccessFlags, access, setgid, setgroups, setuid};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::User;
use serde::{Deserialize, Serialize};
use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// The errors met, as errno; `None` for what is possible.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Tried {
    pub(crate) enter: Vec<Option<i32>>,
    pub(crate) read: Vec<Option<i32>>,
}

impl Tried {
    /// Whether the modes are what keeps the user out of the directory at this index.
    pub(crate) fn is_closed(&self, directory: usize) -> bool {
        self.enter.get(directory) == Some(&Some(Errno::EACCES as i32))
    }

    /// The same of a file that is to be read.
    pub(crate) fn is_unreadable(&self, file: usize) -> bool {
        self.read.get(file) == Some(&Some(Errno::EACCES as i32))
    }
}

/// Tries as `user` to enter directories and to read files. Only root can.
pub(crate) fn run(user: &str, enter: &[PathBuf], read: &[PathBuf]) -> io::Result<Tried> {
    let mut arguments = vec![OsStr::new("as-user")];
    for (flag, paths) in [("--enter", enter), ("--read", read)] {
        arguments.extend(paths.iter().flat_map(|path| [OsStr::new(flag), path.as_os_str()]));
    }
    arguments.extend(["--", user].map(OsStr::new));
    child::report("looking as the user", arguments)
}

/// The child.
pub(crate) fn child(user: &str, enter: &[PathBuf], read: &[PathBuf], out: &mut impl Write) -> io::Result<()> {
    let found = User::by_name(user).map_err(io::Error::other)?;
    let user = found.ok_or_else(|| io::Error::other(format!("there is no user {}", escaped(user))))?;
    setgroups(&user.gids().map_err(io::Error::other)?)?;
    setgid(user.gid)?;
    setuid(user.uid)?;
    let tried = |paths: &[PathBuf], how| paths.iter().map(|path| error(path, how)).collect();
    let tried = Tried { enter: tried(enter, AccessFlags::X_OK), read: tried(read, AccessFlags::R_OK) };
    serde_json::to_writer(&mut *out, &tried)?;
    out.flush()
}

fn error(path: &Path, how: AccessFlags) -> Option<i32> {
    access(path, how).err().map(|errno| errno as i32)
}
