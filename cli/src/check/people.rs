//! Who there is: names that NSS lists, other names of one account, and the names of groups.

use nix::unistd::Gid;
use pam_sftpjail::account::Account;
use pam_sftpjail::nss::{Group, LookupError, User};
use std::collections::BTreeSet;
use std::fs;
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
        getent("passwd", None).map(|passwd| Self::parse(&passwd))
    }

    /// Those of /etc/passwd only: no service of NSS is asked.
    pub(crate) fn of_this_host() -> io::Result<Self> {
        fs::read("/etc/passwd").map(|passwd| Self::parse(&String::from_utf8_lossy(&passwd)))
    }

    /// Lines of passwd(5).
    fn parse(passwd: &str) -> Self {
        let people = passwd.lines().filter_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty())?.to_owned();
            Some(Person { name, uid: fields.nth(1)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
        });
        Self(people.collect())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|person| person.name.as_str())
    }

    pub(crate) fn uid_of(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|person| person.name == name).map(|person| person.uid)
    }

    /// All names with this uid.
    pub(crate) fn names_of(&self, uid: u32) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |person| person.uid == uid).map(|person| person.name.as_str())
    }

    /// All names with this uid, and their primary groups.
    pub(crate) fn entries_of(&self, uid: u32) -> impl Iterator<Item = (&str, Gid)> {
        let own = self.0.iter().filter(move |person| person.uid == uid);
        own.map(|person| (person.name.as_str(), Gid::from_raw(person.gid)))
    }

    /// Whether the group has this user as a member and nobody else.
    pub(super) fn is_alone_in(&self, group: u32, uid: u32) -> Result<bool, LookupError> {
        let Some(group) = Group::by_gid(Gid::from_raw(group))? else { return Ok(false) };
        let mut primary = self.0.iter().filter(|person| person.gid == group.gid.as_raw()).peekable();
        let has_one = primary.peek().is_some() || !group.members.is_empty();
        if !has_one || !primary.all(|person| person.uid == uid) {
            return Ok(false);
        }
        for name in &group.members {
            if User::by_name(name)?.is_none_or(|user| user.uid.as_raw() != uid) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Under which other names the account can log in: entries with the same uid, and spellings
    /// that NSS answers with it.
    pub(super) fn other_names(
        &self,
        account: &Account,
        typed: &str,
    ) -> Result<BTreeSet<String>, LookupError> {
        let name = &account.name;
        let lower = name.to_lowercase();
        let capitalised = match lower.chars().next() {
            Some(first) => first.to_uppercase().chain(lower.chars().skip(1)).collect(),
            None => String::new(),
        };
        let spellings = [typed.to_owned(), name.to_uppercase(), lower, capitalised];
        let mut names: BTreeSet<_> = self.names_of(account.uid.as_raw()).map(str::to_owned).collect();
        for spelling in spellings {
            if User::by_name(&spelling)?.is_some_and(|user| user.uid == account.uid) {
                names.insert(spelling);
            }
        }
        names.remove(name);
        Ok(names)
    }
}

/// Whether every service that is asked for users answers: a list, and getent(1), leave out what one that
/// does not would have told.
pub(crate) fn is_complete() -> Result<(), LookupError> {
    // Only for somebody who does not exist are all of them asked.
    User::by_name("sftpjail-nobody-has-this-name").map(drop)
}

/// The names of all groups of a user, as sshd's `Match Group` sees them; none of a user who does not exist.
pub(crate) fn group_names(login: &str) -> Result<Vec<String>, LookupError> {
    let Some(user) = User::by_name(login)? else { return Ok(Vec::new()) };
    let mut names = Vec::new();
    for gid in user.gids()? {
        names.extend(Group::by_gid(gid)?.map(|group| group.name));
    }
    Ok(names)
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
