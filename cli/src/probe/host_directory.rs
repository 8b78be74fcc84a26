//! The directories of the host that a jail holds, and what an admin can do where the user cannot write one.

use crate::desired::home_access::{self, Need};
use crate::host::rehearsal::Rehearsal;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::{escaped, unescaped, whole};
use pam_sftpjail::fix::Fix;
use pam_sftpjail::plan::{Content, Plan};
use std::fs;
use std::os::fd::AsRawFd;
use std::path::{Path, PathBuf};

/// The home or a volume.
pub(super) struct HostDirectory {
    /// Its path in the jail.
    pub(super) path: PathBuf,
    /// Its path on the host. `None`: the first login makes it.
    pub(super) host: Option<PathBuf>,
    pub(super) read_only: bool,
    is_home: bool,
    /// The account to which the home belongs on disk, if that is another one.
    home_owner: Option<String>,
}

impl HostDirectory {
    /// Those of a plan.
    pub(super) fn all(plan: &Plan, account: &Account, profile: &Profile) -> Vec<Self> {
        let home: PathBuf = account.home.components().collect();
        let has_home = profile.home != HomeAccess::None;
        let host = |at: &Path| {
            let (.., directory) = plan.directories().find(|(other, ..)| *other == at)?;
            // The path of what was checked, whatever is at the configured path by now.
            fs::read_link(format!("/proc/self/fd/{}", directory?.as_raw_fd())).ok()
        };
        let trees = plan.contents().filter_map(|(at, content)| match content {
            Content::Tree { read_only } => {
                let path = Path::new("/").join(at);
                let is_home = has_home && path == home;
                let home_owner = profile.home_owner.clone();
                Some(Self { host: host(at), is_home, home_owner, path, read_only })
            }
            _ => None,
        });
        // A volume inside of the home is mounted only where the home has a directory for it.
        let is_mounted =
            |tree: &Self| tree.is_home || !has_home || !tree.path.starts_with(&home) || tree.path.is_dir();
        trees.filter(is_mounted).collect()
    }

    /// Whether this path of the jail is a directory in it, or it itself.
    pub(super) fn has(&self, path: &Path) -> bool {
        let (Ok(below), Some(host)) = (path.strip_prefix(&self.path), &self.host) else { return false };
        host.join(below).is_dir()
    }

    /// A directory in it, for which this is a part.
    fn inside(&self, below: &Path) -> Self {
        Self {
            path: self.path.join(below),
            host: self.host.as_ref().map(|host| host.join(below)),
            read_only: self.read_only,
            is_home: false,
            home_owner: None,
        }
    }

    /// A directory in it that the user can write, where it is not to be written itself, as in an upload portal.
    pub(super) fn portal(&self, rehearsal: &Rehearsal) -> Option<Self> {
        let own = whole(&self.path).to_string();
        let found = rehearsal.unwritable.iter().find(|found| found.path == own)?;
        let below = found.inside.iter().find_map(|path| unescaped(path))?;
        Some(self.inside(Path::new(&below)))
    }

    /// The fix where it has so many entries that not all were looked at: one may be such a directory.
    pub(super) fn fix_for_many(&self, rehearsal: &Rehearsal) -> Option<Fix> {
        let own = whole(&self.path).to_string();
        let found = rehearsal.unwritable.iter().find(|found| found.path == own)?;
        let host = self.host.as_deref().filter(|_| found.has_more)?;
        Some(format!("let the user write {} on the host, or a directory in it", escaped(host)).into())
    }

    /// The fix where the user should be able to do that there and is not.
    pub(super) fn fix(&self, account: &Account, need: Need) -> Fix {
        let what = match need {
            Need::Enter => "enter",
            Need::Write => "write",
        };
        let Some(host) = self.host.as_deref() else {
            return format!("let the user or the user's group {what} the source of the volume").into();
        };
        let sentence = format!("let the user {what} {} on the host", escaped(host));
        match self.is_home {
            true => home_access::fix(account, self.home_owner.as_deref(), host, need, sentence),
            false => sentence.into(),
        }
    }
}
