//! A login name → [`Account`]: what NSS says of the user. It decides nothing.
//!
//! "No such user" and "the look-up failed" are different answers. A look-up that failed is an error: it never puts a
//! user in no profile.
#![forbid(unsafe_code)]

mod etc_group;
mod exempt;
mod group_file;

use crate::config::Config;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::name::UserName;
use crate::nss::{Group, LookupError, User, snapshot};
use nix::unistd::{Gid, Uid};
use std::fmt::{self, Display};
use std::path::PathBuf;

pub use exempt::{in_etc_group, known_to_etc_group};
pub use group_file::{GROUP_FILE, GroupLine};

/// What NSS says of a login name.
#[derive(Clone, Debug)]
pub struct Account {
    /// `pw_name`: sshd expands `%u` from it, whatever the user typed. It may contain anything; a file is
    /// named after [`Account::user_name`] only.
    pub name: String,
    pub uid: Uid,
    /// The primary group.
    pub gid: Gid,
    /// `pw_dir`, byte for byte.
    pub home: PathBuf,
    /// The first group of `exempt_groups` that has the user. If there is one, the fields below are empty.
    pub exempt_by: Option<String>,
    /// All groups, the primary one among them.
    pub gids: Vec<Gid>,
    /// The groups of the profiles that have the user as a member.
    pub member_of: Vec<String>,
    /// Those of [`member_of`](Self::member_of) for which sshd's `Match Group` does not match.
    pub unmatched_by_sshd: Vec<UnmatchedGroup>,
    /// The groups of the profiles that do not exist.
    pub unknown_groups: Vec<String>,
    /// Group names that getgrgid(3) gave already; [`named_groups`](Self::named_groups) does not ask again.
    pub(crate) names: Vec<(Gid, String)>,
}

/// A group that has the user as a member, but not under the name that sshd compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedGroup {
    pub group: String,
    /// The name that sshd compares. `None`: getgrouplist(3) leaves the group out, so sshd compares none.
    pub sshd_name: Option<String>,
}

/// A group that a profile names and that does not exist. `Display` is the sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingGroup<'a>(pub &'a str);

impl MissingGroup<'_> {
    /// What an admin can do about it.
    pub fn fix(&self) -> Fix {
        format!(
            "run `sftpjail setup`, which adds the group, or correct its name {} in the configuration",
            escaped(self.0)
        )
        .into()
    }
}

impl Display for MissingGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a profile names the group {}, which does not exist", escaped(self.0))
    }
}

impl Account {
    /// Looks up the user `name`, and which groups of the profiles have the user as a member.
    ///
    /// For uid 0 and for users in a group of `exempt_groups`, it does not look up those groups: if a
    /// directory does not answer, they must not be locked out.
    pub fn lookup(name: &str, config: &Config) -> Result<Self, Refusal> {
        let user = User::by_name(name)?.ok_or_else(|| Refusal::NoSuchUser { name: name.to_owned() })?;
        let mut account = Self {
            name: user.name.clone(),
            uid: user.uid,
            gid: user.gid,
            home: user.home.clone(),
            exempt_by: None,
            gids: Vec::new(),
            member_of: Vec::new(),
            unmatched_by_sshd: Vec::new(),
            unknown_groups: Vec::new(),
            names: Vec::new(),
        };
        if account.uid.is_root() {
            return Ok(account);
        }
        account.exempt_by = in_etc_group(&config.exempt_groups, &account.name, account.gid)?;
        if account.exempt_by.is_none() {
            account.find_groups(&user, config.groups())?;
        }
        Ok(account)
    }

    /// The groups of the profiles that have an exempt user as a member.
    pub fn groups_if_not_exempt(&self, config: &Config) -> Result<Vec<String>, Refusal> {
        let Some(user) = User::by_name(&self.name)? else { return Ok(Vec::new()) };
        let mut account = self.clone();
        account.find_groups(&user, config.groups())?;
        Ok(account.member_of)
    }

