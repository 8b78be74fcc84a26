//! How an admin puts a user into a group, or removes one from it: a command where this host's own files have both, and
//! otherwise a sentence with the services that may have them. usermod and gpasswd change these files only.

use super::guests;
use crate::host::accounts::Accounts;
use crate::host::groups;
use crate::report::text::listed;
use pam_sftpjail::config::{Config, HomeAccess};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::nss::Group;
use pam_sftpjail::nss::switch::{Database, Line};
use pam_sftpjail::policy::NotJailed;

/// Puts the user into the group.
pub(crate) fn added(user: &str, group: &str) -> Fix {
    let join = Command::new("usermod -aG").arg(Name(group)).arg(Name(user));
    let is_local_user = Accounts::of_this_host().is_ok_and(|all| all.names().any(|name| name == user));
    match groups::local_list(group) {
        Ok(Some(_)) if is_local_user => join.into(),
        Ok(None) if is_local_user && matches!(Group::by_name(group), Ok(None)) => {
            Command::new("groupadd --system").arg(Name(group)).and(&join).into()
        }
        _ => format!("put {} into the group {}{}", escaped(user), escaped(group), elsewhere()).into(),
    }
}

/// Puts a user who is not jailed for this reason into a profile: into its first group that exists. `None`: there is none, or
/// that would not help.
pub(crate) fn into_a_profile(why: NotJailed, user: &str, config: &Config) -> Option<Fix> {
    if why != NotJailed::NoProfile {
        return None;
    }
    if let Some(fix) = guests::missing_profile(user, config) {
        return Some(fix);
    }
    let exists = |group: &&String| matches!(Group::by_name(group), Ok(Some(_)));
    // A profile that nobody gets may be this user's, with a slip in the name of its group.
    if !config.profiles.iter().all(|profile| profile.groups.iter().any(|group| exists(&group))) {
        return None;
    }
    let has_home = !guests::is_without_home(user);
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for profile in config.profiles.iter().filter(|profile| has_home || profile.home == HomeAccess::None) {
        // A group belongs to the first profile that has it.
        let is_new = |group: &&String| groups.iter().all(|(known, _)| known != group);
        let Some(group) = profile.groups.iter().filter(exists).find(is_new) else { continue };
        groups.push((group, &profile.name));
    }
    let what = format!("to jail {}", escaped(user));
    match groups.as_slice() {
        [] => None,
        [(group, _)] => Some(added(user, group).explained(what)),
        all => {
            // What the user may do, and where, differs between them, so none is to be pasted without a thought.
            let ways = all.iter().map(|(group, profile)| {
                format!("{} (for the profile {})", added(user, group), escaped(profile))
            });
            Some(format!("{what}: {}", ways.collect::<Vec<_>>().join(", or ")).into())
        }
    }
}

/// Removes the user, who need not exist, from the group's list of members.
pub(crate) fn removed(user: &str, group: &str) -> Fix {
    match groups::local_list(group) {
        Ok(Some(members)) if members.iter().any(|member| member == user) => {
            Command::new("gpasswd -d").arg(Name(user)).arg(Name(group)).into()
        }
        _ => format!("remove {} from the group {}{}", escaped(user), escaped(group), elsewhere()).into(),
    }
}

/// Parts an exempt user from one of the two sides: nobody should be on both.
pub(crate) fn exempt_or_member(user: &str, exempt_by: &str, groups: &[String]) -> Fix {
    format!("remove {} from {} or from {}", escaped(user), escaped(exempt_by), listed(groups)).into()
}

/// Where to do that.
fn elsewhere() -> String {
    match Line::of(Database::Group) {
        Ok(line) => format!(" in the service that has it ({line})"),
        Err(_) => " in the service that has it".to_owned(),
    }
}
