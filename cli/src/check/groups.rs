//! The groups of the profiles: whether they exist, or are somebody's mistake.

use crate::host::groups::suggested;
use crate::report::Findings;
use pam_sftpjail::account::MissingGroup;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::nss::Group;

/// Tells of each that does not exist.
pub(super) fn examine(config: &Config, findings: &mut Findings) {
    for name in config.groups() {
        match Group::by_name(name) {
            Ok(Some(_)) => {}
            Ok(None) => {
                findings.warned("profile", MissingGroup(name), corrected(name));
            }
            Err(error) => findings.unknown("profile", &error, error.fix()),
        }
    }
}

/// What lets `sftpjail setup` do what is wanted: it adds the groups that are missing, so not those that
/// somebody has misspelt.
pub(super) fn set_up(config: &Config) -> String {
    let is_missing = |name: &&str| matches!(Group::by_name(name), Ok(None));
    match config.groups().find(is_missing) {
        Some(name) => corrected(name),
        None => "sftpjail setup".to_owned(),
    }
}

fn corrected(name: &str) -> String {
    match suggested(name) {
        Some(meant) => {
            format!("did you mean {}? Then correct `groups` in the configuration", escaped(&meant))
        }
        None => MissingGroup(name).fix(),
    }
}
