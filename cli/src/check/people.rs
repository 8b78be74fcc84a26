//! Who there is: names that NSS lists, other names of one account, and the names of groups.

use nix::unistd::{Gid, Group, User, getgrouplist};
use pam_sftpjail::account::Account;
use std::collections::BTreeSet;
use std::ffi::CString;
use std::io;
use std::process::{Command, Stdio};

/// Everybody whom NSS lists; a directory may be told not to.
#[derive(Default)]
pub(crate) struct People(Vec<Person>);

struct Person {
    name: String,
    uid: u32,
    gid: u32,
}

impl People {
    /// By getent(1), as getpwent(3) is neither safe for threads nor in any crate that wraps it safely.
    pub(crate) fn list() -> io::Result<Self> {
        let passwd = getent("passwd", None)?;
        let people = passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
            Some(Person { name, uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        });
        Ok(Self(people.collect()))
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|person| person.name.as_str())
    }

    /// Whether the group has this user as a member and nobody else.
    pub(super) fn is_alone_in(&self, group: u32, uid: u32) -> bool {
        let Ok(Some(group)) = Group::from_gid(Gid::from_raw(group)) else { return false };
        let is_it =
            |name: &String| User::from_name(name).is_ok_and(|u| u.is_some_and(|u| u.uid.as_raw() == uid));
        let mut primary = self.0.iter().filter(|person| person.gid == group.gid.as_raw()).peekable();
        (primary.peek().is_some() || !group.mem.is_empty())
            && primary.all(|person| person.uid == uid)
            && group.mem.iter().all(is_it)
    }

    /// Under which other names the account can log in: entries with the same uid, and spellings
    /// that NSS answers with it.
    pub(super) fn other_names(&self, account: &Account, typed: &str) -> BTreeSet<String> {
        let name = &account.name;
        let lower = name.to_lowercase();
        let capitalised = match lower.chars().next() {
            Some(first) => first.to_uppercase().chain(lower.chars().skip(1)).collect(),
            None => String::new(),
        };
        let spellings = [typed.to_owned(), name.to_uppercase(), lower, capitalised];
        let is_same =
            |name: &String| User::from_name(name).ok().flatten().is_some_and(|user| user.uid == account.uid);
        let listed = self.0.iter().filter(|person| person.uid == account.uid.as_raw());
        let mut names: BTreeSet<_> = spellings.into_iter().filter(is_same).collect();
        names.extend(listed.map(|person| person.name.clone()));
        names.remove(name);
        names
    }
}

/// The names of all groups of a user, as sshd's `Match Group` sees them; none if they are not known.
pub(crate) fn group_names(login: &str) -> Option<Vec<String>> {
    let Some(user) = User::from_name(login).ok()? else { return Some(Vec::new()) };
    let gids = getgrouplist(&CString::new(user.name).ok()?, user.gid).ok()?;
    let mut names = Vec::new();
    for gid in gids {
        names.extend(Group::from_gid(gid).ok()?.map(|group| group.name));
    }
    Some(names)
}

/// A database of NSS's, or its entry for `key`; empty where there is none.
pub(super) fn getent(database: &str, key: Option<&str>) -> io::Result<String> {
    let mut command = Command::new("/usr/bin/getent");
    let output = command
        .arg(database)
        .arg("--")
        .args(key)
        .env_clear()
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()?;
    // 2: the key is not there.
    match output.status.code() {
        Some(0 | 2) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => Err(io::Error::other(format!("getent {database}: {}", output.status))),
    }
}
