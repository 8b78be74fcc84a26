//! How an admin ends the user manager of a member. It may run services of the user's, so it is never a bare command.

use pam_sftpjail::fix::{Command, Fix};

/// `command` ends it.
pub(crate) fn ended(command: &Command) -> Fix {
    Fix::after("see what it runs, because that ends", command)
}
