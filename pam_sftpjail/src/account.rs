//! A login name → [`Account`]: what NSS says of it.
//!
//! "No such user" and "the lookup failed" are different answers, and only the first may ever make
//! anybody a non-member.
#![forbid(unsafe_code)]

mod exempt;

use crate::config::Config;
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::name::UserName;
use crate::nss::{Group, LookupError, User};
use nix::unistd::{Gid, Uid};
use std::fmt::{self, Display};
use std::path::PathBuf;

pub use exempt::{in_etc_group, known_to_etc_group};

/// What NSS says of a login name.
#[derive(Clone, Debug)]
pub struct Account {
    /// `pw_name`: sshd expands `%u` from it, whatever the user typed. Anything may be in it; what names a
    /// file is [`Account::user_name`].
    pub name: String,
    pub uid: Uid,
    /// The primary group.
    pub gid: Gid,
    /// `pw_dir`, byte for byte.
    pub home: PathBuf,
    /// The group of `exempt_groups` that has the user, if one does; then no other is asked for.
    pub exempt_by: Option<String>,
    /// All groups, the primary one among them.
    pub gids: Vec<Gid>,
    /// Those of the profiles' groups of which the user is a member.
    pub member_of: Vec<String>,
    /// Those of [`member_of`](Self::member_of) in which sshd's `Match Group` does not see the user.
    pub unmatched_by_sshd: Vec<UnmatchedGroup>,
    /// Those of the profiles' groups that do not exist.
    pub unknown_groups: Vec<String>,
    /// Names of gids as getgrgid(3) gave them, so that [`named_groups`](Self::named_groups) need not ask again.
    pub(crate) names: Vec<(Gid, String)>,
}

/// A group that has the user as a member, and not by the name that sshd compares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnmatchedGroup {
    pub group: String,
    /// As what sshd sees the group: `None` for not at all, because getgrouplist(3) leaves it out.
    pub sshd_name: Option<String>,
}

/// A group that a profile names and that does not exist. `Display` is the sentence about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingGroup<'a>(pub &'a str);

impl MissingGroup<'_> {
    /// What an admin can do about it.
    pub fn fix(&self) -> String {
        format!("groupadd {}, or correct the configuration", word(self.0))
    }
}

impl Display for MissingGroup<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a profile names the group {}, which does not exist", escaped(self.0))
    }
}

impl Account {
    /// Looks `login` up, and of which of the profiles' groups the user is a member.
    ///
    /// uid 0, and whoever is in a group of `exempt_groups`, is never asked for those: a directory that
    /// does not answer must not lock them out.
    pub fn lookup(login: &str, config: &Config) -> Result<Self, Refusal> {
        let user = User::by_name(login)?.ok_or_else(|| Refusal::NoSuchUser { name: login.to_owned() })?;
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

    /// Of which profiles' groups somebody is a member who is exempt.
    pub fn groups_if_not_exempt(&self, config: &Config) -> Result<Vec<String>, Refusal> {
        let Some(user) = User::by_name(&self.name)? else { return Ok(Vec::new()) };
        let mut account = self.clone();
        account.find_groups(&user, config.groups())?;
        Ok(account.member_of)
    }

    /// Membership is the primary gid, the group's member list, or getgrouplist(3).
    fn find_groups<'a>(&mut self, user: &User, groups: impl Iterator<Item = &'a str>) -> Result<(), Refusal> {
        // getgrouplist(3) leaves out what a service does not answer, so it counts only between two
        // look-ups of the same groups that report their errors.
        control()?;
        let asked =
            groups.map(|name| Ok((name, Group::by_name(name)?))).collect::<Result<Vec<_>, LookupError>>()?;
        self.gids = user.gids()?;
        let asked = asked
            .into_iter()
            .map(|(name, before)| Ok((name, before, Group::by_name(name)?)))
            .collect::<Result<Vec<_>, LookupError>>()?;
        for (name, before, after) in asked {
            if before.as_ref().map(|g| g.gid) != after.as_ref().map(|g| g.gid) {
                return Err(LookupError::changed(name).into());
            }
            let is_member = |g: &&Group| {
                g.gid == self.gid || g.members.contains(&self.name) || self.gids.contains(&g.gid)
            };
            match before.iter().chain(&after).find(is_member) {
                Some(group) => {
                    self.member_of.push(name.to_owned());
                    let unseen = self.unseen(name, group.gid)?;
                    self.unmatched_by_sshd.extend(unseen);
                }
                None if before.is_none() => self.unknown_groups.push(name.to_owned()),
                None => {}
            }
        }
        Ok(control()?)
    }

    /// Whether sshd sees the user in the group: it compares the name of each gid of getgrouplist(3), as
    /// getgrgid(3) gives it (ga_init in OpenSSH's groupaccess.c).
    fn unseen(&mut self, group: &str, gid: Gid) -> Result<Option<UnmatchedGroup>, LookupError> {
        let sshd_name = match self.gids.contains(&gid) {
            true => Group::by_gid(gid)?.map(|seen| seen.name),
            false => None,
        };
        self.names.extend(sshd_name.iter().map(|name| (gid, name.clone())));
        let is_seen = sshd_name.as_deref() == Some(group);
        Ok((!is_seen).then(|| UnmatchedGroup { group: group.to_owned(), sshd_name }))
    }

    /// The name, checked: the only way from it to a path.
    pub fn user_name(&self) -> Result<UserName, Refusal> {
        UserName::parse(&self.name).map_err(|why| Refusal::Name { name: self.name.clone(), why })
    }

    /// The user's groups that have a name, for the jail's `/etc/group`. A name that cannot be had
    /// only leaves a number in a listing, so errors are not reported.
    pub fn named_groups(&self) -> Vec<(Gid, String)> {
        let name = |gid: &Gid| match self.names.iter().find(|(known, _)| known == gid) {
            Some((_, name)) => Some(name.clone()),
            None => Some(Group::by_gid(*gid).ok()??.name),
        };
        self.gids.iter().filter_map(|gid| Some((*gid, name(gid)?))).collect()
    }
}

/// Sees that this host's groups can be read at all. With Debian's `group: files systemd`, a file that
/// cannot be opened is answered "not found" by the next service, so NSS itself does not tell.
fn control() -> Result<(), LookupError> {
    exempt::open_file().map(drop)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An account with an own home and no other group than these.
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
