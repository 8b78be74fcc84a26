//! What the user should find in the jail, by the configuration.

use pam_sftpjail::config::{Config, HomeAccess};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::name::UserName;
use pam_sftpjail::plan::{Content, root_path};
use pam_sftpjail::session::Member;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// What the user should find in the jail.
pub(super) struct Expected {
    /// `pw_name`
    pub(super) user: UserName,
    pub(super) uid: u32,
    pub(super) profile: String,
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
    /// sshd's `ChrootDirectory`.
    pub(super) chroot: String,
    /// sshd's `Match Group`.
    pub(super) groups: String,
}

/// A directory of the host in the jail.
pub(super) struct HostDirectory {
    /// Its path in the jail.
    pub(super) path: PathBuf,
    pub(super) read_only: bool,
    /// The fix where it should be writable and is not.
    pub(super) fix: Fix,
}

impl Expected {
    /// By the plan of a member. The plan is dropped, with its descriptors.
    pub(super) fn of(config: &Config, member: Member) -> Self {
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
        let directories = plan.contents().filter_map(|(at, content)| match content {
            Content::Tree { read_only } => Some((Path::new("/").join(at), read_only)),
            _ => None,
        });
        // A volume inside of the home is mounted only where the home has a directory for it.
        let directories =
            directories.filter(|(path, _)| *path == home || !path.starts_with(&home) || path.is_dir());
        let directories = directories.map(|(path, read_only)| HostDirectory {
            fix: if path == home {
                home_fix(&path, account.uid.as_raw(), account.gid.as_raw())
            } else {
                "change the owner of the volume's source to the user, or let the user's group write it".into()
            },
            path,
            read_only,
        });
        let guard = match profile.home {
            HomeAccess::ReadWrite => profile.guard.iter().map(|guarded| home.join(guarded.path())).collect(),
            _ => Vec::new(),
        };
        Self {
            guard,
            start,
            directories: directories.collect(),
            names: profile.names,
            log: profile.log,
            chroot: format!("{}/%u", escaped(&config.jail_root.absolute())),
            groups: profile
                .groups
                .iter()
                .map(|group| escaped(group).to_string())
                .collect::<Vec<_>>()
                .join(","),
            profile: escaped(&profile.name).to_string(),
            uid: account.uid.as_raw(),
            user,
            entries,
        }
    }

    /// The names that a directory of the jail holds.
    pub(super) fn names_in(&self, directory: &Path) -> BTreeSet<OsString> {
        let directory = directory.strip_prefix("/").unwrap_or(directory);
        let inside = self.entries.iter().filter(|entry| entry.parent() == Some(directory));
        inside.filter_map(|entry| Some(entry.file_name()?.to_owned())).collect()
    }
}

/// The fix where the user cannot write the home.
fn home_fix(home: &Path, uid: u32, gid: u32) -> Fix {
    let Some(at) = root_path(home) else {
        return "let the user write it".into();
    };
    match home.metadata() {
        Ok(found) if found.uid() == uid => Command::new("chmod u+rwx").arg(&at).into(),
        _ => {
            let write = Command::new("chmod g+rwx").arg(&at);
            Command::new("chgrp").arg(gid).arg(&at).and(&write).into()
        }
    }
}
