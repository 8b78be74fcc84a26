//! Guests: users who see what is granted to them, and nothing else. What their profile must be.

use crate::host::groups::group_names;
use pam_sftpjail::config::{Config, HomeAccess, Profile};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::nss::User;
use std::path::Path;

/// Where an account has no home: no such directory exists, so that nobody's keys are in it.
pub(crate) const NO_HOME: &str = "/nonexistent";

/// The group of their profile in the configuration that setup writes, where it is a comment.
const GROUP: &str = "sftp-guest";

/// How that profile comes into force.
pub(crate) const UNCOMMENTED: &str = "let /etc/sftpjail/config.toml have the lines [[profile]], name = \"guest\", groups = \
     [\"sftp-guest\"] and home = \"none\", without a # before them, then run `sftpjail setup`";

/// Whether nothing but grants gives the members of a profile anything.
pub(crate) fn is_for_guests(profile: &Profile) -> bool {
    profile.home == HomeAccess::None && profile.volumes.is_empty()
}

/// Whether a user has no home, as those have whose account `sftpjail grant --create` has added.
pub(crate) fn is_without_home(user: &str) -> bool {
    matches!(User::by_name(user), Ok(Some(account)) if account.home == Path::new(NO_HOME))
}

/// The fix for a user without a home who is in no profile, if no profile is for such users.
pub(super) fn missing_profile(user: &str, config: &Config) -> Option<Fix> {
    if !is_without_home(user) || config.profiles.iter().any(|profile| profile.home == HomeAccess::None) {
        return None;
    }
    let shown = escaped(user);
    let is_in_group = group_names(user).is_ok_and(|groups| groups.iter().any(|group| group == GROUP));
    let join = if is_in_group { String::new() } else { format!(", then put {shown} into the group {GROUP}") };
    Some(format!("to jail {shown}, who has no home: {UNCOMMENTED}{join}").into())
}