    /// A user is a member by the primary gid, by the group's member list, or by getgrouplist(3).
    ///
    /// A group that has the user by one of the first two, and is in the third as well, is looked up once: nothing can be
    /// missing from these answers.
    fn find_groups<'a>(&mut self, user: &User, groups: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        // getgrouplist(3) leaves out the groups of a service that does not answer. So it counts only
        // between two look-ups of the same groups, which do report such an error.
        check_group_file()?;
        let asked =
            groups.map(|name| Ok((name, Group::by_name(name)?))).collect::<Result<Vec<_>, LookupError>>()?;
        self.gids = user.gids()?;
        let is_sure = |group: &Option<Group>| {
            group.as_ref().is_some_and(|g| self.is_in(g) && self.gids.contains(&g.gid))
        };
        let are_sure = asked.iter().all(|(_, group)| is_sure(group));
        let again = |(name, before): (&'a str, Option<Group>)| {
            let after = if is_sure(&before) { before.clone() } else { Group::by_name(name)? };
            Ok((name, before, after))
        };
        let asked = asked.into_iter().map(again).collect::<Result<Vec<_>, LookupError>>()?;
        let mut unmatched = Vec::new();
        for (name, before, after) in asked {
            if before.as_ref().map(|g| g.gid) != after.as_ref().map(|g| g.gid) {
                return Err(LookupError::changed(name).into());
            }
            let is_member = |g: &&Group| self.is_in(g) || self.gids.contains(&g.gid);
            match before.iter().chain(&after).find(is_member) {
                Some(group) => {
                    self.member_of.push(name.to_owned());
                    unmatched.extend(self.unmatched(name, group.gid)?.map(|found| (group.gid, found)));
                }
                None if before.is_none() => self.unknown_groups.push(name.to_owned()),
                None => {}
            }
        }
        if !are_sure || !unmatched.is_empty() {
            check_group_file()?;
        }
        // A look-up that has failed without an error says the same once. It is not known then what sshd was told.
        if !unmatched.is_empty() {
            self.gids = user.gids()?;
        }
        for (gid, found) in unmatched {
            if self.unmatched(&found.group, gid)?.as_ref() != Some(&found) {
                return Err(LookupError::changed(&found.group).into());
            }
            self.unmatched_by_sshd.push(found);
        }
        Ok(())
    }

    /// Whether a group is the user's primary one, or lists the user.
    fn is_in(&self, group: &Group) -> bool {
        group.gid == self.gid || group.members.contains(&self.name)
    }

    /// `None` if sshd's `Match Group` matches the group. sshd compares the name of each gid of
    /// getgrouplist(3), as getgrgid(3) gives it (ga_init in OpenSSH's groupaccess.c).
    fn unmatched(&mut self, group: &str, gid: Gid) -> Result<Option<UnmatchedGroup>, LookupError> {
        let sshd_name = match self.gids.contains(&gid) {
            true => Group::by_gid(gid)?.map(|found| found.name),
            false => None,
        };
        self.names.extend(sshd_name.iter().map(|name| (gid, name.clone())));
        let matches = sshd_name.as_deref() == Some(group);
        Ok((!matches).then(|| UnmatchedGroup { group: group.to_owned(), sshd_name }))
    }

    /// The checked name. It is the only way from the name to a path.
    pub fn user_name(&self) -> Result<UserName, Refusal> {
        UserName::parse(&self.name).map_err(|why| Refusal::Name { name: self.name.clone(), why })
    }

    /// The user's groups and their names, for the jail's `/etc/group`. Without a name, a listing only
    /// shows a number, so errors are not reported.
    pub fn named_groups(&self) -> Vec<(Gid, String)> {
        let is_unknown = |gid: &&Gid| !self.names.iter().any(|(known, _)| known == *gid);
        let unknown: Vec<_> = self.gids.iter().filter(is_unknown).copied().collect();
        // One pass over the file, where each look-up would be one more.
        let read = if snapshot::taken().is_none() { etc_group::names(&unknown) } else { Vec::new() };
        let name = |gid: &Gid| match self.names.iter().chain(&read).find(|(known, _)| known == gid) {
            Some((_, name)) => Some(name.clone()),
            None => Some(Group::by_gid(*gid).ok()??.name),
        };
        self.gids.iter().filter_map(|gid| Some((*gid, name(gid)?))).collect()
    }
}

/// Checks that /etc/group can be opened. With Debian's `group: files systemd`, NSS hides that: if the
/// file cannot be opened, the next service answers "not found".
fn check_group_file() -> Result<(), LookupError> {
    etc_group::open_file().map(drop)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An account with a home, and with no other groups than these.
    pub(crate) fn account(name: &str, uid: u32, member_of: &[&str]) -> Account {
        Account {
            name: name.into(),
            uid: Uid::from_raw(uid),
            gid: Gid::from_raw(100),
            home: "/home/x".into(),
            exempt_by: None,
            gids: vec![],
            member_of: member_of.iter().map(|g| (*g).to_owned()).collect(),
            unmatched_by_sshd: vec![],
            unknown_groups: vec![],
            names: vec![],
        }
    }
}
