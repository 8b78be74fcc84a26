//! Finds out who is in a group of `exempt_groups`. It reads /etc/group itself and asks no service of NSS.
//!
//! So a directory that does not answer cannot lock out the host's own admins. If the file cannot be read,
//! that is an error, and nobody is exempt.

use super::etc_group;
use super::group_file::GroupLine;
use crate::nss::LookupError;
use nix::unistd::Gid;

/// Which of `groups` have an entry in /etc/group.
pub fn known_to_etc_group(groups: &[String]) -> Result<Vec<&str>, LookupError> {
    let mut known = Vec::new();
    search(groups, |group, _| {
        known.push(group);
        false
    })?;
    Ok(known)
}

/// The first of `groups`, in the order of /etc/group, that has a user: the name is in its member list, or
/// its gid is the user's primary one.
pub fn in_etc_group(groups: &[String], name: &str, gid: Gid) -> Result<Option<String>, LookupError> {
    let mut found = None;
    search(groups, |group, entry| {
        let has = entry.has(name, gid);
        if has {
            found = Some(group.to_owned());
        }
        has
    })?;
    Ok(found)
}

/// Calls `visit` with the first entry of each of `groups`, until it returns true.
fn search<'g>(
    groups: &'g [String],
    mut visit: impl FnMut(&'g str, GroupLine<'_>) -> bool,
) -> Result<(), LookupError> {
    if groups.is_empty() {
        return Ok(());
    }
    let mut left: Vec<&str> = groups.iter().map(String::as_str).collect();
    etc_group::search(|entry| {
        // getgrnam(3) never gives the second entry of a name, so it does not count.
        let at = left.iter().position(|group| group.as_bytes() == entry.name);
        at.is_some_and(|at| visit(left.remove(at), entry)) || left.is_empty()
    })
}
