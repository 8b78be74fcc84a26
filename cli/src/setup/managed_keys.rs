//! The keys that root keeps for members: whether setup's `Match` block is to name them, and who has none of them.

use super::change::Change;
use super::directory;
use super::options::Options;
use crate::desired::sshd::{Setting, managed_keys};
use crate::host::keys::file::{KeyFile, found_in};
use crate::host::keys::managed::{DIRECTORY, read};
use crate::host::keys::{Accepted, is_read_as_pattern};
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::name::UserName;
use pam_sftpjail::plan::root_path;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// What the options say or, without them, the block that is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum ManagedKeys {
    /// They are not chosen, and what the block says of keys is the admin's.
    #[default]
    No,
    Yes {
        /// Whether they count from this setup on.
        is_new: bool,
    },
    /// They are not to count any more.
    NoMore,
}

impl ManagedKeys {
    /// `is_there`: whether the block that is there names them.
    pub(super) fn chosen(options: &Options, is_there: bool) -> Self {
        match (options.managed_keys, options.no_managed_keys) {
            (_, true) => Self::NoMore,
            (true, _) => Self::Yes { is_new: !is_there },
            _ if is_there => Self::Yes { is_new: false },
            _ => Self::No,
        }
    }

    pub(super) fn are_chosen(self) -> bool {
        matches!(self, Self::Yes { .. })
    }

    /// What the block has to say.
    pub(super) fn setting(self) -> Option<Setting> {
        self.are_chosen().then(managed_keys)
    }

    /// What it has to say no more.
    pub(super) fn dropped(self) -> Option<Setting> {
        (self == Self::NoMore).then(managed_keys)
    }

    /// The directory, if it is missing. The error: sshd cannot read there as a user.
    pub(super) fn changes(self) -> Result<Vec<Change>, Error> {
        let path = Path::new(DIRECTORY);
        let Some(parent) = path.parent().filter(|_| self.are_chosen()) else { return Ok(Vec::new()) };
        let is_closed = |at: &&Path| at.metadata().is_ok_and(|stat| stat.mode() & 0o001 == 0);
        if let Some(closed) = [parent, path].into_iter().find(is_closed) {
            let what =
                format!("users may not enter {}, and sshd reads keys there as the user", escaped(closed));
            let opened = root_path(closed).map(|closed| Command::new("chmod go+x").arg(&closed));
            return Err(Error::new(what, Fix::or(opened, "let everybody enter it")));
        }
        // Setup makes the other with its configuration.
        match parent.symlink_metadata().is_ok() {
            true => Ok(directory::change(path, 0o755)?.into_iter().collect()),
            false => Ok(vec![Change::Directory { path: path.to_owned(), mode: 0o755 }]),
        }
    }

    /// The error: sshd may take the keys of others for those of a member.
    pub(super) fn check_names<'n>(self, names: impl IntoIterator<Item = &'n String>) -> Result<(), Error> {
        let read_as_pattern = names.into_iter().find(|name| self.are_chosen() && is_read_as_pattern(name));
        read_as_pattern.map_or(Ok(()), |name| {
            let name = escaped(name);
            let what = format!(
                "the login name {name} has a character by which sshd, since OpenSSH 10.0, looks for the keys of others in \
                 {DIRECTORY} (*, ?, [ or \\)"
            );
            Err(Error::new(what, "give that member another name, or run this without --managed-keys"))
        })
    }
}

/// Whether root keeps a key for the user that sshd can read, and that has not ended.
pub(super) fn has_key(user: &str) -> bool {
    let Ok(user) = UserName::parse(user) else { return false };
    let Ok(Some(bytes)) = read(&user) else { return false };
    // sshd reads it as the user.
    let is_readable = Path::new(DIRECTORY).join(user).metadata().is_ok_and(|stat| stat.mode() & 0o004 != 0);
    is_readable && found_in(&bytes[..], &Accepted::of_any_sshd()) == KeyFile::Keys
}
