//! What the user should find in the jail, by the configuration and by sshd's settings.

use super::host_directory::HostDirectory;
use super::login_settings::LoginSettings;
use crate::desired::home_access::Need;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::name::UserName;
use pam_sftpjail::session::Member;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What the user should find in the jail.
pub(super) struct Expected {
    /// `pw_name`
    pub(super) user: UserName,
    pub(super) account: Account,
    pub(super) profile: Profile,
    /// The directory in which the session begins.
    pub(super) start: PathBuf,
    /// The directories of the host that the jail holds: the home and the volumes.
    pub(super) directories: Vec<HostDirectory>,
    /// The guarded paths: no session can change them.
    pub(super) guard: Vec<PathBuf>,
    /// Everything in the jail, relative to it.
    entries: Vec<PathBuf>,
    /// Whether the jail has an /etc/passwd.
    pub(super) names: bool,
    /// Whether the user's actions are logged.
    pub(super) log: bool,
    /// Whether sshd starts internal-sftp, whatever the client asks for. `None`: sshd gave no answer.
    pub(super) forces_sftp: Option<bool>,
    /// The directory that sshd's settings name for the start, if the jail does not have it.
    pub(super) absent_start: Option<PathBuf>,
}

impl Expected {
    /// Whether scp is tried with the jail's /etc/passwd: the user can write nowhere.
    pub(super) fn fetches_by_scp(&self) -> bool {
        self.names && self.directories.iter().all(|directory| directory.read_only)
    }

    /// By the plan of a member. The plan is dropped, with its descriptors.
    pub(super) fn of(member: Member) -> Self {
        let Member { account, profile, plan } = member;
        let user = plan.user().clone();
        let plan = plan.with_listings(&profile, &account);
        let entries: Vec<_> = plan.contents().map(|(at, _)| at.to_owned()).collect();
        let is_in_jail =
            |path: &Path| path.strip_prefix("/").is_ok_and(|path| entries.iter().any(|e| e == path));
        // Its components, without `//` and `/./`.
        let home: PathBuf = account.home.components().collect();
        let start =
            if profile.home != HomeAccess::None || is_in_jail(&home) { home.clone() } else { "/".into() };
        let guard = match profile.home {
            HomeAccess::ReadWrite => profile.guard.iter().map(|guarded| home.join(guarded.path())).collect(),
            _ => Vec::new(),
        };
        Self {
            guard,
            start,
            directories: HostDirectory::all(&plan, &account, &profile),
            names: profile.names,
            log: profile.log,
            profile,
            account,
            user,
            entries,
            forces_sftp: None,
            absent_start: None,
        }
    }

    /// Takes sshd's settings for this login into account.
    pub(super) fn with(&mut self, settings: &LoginSettings) {
        self.forces_sftp = settings.forces_sftp;
        // internal-sftp stays where it is if it cannot enter that directory (sftp-server.c).
        match &settings.start {
            Some(start) if self.has_directory(start) => self.start = start.components().collect(),
            absent => self.absent_start.clone_from(absent),
        }
    }

    /// Whether the jail has this directory: as a part of itself, or in a directory of the host.
    fn has_directory(&self, path: &Path) -> bool {
        let within = path.strip_prefix("/").unwrap_or(path);
        self.entries.iter().any(|entry| entry == within || entry.starts_with(within))
            || self.directories.iter().any(|directory| directory.has(path))
    }

    /// The fix where the session cannot begin in its directory, or cannot list it.
    pub(super) fn start_fix(&self) -> Fix {
        match self.directories.iter().find(|directory| directory.path == self.start) {
            Some(directory) => directory.fix(&self.account, Need::Enter),
            None => format!("let the user enter and list {} in the jail", escaped(&self.start)).into(),
        }
    }

    /// The outermost directory that the session may leave with `cd ..` and still see nothing of the host: the one
    /// above the home or volume in which it begins, or above its start.
    pub(super) fn above(&self) -> &Path {
        let holding = self.directories.iter().map(|directory| directory.path.as_path());
        let outermost =
            holding.filter(|path| self.start.starts_with(path)).min_by_key(|path| path.as_os_str().len());
        outermost.unwrap_or(&self.start).parent().unwrap_or(Path::new("/"))
    }

    /// The names that a directory of the jail holds.
    pub(super) fn names_in(&self, directory: &Path) -> BTreeSet<OsString> {
        let directory = directory.strip_prefix("/").unwrap_or(directory);
        let inside = self.entries.iter().filter(|entry| entry.parent() == Some(directory));
        inside.filter_map(|entry| Some(entry.file_name()?.to_owned())).collect()
    }
}
