//! What a file of setup is for, so that undo can say what it leaves, and in which order it goes.

use crate::desired::pam::OURS;
use crate::desired::{drop_in, expiry};
use crate::host::sshd::files::{MAIN, is_begin};
use crate::setup::sshd::own_block::DROP_IN;
use crate::setup::{apparmor, selinux};
use pam_sftpjail::config::DEFAULT_PATH;
use std::ffi::OsStr;
use std::path::Path;

/// What a file is for. Undo restores the first before all others, since sshd must have forgotten its `Match` block
/// before PAM's lines go; and then the second, since PAM's lines must be gone before the module goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::setup) enum Part {
    /// The members' `Match` block.
    Sshd,
    /// The module's lines.
    Pam,
    /// The drop-in for user@.service.
    UserManager,
    /// What runs `sftpjail expire`.
    Expiry,
    /// rsyslog's and logrotate's.
    Log,
    Config,
    Module,
    /// The rules of SELinux and AppArmor that let sshd build jails.
    Confinement,
    /// Directories and groups.
    Other,
}

impl Part {
    /// `inserted`: what setup put between lines of others.
    pub(super) fn of_file(path: &Path, inserted: &[String]) -> Self {
        let is_in = |directory: &str| path.starts_with(directory);
        let has = |text: &str| inserted.iter().any(|own| own.contains(text));
        let has_block = || inserted.iter().any(|own| own.lines().any(is_begin));
        if selinux::is_policy(path) || apparmor::is_read_by_apparmor(path) {
            return Self::Confinement;
        }
        if path.file_name() == Some(OsStr::new(DROP_IN)) || MAIN.map(Path::new).contains(&path) || has_block()
        {
            Self::Sshd
        } else if path.file_name() == Some(OsStr::new(OURS)) {
            Self::Module
        } else if is_in("/etc/pam.d") || has(OURS) {
            Self::Pam
        } else if path == Path::new(drop_in::PATH) {
            Self::UserManager
        } else if expiry::paths().any(|own| own == path) {
            Self::Expiry
        } else if path == Path::new(DEFAULT_PATH) {
            Self::Config
        } else {
            Self::Log
        }
    }

    /// What it means that the file stays as it is. `is_jailing`: whether the module still reads its configuration.
    pub(super) fn consequence(self, is_jailing: bool) -> &'static str {
        match self {
            Self::Sshd => "sshd still reads it",
            Self::Pam => "PAM still calls the module, which can refuse members at login",
            Self::UserManager => "members still get no user manager of systemd's",
            Self::Expiry => "sessions still end with what is granted",
            Self::Confinement => "SELinux or AppArmor still reads it",
            Self::Log => "the logs of SFTP still go where it says",
            Self::Config | Self::Module if is_jailing => "PAM's lines still need it",
            Self::Config | Self::Module | Self::Other => "nothing reads it any more",
        }
    }
}
