//! The directories from `/` down to a home, and whether the user can enter them.

use crate::host::as_user::{self, Tried};
use crate::host::keys::Accepted;
use crate::report::Findings;
use crate::report::error::AS_ROOT;
use nix::sys::stat::{FileStat, SFlag};
use nix::unistd::{Gid, Uid, geteuid};
use pam_sftpjail::account::Account;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::{Group, User};
use pam_sftpjail::plan::unmounted;
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

/// From `/` to the home itself.
pub(super) struct PathToHome {
    directories: Vec<PathBuf>,
    /// The home, where it is missing because nothing is mounted on the way to it.
    unmounted: Option<PathBuf>,
    /// The user's attempts to enter each of them, and to read the files of keys. `None`: only root can make them.
    pub(super) tried: Option<Tried>,
}

impl PathToHome {
    /// Walks to the home as root, then as the user, who also tries to read the files of keys. Finds no directories
    /// where the home cannot be reached, which the checks of the login report.
    pub(super) fn walk(
        account: &Account,
        keys: &[PathBuf],
        accepted: &Accepted,
        findings: &mut Findings,
    ) -> Self {
        let directories = way_to(&account.home);
        let mut tried = None;
        if geteuid().is_root() {
            match as_user::run(&account.name, &directories, keys, accepted) {
                Ok(done) => tried = Some(done),
                Err(error) => findings.unknown("home access", error, "run this again"),
            }
        } else {
            findings.unknown("home access", "only root can try what the user can reach", AS_ROOT);
        }
        let is_unmounted = directories.is_empty() && is_unmounted(&account.home);
        Self { directories, unmounted: is_unmounted.then(|| account.home.clone()), tried }
    }

    /// Whether a path is in the home, and that is missing because nothing is mounted on the way to it.
    pub(super) fn is_unmounted(&self, path: &Path) -> bool {
        self.unmounted.as_ref().is_some_and(|home| path.starts_with(home))
    }

    /// From `/` to the home itself. There are none where it cannot be reached.
    pub(super) fn directories(&self) -> &[PathBuf] {
        &self.directories
    }

    /// The directories above the home.
    pub(super) fn above(&self) -> &[PathBuf] {
        self.directories.split_last().map(|(_, above)| above).unwrap_or_default()
    }

    /// The home, without symlinks.
    pub(super) fn home(&self) -> Option<&Path> {
        self.directories.last().map(PathBuf::as_path)
    }
}

/// The directories from `/` to this one, without symlinks. There are none where it cannot be reached.
pub(super) fn way_to(path: &Path) -> Vec<PathBuf> {
    let real = canonicalize(path);
    let mut directories: Vec<_> =
        real.iter().flat_map(|real| real.ancestors()).map(Path::to_path_buf).collect();
    directories.reverse();
    directories
}

/// Whether a path is missing because nothing is mounted on the way to it.
fn is_unmounted(path: &Path) -> bool {
    let ancestors = || path.ancestors().zip(path.ancestors().skip(1));
    let end =
        ancestors().find_map(|(missing, above)| Some(canonicalize(above).ok()?.join(missing.file_name()?)));
    end.is_some_and(|end| unmounted::above(path, &end).is_some())
}

/// Owner, group and mode, such as `mle:sftp, mode 0750`.
pub(super) fn described(stat: &FileStat) -> String {
    let mode = stat.st_mode & !SFlag::S_IFMT.bits();
    format!("{}:{}, mode {mode:04o}", user(stat.st_uid), group(stat.st_gid))
}

/// The name of a uid, or the number if there is none.
pub(super) fn user(uid: u32) -> String {
    match User::by_uid(Uid::from_raw(uid)) {
        Ok(Some(user)) => escaped(&user.name).to_string(),
        Ok(None) => uid.to_string(),
        Err(_) => format!("{uid} (NSS does not answer)"),
    }
}

/// The name of a gid, or the number if there is none.
pub(super) fn group(gid: u32) -> String {
    match Group::by_gid(Gid::from_raw(gid)) {
        Ok(Some(group)) => escaped(&group.name).to_string(),
        Ok(None) => gid.to_string(),
        Err(_) => format!("{gid} (NSS does not answer)"),
    }
}
