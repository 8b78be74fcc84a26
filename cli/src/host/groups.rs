//! Groups: whose members a user is, and who is in them.

use super::accounts::{Accounts, PASSWD};
use crate::report::Error;
use crate::report::suggestion::nearest;
use pam_sftpjail::nss::{Group, LookupError, User};
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// group(5)
const GROUP: &str = "/etc/group";

/// The names of all groups of a user, as sshd's `Match Group` sees them; none of a user who does not exist.
pub(crate) fn group_names(login: &str) -> Result<Vec<String>, LookupError> {
    let Some(user) = User::by_name(login)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for gid in user.gids()? {
        names.extend(Group::by_gid(gid)?.map(|group| group.name));
    }
    Ok(names)
}

/// Everybody who is in one of the groups, as far as NSS lists them: as a member or, of /etc/passwd, with the
/// group as the primary one.
pub(crate) fn all_members<'n>(names: impl Iterator<Item = &'n str>) -> Result<BTreeSet<String>, Error> {
    let mut members = BTreeSet::new();
    let local = local_accounts()?;
    for name in names {
        let Some(group) = Group::by_name(name)? else { continue };
        members.extend(local.with_primary_group(group.gid.as_raw()).map(str::to_owned));
        members.extend(group.members);
    }
    Ok(members)
}

/// Everybody who is in a group by /etc/group and /etc/passwd alone; `None` where /etc/group has no such group.
pub(crate) fn local_members(name: &str) -> Result<Option<Vec<String>>, Error> {
    let text = fs::read(GROUP).map_err(|error| Error::with(Path::new(GROUP), "be read", &error))?;
    let text = String::from_utf8_lossy(&text);
    let Some(entry) = text.lines().filter_map(Entry::parse).find(|entry| entry.name == name) else {
        return Ok(None);
    };
    let mut members: Vec<_> = entry.members.map(str::to_owned).collect();
    members.extend(local_accounts()?.with_primary_group(entry.gid).map(str::to_owned));
    Ok(Some(members))
}

/// The group of /etc/group whose name is near to one that no group has.
pub(crate) fn suggested(typed: &str) -> Option<String> {
    let groups = fs::read(GROUP).ok()?;
    let groups = String::from_utf8_lossy(&groups);
    let names = groups.lines().filter_map(Entry::parse).map(|entry| entry.name);
    nearest(typed, names).map(str::to_owned)
}

fn local_accounts() -> Result<Accounts, Error> {
    Accounts::of_this_host().map_err(|error| Error::with(Path::new(PASSWD), "be read", &error))
}

/// A line of group(5).
struct Entry<'l> {
    name: &'l str,
    gid: u32,
    members: std::iter::Filter<std::str::Split<'l, char>, fn(&&str) -> bool>,
}

impl<'l> Entry<'l> {
    fn parse(line: &'l str) -> Option<Self> {
        let mut fields = line.split(':');
        let (name, _password, gid) = (fields.next()?, fields.next()?, fields.next()?);
        let is_name: fn(&&str) -> bool = |member| !member.is_empty();
        let members = fields.next()?.split(',').filter(is_name);
        Some(Self { name, gid: gid.parse().ok()?, members })
    }
}
