//! Checks that the groups of the profiles exist, and suggests another name for a misspelt one.

use crate::host::groups::suggested;
use crate::report::Findings;
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix};
use pam_sftpjail::nss::Group;

/// Reports each group that does not exist.
pub(super) fn examine(config: &Config, findings: &mut Findings) {
    for name in config.groups() {
        match Group::by_name(name) {
            Ok(Some(_)) => {}
            Ok(None) => {
                findings.warned("profile", MissingGroup(name), missing_group_fix(name));
            }
            Err(error) => findings.unknown("profile", &error, error.fix()),
        }
    }
}

/// The fix where `sftpjail setup` would help. It adds missing groups, so a misspelt one must be corrected first.
pub(super) fn setup_fix(config: &Config) -> Fix {
    let is_missing = |name: &&str| matches!(Group::by_name(name), Ok(None));
    match config.groups().find(is_missing) {
        Some(name) => missing_group_fix(name),
        None => Command::new("sftpjail setup").into(),
    }
}

fn missing_group_fix(name: &str) -> Fix {
    match suggested(name) {
        Some(meant) => {
            format!("did you mean {}? Then correct `groups` in the configuration", escaped(&meant)).into()
        }
        None => MissingGroup(name).fix(),
    }
}
