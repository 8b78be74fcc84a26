//! Reads the groups of a user, and the members of groups.

use super::accounts::{Accounts, PASSWD};
use crate::report::Error;
use pam_sftpjail::account::{GROUP_FILE, GroupLine};
use pam_sftpjail::nss::{Group, LookupError, User};
use pam_sftpjail::suggestion::nearest;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// The names of all groups of a user, as sshd's `Match Group` sees them; none for an unknown user.
pub(crate) fn group_names(login: &str) -> Result<Vec<String>, LookupError> {
    let Some(user) = User::by_name(login)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for gid in user.gids()? {
        names.extend(Group::by_gid(gid)?.map(|group| group.name));
    }
    Ok(names)
}

/// The users in the groups, by member list or primary group, as far as NSS lists them. The services that do not answer
/// are left out: [`is_complete`](super::accounts::is_complete) says so.
pub(crate) fn members_of<'n>(names: impl Iterator<Item = &'n str>) -> Result<BTreeSet<String>, Error> {
    let mut members = BTreeSet::new();
    let local = local_accounts()?;
    let listed = Accounts::list().map_err(|error| {
        Error::new(format!("NSS does not list its users: {error}"), "see that it answers (getent passwd)")
    })?;
    for name in names {
        let Some(group) = Group::by_name(name)? else { continue };
        for accounts in [&local, &listed] {
            members.extend(accounts.with_primary_group(group.gid.as_raw()).map(str::to_owned));
        }
        members.extend(group.members.iter().cloned());
    }
    Ok(members)
}

/// The users in a group by /etc/group and /etc/passwd alone; `None` if /etc/group has no such group.
pub(crate) fn local_members(name: &str) -> Result<Option<Vec<String>>, Error> {
    let Some((gid, mut members)) = local(name)? else { return Ok(None) };
    members.extend(local_accounts()?.with_primary_group(gid).map(str::to_owned));
    Ok(Some(members))
}

/// The member list of a group in /etc/group; `None` if it has no such group.
pub(crate) fn local_list(name: &str) -> Result<Option<Vec<String>>, Error> {
    Ok(local(name)?.map(|(_, members)| members))
}

/// The gid and the member list of a group in /etc/group.
fn local(name: &str) -> Result<Option<(u32, Vec<String>)>, Error> {
    let text = fs::read(GROUP_FILE).map_err(|error| Error::with(Path::new(GROUP_FILE), "be read", &error))?;
    let found = lines(&text).find(|group| group.name == name.as_bytes());
    Ok(found.map(|group| {
        (group.gid, group.members().map(|name| String::from_utf8_lossy(name).into_owned()).collect())
    }))
}

/// The group of /etc/group whose name is similar to `typed`.
pub(crate) fn suggested(typed: &str) -> Option<String> {
    let text = fs::read(GROUP_FILE).ok()?;
    let names = lines(&text).filter_map(|group| std::str::from_utf8(group.name).ok());
    nearest(typed, names).map(str::to_owned)
}

fn lines(text: &[u8]) -> impl Iterator<Item = GroupLine<'_>> {
    text.split(|byte| *byte == b'\n').filter_map(GroupLine::parse)
}

fn local_accounts() -> Result<Accounts, Error> {
    Accounts::of_this_host().map_err(|error| Error::with(Path::new(PASSWD), "be read", &error))
}
