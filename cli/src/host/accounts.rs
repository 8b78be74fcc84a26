//! Reads the accounts that NSS lists, and the other names of an account.

use super::programs;
use nix::unistd::Gid;
use pam_sftpjail::account::Account;
use pam_sftpjail::nss::{Group, LookupError, User, snapshot};
use pam_sftpjail::suggestion::nearest;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The file of passwd(5).
pub(crate) const PASSWD: &str = "/etc/passwd";

/// All accounts that NSS lists. A user directory may be configured not to list its accounts.
#[derive(Default)]
pub(crate) struct Accounts {
    entries: Vec<Entry>,
    /// The index of the first entry with each home.
    by_home: BTreeMap<PathBuf, usize>,
    /// The homes of several users.
    shared_homes: BTreeSet<PathBuf>,
}

/// The fields of a line of passwd(5) that are used.
struct Entry {
    name: String,
    uid: u32,
    gid: u32,
}

impl Accounts {
    /// Lists them with getent(1): getpwent(3) is not safe for threads, and no crate wraps it safely.
    pub(crate) fn list() -> io::Result<Self> {
        getent("passwd", None).map(|passwd| Self::parse(&passwd))
    }

    /// The accounts of /etc/passwd only: no service of NSS is asked.
    pub(crate) fn of_this_host() -> io::Result<Self> {
        fs::read(PASSWD).map(|passwd| Self::parse(&String::from_utf8_lossy(&passwd)))
    }

