//! What sshd does with the user to whom something is granted.

use crate::host::sshd::effective::Settings;
use crate::host::sshd::logins::Sshd;
use crate::report::Error;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::name::UserName;
use std::path::Path;
use std::rc::Rc;

/// sshd's settings for the user, over the usual kind of connection; `None` if sshd does not answer.
pub(super) fn settings(sshd_config: Option<&Path>, user: &UserName) -> Option<Rc<Settings>> {
    let mut sshd = Sshd::find(sshd_config).ok()?;
    let usual = sshd.connections.first()?.clone();
    sshd.settings(user.as_str(), &usual).ok()
}

/// The error: the user would be logged in without a jail, and have more than what is granted. Whether all is as it must
/// be, `check` says.
pub(super) fn must_jail(user: &UserName, settings: Option<&Settings>) -> Result<(), Error> {
    match settings.and_then(|settings| settings.get("ChrootDirectory")) {
        Some("none") => {
            let what = format!("sshd sends {user} into no jail, so that all of this host would be open");
            let check = Command::new("sftpjail check").arg(Name(user.as_str()));
            Err(Error::new(
                what,
                Fix::from(check).explained("run `sftpjail setup`, and see what is left to do"),
            ))
        }
        _ => Ok(()),
    }
}
