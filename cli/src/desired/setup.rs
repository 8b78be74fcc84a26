//! What `sftpjail setup` mends, as a fix.

use crate::host::groups::suggested;
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::Group;
use pam_sftpjail::plan::root_path;
use std::path::Path;

/// The fix where `sftpjail setup` would help. It adds missing groups, so one that seems to be misspelt must be
/// corrected first.
pub(crate) fn fix(config: &Config) -> Fix {
    correction(config).unwrap_or_else(|| Command::new("sftpjail setup").into())
}

/// The fix for the first group that seems to be misspelt.
pub(crate) fn correction(config: &Config) -> Option<Fix> {
    let is_missing = |name: &&str| matches!(Group::by_name(name), Ok(None));
    config.groups().filter(is_missing).find_map(misspelt)
}

/// The same for the sshd with this configuration. `file`: if it is not the usual one.
pub(crate) fn fix_of(config: &Config, file: Option<&Path>) -> Fix {
    match file {
        None => fix(config),
        Some(file) => Fix::or(
            root_path(file).map(|file| Command::new("sftpjail setup --sshd-config").arg(&file)),
            "run setup for that sshd, with --sshd-config",
        ),
    }
}

/// The fix for a group that a profile names and that does not exist.
pub(crate) fn missing_group(name: &str) -> Fix {
    misspelt(name).unwrap_or_else(|| MissingGroup(name).fix())
}

/// The same where a group with a similar name exists.
fn misspelt(name: &str) -> Option<Fix> {
    let meant = suggested(name)?;
    Some(format!("did you mean {}? Then correct `groups` in the configuration", escaped(&meant)).into())
}
