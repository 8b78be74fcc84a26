//! How an admin lets an account in again whose time is over. The admin may have closed it on purpose, so it is never a
//! bare command.

use pam_sftpjail::account::Account;
use pam_sftpjail::fix::{Command, Fix, Name};

/// The options of chage(1) with which a password that has expired counts as changed today.
pub(crate) const RENEWED: &str = "-d \"$(date +%F)\"";

/// `options`: those of chage(1).
pub(crate) fn by_chage(options: &'static str, account: &Account) -> Fix {
    let renew = Command::new("chage").arg(options).arg(Name(&account.name));
    Fix::after("if the user should be able to log in again", &renew)
}
