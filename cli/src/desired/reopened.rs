//! How an admin lets an account in again whose time is over. The admin may have closed it on purpose, so it is never a
//! bare command.

use crate::host::shadow::Lapse;
use pam_sftpjail::account::Account;
use pam_sftpjail::fix::{Command, Fix, Name};

/// `lapse`: what is over.
pub(crate) fn fix(lapse: Lapse, account: &Account) -> Fix {
    let name = Name(&account.name);
    let renew = match lapse {
        Lapse::Account(_) => Command::new("chage -E -1").arg(name),
        // With that, the password counts as changed today.
        Lapse::Inactive { .. } | Lapse::MustChange | Lapse::Password(_) => {
            Command::new("chage -d \"$(date +%F)\"").arg(name)
        }
    };
    Fix::after("if the user should be able to log in again", &renew)
}