    /// Parses lines of passwd(5); others are left out.
    pub(crate) fn parse(passwd: &str) -> Self {
        let mut all = Self::default();
        for line in passwd.lines() {
            let mut fields = line.split(':');
            let name = fields.next().filter(|name| !name.is_empty());
            let [uid, gid] = [fields.nth(1), fields.next()].map(|id| id.and_then(|id| id.parse().ok()));
            let (Some(name), Some(uid), Some(gid)) = (name, uid, gid) else { continue };
            let home = PathBuf::from(fields.nth(1).unwrap_or_default());
            let first = *all.by_home.entry(home.clone()).or_insert(all.entries.len());
            if all.entries.get(first).is_some_and(|first| first.uid != uid) {
                all.shared_homes.insert(home);
            }
            all.entries.push(Entry { name: name.to_owned(), uid, gid });
        }
        all
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.name.as_str())
    }

    pub(crate) fn uid_of(&self, name: &str) -> Option<u32> {
        self.entries.iter().find(|entry| entry.name == name).map(|entry| entry.uid)
    }

    /// The first account with this home: its name and uid.
    pub(crate) fn with_home(&self, home: &Path) -> Option<(&str, u32)> {
        let entry = self.entries.get(*self.by_home.get(home)?)?;
        Some((&entry.name, entry.uid))
    }

    /// Whether users with another uid have this home as well.
    pub(crate) fn share(&self, home: &Path) -> bool {
        self.shared_homes.contains(home)
    }

    /// The accounts of other users whose home is below `directory`: the first account with each such home.
    pub(crate) fn with_home_below(&self, directory: &Path, uid: u32) -> Vec<&str> {
        let below = self.by_home.range::<Path, _>((Bound::Excluded(directory), Bound::Unbounded));
        let below = below.take_while(|(home, _)| home.starts_with(directory));
        let entries = below.filter_map(|(_, at)| self.entries.get(*at)).filter(|entry| entry.uid != uid);
        entries.map(|entry| entry.name.as_str()).collect()
    }

    /// All names with this uid.
    pub(crate) fn names_of(&self, uid: u32) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(move |entry| entry.uid == uid).map(|entry| entry.name.as_str())
    }

    /// All names with this primary group.
    pub(crate) fn with_primary_group(&self, gid: u32) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(move |entry| entry.gid == gid).map(|entry| entry.name.as_str())
    }

    /// Whether an account has this uid.
    pub(crate) fn has_uid(&self, uid: u32) -> bool {
        self.entries.iter().any(|entry| entry.uid == uid)
    }

    /// All names with this uid, and their primary groups.
    pub(crate) fn entries_of(&self, uid: u32) -> impl Iterator<Item = (&str, Gid)> {
        let own = self.entries.iter().filter(move |entry| entry.uid == uid);
        own.map(|entry| (entry.name.as_str(), Gid::from_raw(entry.gid)))
    }

    /// Whether the group has this user as a member and nobody else.
    pub(crate) fn is_alone_in(&self, group: u32, uid: u32) -> Result<bool, LookupError> {
        let Some(group) = Group::by_gid(Gid::from_raw(group))? else { return Ok(false) };
        let mut primary = self.entries.iter().filter(|entry| entry.gid == group.gid.as_raw()).peekable();
        let has_one = primary.peek().is_some() || !group.members.is_empty();
        if !has_one || !primary.all(|entry| entry.uid == uid) {
            return Ok(false);
        }
        for name in group.members.iter() {
            if User::by_name(name)?.is_none_or(|user| user.uid.as_raw() != uid) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The other names by which the account can log in: entries with the same uid, and spellings for which
    /// NSS gives the account. `typed`: the name that the admin typed.
    pub(crate) fn other_names(
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

/// Whether a login shell runs anything for the user.
pub(crate) fn runs_shell(shell: &Path) -> bool {
    let none = ["nologin", "false", "true", "null"];
    !shell.file_name().is_some_and(|name| none.iter().any(|none| name == *none))
}

/// Lets this process answer look-ups of users and groups from what NSS lists now, if that is all.
pub(crate) fn remember() {
    let list = |database: &str| {
        let output = programs::command("/usr/bin/getent").arg(database).stderr(Stdio::null()).output();
        output.ok().filter(|output| output.status.success()).map(|output| output.stdout)
    };
    if let Some((passwd, group)) = list("passwd").zip(list("group")) {
        snapshot::answer_from(&passwd, &group);
    }
}

/// As [`remember`], until `work` has ended: for a program that adds users or groups later.
pub(crate) fn remembered<T>(work: impl FnOnce() -> T) -> T {
    remember();
    let done = work();
    snapshot::forget();
    done
}

/// The error: a service of NSS does not answer. getent(1) then lists the accounts of the others, without an
/// error.
pub(crate) fn is_complete() -> Result<(), LookupError> {
    // NSS asks all services only for a user who does not exist.
    User::by_name("sftpjail-nobody-has-this-name").map(drop)
}

/// The name of an account that is similar to `typed`, if no account has that name.
pub(crate) fn suggested(typed: &str) -> Option<String> {
    match User::by_name(typed) {
        Ok(None) => nearest(typed, Accounts::list().ok()?.names()).map(str::to_owned),
        _ => None,
    }
}

/// A database of NSS as getent(1) prints it, or its entry for `key`; empty if there is none.
pub(crate) fn getent(database: &str, key: Option<&str>) -> io::Result<String> {
    let mut command = programs::command("/usr/bin/getent");
    let output = command.arg(database).arg("--").args(key).stderr(Stdio::null()).output()?;
    // 2: there is no such key.
    match output.status.code() {
        Some(0 | 2) => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        _ => Err(io::Error::other(format!("getent {database}: {}", output.status))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash
anna:x:1000:1000::/home/anna:/bin/sh
anna-admin:x:1000:1000::/home/anna:/bin/sh
:x:1001:100::/home/nobody:/bin/sh
half:x:1002
ben:x:1003:100::/home/anna/guests/ben:/bin/sh
cleo:x:1004:100::/home/anna/guests:/bin/sh
dora:x:1005:100::/srv/common:/bin/sh
emil:x:1006:1000::/srv/common:/bin/sh
felix:x:1007:100::/home/annabel:/bin/sh
";

    #[test]
    fn lines_that_are_no_accounts_are_left_out() {
        let all = Accounts::parse(PASSWD);
        let expected = ["root", "anna", "anna-admin", "ben", "cleo", "dora", "emil", "felix"];
        assert_eq!(all.names().collect::<Vec<_>>(), expected);
        assert_eq!((all.uid_of("ben"), all.uid_of("half"), all.uid_of("")), (Some(1003), None, None));
        assert!(all.has_uid(1000) && !all.has_uid(1001) && !all.has_uid(100));
    }

    #[test]
    fn an_account_has_the_names_of_its_uid_and_a_group_those_of_its_gid() {
        let all = Accounts::parse(PASSWD);
        assert_eq!(all.names_of(1000).collect::<Vec<_>>(), ["anna", "anna-admin"]);
        assert_eq!(all.with_primary_group(1000).collect::<Vec<_>>(), ["anna", "anna-admin", "emil"]);
        let entries: Vec<_> = all.entries_of(1006).collect();
        assert_eq!(entries, [("emil", Gid::from_raw(1000))]);
    }

    #[test]
    fn a_home_is_shared_by_users_and_not_by_names_of_one_user() {
        let all = Accounts::parse(PASSWD);
        let home = |path: &str| (all.with_home(Path::new(path)), all.share(Path::new(path)));
        assert_eq!(home("/home/anna"), (Some(("anna", 1000)), false));
        assert_eq!(home("/srv/common"), (Some(("dora", 1005)), true));
        assert_eq!(home("/home"), (None, false));
    }

    /// What a user with that home could reach, by their names in the order of the paths.
    #[test]
    fn homes_of_others_below_a_home_are_named() {
        let all = Accounts::parse(PASSWD);
        let below = |path: &str, uid| all.with_home_below(Path::new(path), uid);
        assert_eq!(below("/home/anna", 1000), ["cleo", "ben"]);
        assert_eq!(below("/home/anna", 1003), ["cleo"]);
        assert_eq!(below("/home/anna/guests", 1004), ["ben"]);
        assert!(below("/home/annabel", 1007).is_empty() && below("/srv/common", 1005).is_empty());
    }

    #[test]
    fn a_shell_that_ends_at_once_runs_nothing() {
        for (shell, expected) in [
            ("/bin/bash", true),
            ("/usr/sbin/nologin", false),
            ("/bin/false", false),
            ("/bin/true", false),
            ("/dev/null", false),
            // passwd(5): /bin/sh then.
            ("", true),
        ] {
            assert_eq!(runs_shell(Path::new(shell)), expected, "{shell}");
        }
    }
}
