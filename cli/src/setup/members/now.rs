//! What a login of a user gets now, before setup has changed anything.

use crate::desired::pam::OURS;
use crate::desired::sshd::is_internal_sftp;
use crate::host::accounts::runs_shell;
use crate::host::pam::stack::Stack;
use crate::host::sshd::connections::Connection;
use crate::host::sshd::daemon::NoAnswer;
use crate::host::sshd::effective::expanded;
use crate::host::sshd::logins::Sshd;
use crate::report::Error;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::nss::User;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What a login of a user gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Access {
    /// The jail, or a refusal of the module's.
    Jailed,
    /// A shell.
    Shell,
    /// Something else: a chroot of others, one command, or nothing.
    Other,
}

/// sshd and PAM as they are.
pub(super) struct Now {
    sshd: Sshd,
    connection: Connection,
    /// `None`: PAM does not call the module.
    jail_root: Option<PathBuf>,
}

impl Now {
    /// `file`: that of sshd's configuration, if it is not the usual one. `session`: PAM's session lines for sshd.
    pub(super) fn read(file: Option<&Path>, session: &Stack) -> Result<Self, Error> {
        // A configuration that cannot be used jails nobody.
        let jail_root = Config::load(None).ok().map(|config| config.jail_root.absolute());
        let jail_root = jail_root.filter(|_| !session.positions(OURS).is_empty());
        let sshd = Sshd::find(file).map_err(NoAnswer::into_error)?;
        Ok(Self { sshd, connection: Connection::plain(0, false, "22"), jail_root })
    }

    /// Asks sshd once for each kind of user. The error: it does not answer.
    pub(super) fn ask_for_all(&mut self, names: &[String]) -> Result<(), Error> {
        self.sshd.ask_for_all(names).map_err(NoAnswer::into_error)
    }

    /// Where sshd or NSS does not answer for a user (sshd -T cannot be asked about a name with a comma), nothing is
    /// said of a shell.
    pub(super) fn access(&mut self, account: &Account) -> Access {
        let Ok(settings) = self.sshd.settings(&account.name, &self.connection) else { return Access::Other };
        let (chroot, command) = (settings.get("ChrootDirectory"), settings.get("ForceCommand"));
        let (chroot, command) = (chroot.unwrap_or("none"), command.unwrap_or("none"));
        let jail = self.jail_root.as_ref().map(|root| root.join(&account.name));
        if is_internal_sftp(command) && jail.is_some_and(|jail| jail == expanded(chroot, account)) {
            return Access::Jailed;
        }
        let user = User::by_name(&account.name).ok().flatten();
        let has_shell = command == "none" && user.is_some_and(|user| runs_shell(&user.shell));
        if has_shell { Access::Shell } else { Access::Other }
    }
}
