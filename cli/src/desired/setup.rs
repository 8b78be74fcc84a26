//! What `sftpjail setup` mends, as a fix.

use crate::host::groups::suggested;
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::Group;

/// The fix where `sftpjail setup` would help. It adds missing groups, so a misspelt one must be corrected first.
pub(crate) fn fix(config: &Config) -> Fix {
    let is_missing = |name: &&str| matches!(Group::by_name(name), Ok(None));
    match config.groups().find(is_missing) {
        Some(name) => missing_group(name),
        None => Command::new("sftpjail setup").into(),
    }
}

/// The fix for a group that a profile names and that does not exist.
pub(crate) fn missing_group(name: &str) -> Fix {
    match suggested(name) {
        Some(meant) => {
            format!("did you mean {}? Then correct `groups` in the configuration", escaped(&meant)).into()
        }
        None => MissingGroup(name).fix(),
    }
}
