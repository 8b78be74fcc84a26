//! Finds everybody who may be a member: whoever asks for all of them gets the same ones.

use super::accounts::Accounts;
use pam_sftpjail::config::Config;
use pam_sftpjail::nss::{Group, User};
use std::collections::BTreeSet;

/// Who may be a member.
pub(crate) struct Candidates {
    /// Every user that NSS lists, as a user or as a member of a group of a profile.
    pub(crate) names: BTreeSet<String>,
    /// The groups of profiles that list somebody who does not exist, and these names.
    pub(crate) strangers: Vec<(String, String)>,
}

impl Candidates {
    /// Groups that do not exist, or whose service does not answer, are left out.
    pub(crate) fn find(accounts: &Accounts, config: &Config) -> Self {
        let mut names: BTreeSet<String> = accounts.names().map(str::to_owned).collect();
        let mut strangers = Vec::new();
        for name in config.groups() {
            let found = Group::by_name(name).ok().flatten();
            for member in found.iter().flat_map(|found| found.members.iter()) {
                // A directory service may know users that it does not list.
                if !names.contains(member) && matches!(User::by_name(member), Ok(None)) {
                    strangers.push((name.to_owned(), member.clone()));
                } else {
                    names.insert(member.clone());
                }
            }
        }
        Self { names, strangers }
    }
}
