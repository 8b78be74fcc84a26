//! Fixes for the settings of sshd that a step depends on: the same that `check` has. A setting that is as it should be
//! already has none.

use super::expected::Expected;
use super::login_settings::LoginSettings;
use crate::desired::sshd::fix::{Member, Wrong, fix, missing_block, own_block};
use crate::desired::sshd::{REQUIRED, SUBSYSTEM, is_internal_sftp, is_low, log_level};
use crate::host::sshd::logins::Sshd;
use pam_sftpjail::config::{Config, DEFAULT_PATH};
use pam_sftpjail::fix::{Command, Fix, Name};
use std::cell::OnceCell;
use std::path::{Path, PathBuf};

const CHROOT: &str = "ChrootDirectory";
const COMMAND: &str = "ForceCommand";

/// sshd's settings for the login, and what they should be.
pub(super) struct SshdFixes<'a> {
    pub(super) settings: &'a LoginSettings,
    config: &'a Config,
    /// The path of the configuration, if it is not the usual one.
    pub(super) path: Option<&'a Path>,
    pub(super) expected: &'a Expected,
    /// The main file of sshd's configuration, if it is not the usual one.
    file: Option<&'a Path>,
    /// Asked when the first step fails.
    sshd: OnceCell<Option<Sshd>>,
}

impl<'a> SshdFixes<'a> {
    pub(super) fn new(
        request: &super::Request<'a>,
        config: &'a Config,
        expected: &'a Expected,
        settings: &'a LoginSettings,
    ) -> Self {
        let (path, file) = (request.config, request.sshd_config);
        Self { settings, config, path, expected, file, sshd: OnceCell::new() }
    }

    /// The fix for the first of these settings that is not as it should be. `None`: all are.
    pub(super) fn of(&self, keywords: &[&'static str]) -> Option<Fix> {
        let mut all = keywords.iter().map(|keyword| Some((*keyword, self.settings.value(keyword)?)));
        match all.find(|one| one.is_none_or(|(keyword, value)| !self.is_right(keyword, value)))? {
            Some((keyword, value)) => Some(self.fix(Wrong { keyword, value, is_log_level: false })),
            None => Some(self.unknown()),
        }
    }

    /// The fix where internal-sftp logs too little, by its options. `None`: it does not.
    pub(super) fn of_log(&self) -> Option<Fix> {
        let value = self.settings.value(COMMAND);
        let is_low = |value| is_internal_sftp(value) && is_low(log_level(value));
        match value.filter(|value| is_low(value)) {
            Some(value) => Some(self.fix(Wrong { keyword: COMMAND, value, is_log_level: true })),
            None => self.of(&[COMMAND]),
        }
    }

    /// Where sshd should chroot the user to.
    pub(super) fn jail(&self) -> PathBuf {
        self.config.jail_root.absolute().join(&self.expected.user)
    }

    fn is_right(&self, keyword: &str, value: &str) -> bool {
        match keyword {
            CHROOT => self.settings.chroot.as_ref().is_some_and(|(_, chroot)| *chroot == self.jail()),
            COMMAND => is_internal_sftp(value),
            // With internal-sftp forced, any program will do there.
            SUBSYSTEM => !value.is_empty(),
            _ => REQUIRED.iter().all(|(_, name, required)| *name != keyword || *required == value),
        }
    }

    fn fix(&self, wrong: Wrong<'_>) -> Fix {
        let Some(sshd) = self.sshd.get_or_init(|| Sshd::find(self.file).ok()) else { return self.unknown() };
        let Self { config, path, expected, .. } = *self;
        let has_own_config = path.is_some_and(|path| path != Path::new(DEFAULT_PATH));
        let member =
            Member { config, has_own_config, profile: &expected.profile, account: &expected.account };
        let is_of_block = !["UsePAM", SUBSYSTEM].contains(&wrong.keyword);
        let is_chrooted = self.settings.value(CHROOT).is_some_and(|value| self.is_right(CHROOT, value));
        match wrong.keyword {
            _ if is_of_block && !is_chrooted && own_block(sshd, member).is_none() => {
                missing_block(sshd, member)
            }
            _ => fix(sshd, member, wrong),
        }
    }

    /// sshd gave no answer. `check` says why.
    fn unknown(&self) -> Fix {
        Command::new("sftpjail check").arg(Name(self.expected.user.as_str())).into()
    }
}
