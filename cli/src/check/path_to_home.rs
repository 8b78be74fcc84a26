//! The directories down to a home, and what the user can do there.

use crate::host::as_user::{self, Tried};
use crate::report::Findings;
use crate::report::error::AS_ROOT;
use nix::sys::stat::{FileStat, SFlag};
use nix::unistd::{Gid, Uid, geteuid};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::{Group, User};
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

/// From `/` to the home itself.
pub(super) struct PathToHome {
    directories: Vec<PathBuf>,
    /// The user's attempts to enter each of them, and to read the files asked for; if root asks.
    pub(super) tried: Option<Tried>,
}

impl PathToHome {
    /// Without directories where the home cannot be reached: a login's own checks tell that.
    pub(super) fn walk(account: &Account, files: &[PathBuf], findings: &mut Findings) -> Self {
        let real = canonicalize(&account.home);
        let mut directories: Vec<_> =
            real.iter().flat_map(|home| home.ancestors()).map(Path::to_path_buf).collect();
        directories.reverse();
        let mut tried = None;
        if geteuid().is_root() {
            match as_user::run(&account.name, &directories, files) {
                Ok(done) => tried = Some(done),
                Err(error) => findings.unknown("home reach", error, "run this again"),
            }
        } else {
            findings.unknown("home reach", "only root can try what the user can reach", AS_ROOT);
        }
        Self { directories, tried }
    }

    /// Without the home.
    pub(super) fn above(&self) -> &[PathBuf] {
        self.directories.split_last().map(|(_, above)| above).unwrap_or_default()
    }

    /// The home, without symlinks.
    pub(super) fn home(&self) -> Option<&Path> {
        self.directories.last().map(PathBuf::as_path)
    }

    /// Whether something on it, or the home itself, is closed to the user.
    pub(super) fn is_closed(&self) -> bool {
        let is_closed = |i| self.tried.as_ref().is_some_and(|tried| tried.is_closed(i));
        (0..self.directories.len()).any(is_closed)
    }
}

/// Such as `mle:sftp, mode 0750`.
pub(super) fn described(stat: &FileStat) -> String {
    let mode = stat.st_mode & !SFlag::S_IFMT.bits();
    format!("{}:{}, mode {mode:04o}", user(stat.st_uid), group(stat.st_gid))
}

/// The name, or the number where there is none.
pub(super) fn user(uid: u32) -> String {
    match User::by_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => escaped(&user.name).to_string(),
        Ok(None) => uid.to_string(),
        Err(_) => format!("{uid} (NSS does not say who)"),
    }
}

/// The name, or the number where there is none.
pub(super) fn group(gid: u32) -> String {
    match Group::by_gid(Gid::from_raw(gid)) {
        Ok(Some(group)) => escaped(&group.name).to_string(),
        Ok(None) => gid.to_string(),
        Err(_) => format!("{gid} (NSS does not say which)"),
    }
}
