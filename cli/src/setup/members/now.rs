//! What a login of a user gets now, before setup has changed anything.

use crate::desired::sshd::is_internal_sftp;
use crate::host::accounts::runs_shell;
use crate::host::configuration;
use crate::host::pam::stack::Stack;
use crate::host::shadow::{Password, Shadow};
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::logins::Sshd;
use crate::report::Error;
use pam_sftpjail::account::Account;
use pam_sftpjail::nss::User;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a login of a user gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Access {
    /// The jail, or a refusal of the module's.
    Jailed,
    /// The same, but sshd does not keep the user to SFTP: the jail has no shell.
    JailedOnly,
    /// A shell.
    Shell,
    /// Something else: a chroot of others, one command, or nothing.
    Other,
    /// sshd or NSS does not answer for the user.
    Unknown,
}

/// sshd and PAM as they are.
pub(super) struct Now {
    sshd: Sshd,
    connection: Connection,
    jail_root: PathBuf,
    /// Whether PAM asks the module to build jails.
    builds_jails: bool,
}

impl Now {
    /// `file`: that of sshd's configuration, if it is not the usual one. `session`: PAM's session lines for sshd.
    pub(super) fn read(file: Option<&Path>, session: &Stack) -> Result<Self, Error> {
        let jail_root = configuration::load(None)?.jail_root.absolute();
        let sshd = Sshd::find(file).map_err(NoAnswer::into_error)?;
        let connection = Connection::plain(0, false, "22");
        Ok(Self { sshd, connection, jail_root, builds_jails: session.builds_jails() })
    }

    /// Asks sshd once for each kind of user. The error: it does not answer.
    pub(super) fn ask_for_all(&mut self, names: &[String]) -> Result<(), Error> {
        self.sshd.ask_for_all(names).map_err(NoAnswer::into_error)
    }

    /// Whether the user may have another way in than keys from files. Only what is certain counts: sshd asks for no
    /// password, or there is none, and it knows no other method.
    pub(super) fn has_other_ways(&mut self, account: &Account) -> bool {
        let Ok(settings) = self.sshd.settings(&account.name, &self.connection) else { return true };
        let is = |keyword: &str, value: &str| settings.get(keyword) == Some(value);
        let is_set = |keyword: &str| settings.get(keyword).is_some_and(|value| value != "none");
        let others = ["GSSAPIAuthentication", "HostbasedAuthentication", "KerberosAuthentication"];
        if others.iter().any(|keyword| is(keyword, "yes"))
            || ["AuthorizedKeysCommand", "TrustedUserCAKeys"].into_iter().any(is_set)
        {
            return true;
        }
        let asks =
            ["PasswordAuthentication", "KbdInteractiveAuthentication", "ChallengeResponseAuthentication"];
        asks.iter().any(|keyword| is(keyword, "yes"))
            && !matches!(
                Shadow::of(&account.name).ok().flatten().map(|shadow| shadow.password()),
                Some(Password::None | Password::NoHash | Password::Locked { .. })
            )
    }

    /// Where sshd or NSS does not answer for a user (sshd -T cannot be asked about a name with a comma), nothing is
    /// said of a shell.
    pub(super) fn access(&mut self, account: &Account) -> Access {
        let Ok(settings) = self.sshd.settings(&account.name, &self.connection) else {
            return Access::Unknown;
        };
        let (chroot, command) = (settings.get("ChrootDirectory"), settings.get("ForceCommand"));
        let (chroot, command) = (chroot.unwrap_or("none"), command.unwrap_or("none"));
        if self.jail_root.join(&account.name) == expanded(chroot, account) {
            return match is_internal_sftp(command) {
                // Without a jail there, sshd refuses the login.
                _ if !self.builds_jails => Access::Other,
                true => Access::Jailed,
                false => Access::JailedOnly,
            };
        }
        let Ok(user) = User::by_name(&account.name) else { return Access::Unknown };
        let has_shell = command == "none" && user.is_some_and(|user| runs_shell(&user.shell));
        if has_shell { Access::Shell } else { Access::Other }
    }
}
