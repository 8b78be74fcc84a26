//! A login name → [`Account`]: what NSS says of it.
//!
//! "No such user" and "the lookup failed" are different answers, and only the first may ever make
//! anybody a non-member.
#![forbid(unsafe_code)]

use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use std::ffi::CString;
use std::path::PathBuf;

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
    /// All groups, the primary one among them.
    pub gids: Vec<Gid>,
    /// Those of the groups asked for of which the user is a member.
    pub member_of: Vec<String>,
    /// Those of the groups asked for that do not exist.
    pub unknown_groups: Vec<String>,
}

impl Account {
    /// Looks `login` up, and whether it is a member of each of `groups`.
    ///
    /// Membership is the primary gid, the group's member list, or getgrouplist(3). uid 0 is never
    /// asked for its groups: an unreachable directory server must not lock root out.
    pub fn lookup<'a>(login: &str, groups: impl Iterator<Item = &'a str>) -> Result<Self, Refusal> {
        let user = match User::from_name(login) {
            Ok(Some(user)) => user,
            Ok(None) => {
                return Err(Refusal::NoSuchUser { name: login.to_owned() });
            }
            Err(errno) => return Err(failed("user", login, errno)),
        };
        let mut account = Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            home: user.dir,
            gids: Vec::new(),
            member_of: Vec::new(),
            unknown_groups: Vec::new(),
        };
        if account.uid.is_root() {
            return Ok(account);
        }

        // getgrouplist(3) drops groups silently when a backend cannot open its file, so it counts
        // only between two look-ups of the same groups that report their errors.
        control()?;
        let asked = groups.map(|name| Ok((name, group(name)?))).collect::<Result<Vec<_>, Refusal>>()?;
        let c_name =
            CString::new(account.name.as_str()).map_err(|_| Refusal::LoginName { why: "not a C string" })?;
        account.gids = getgrouplist(&c_name, account.gid)
            .map_err(|errno| failed("the groups of", &account.name, errno))?;
        let asked = asked
            .into_iter()
            .map(|(name, before)| Ok((name, before, group(name)?)))
            .collect::<Result<Vec<_>, Refusal>>()?;
        control()?;
        for (name, before, after) in asked {
            if before.as_ref().map(|g| g.gid) != after.as_ref().map(|g| g.gid) {
                return Err(failed("group", name, Errno::EAGAIN));
            }
            let is_member = |g: &Group| {
                g.gid == account.gid || g.mem.contains(&account.name) || account.gids.contains(&g.gid)
            };
            if before.iter().chain(&after).any(is_member) {
                account.member_of.push(name.to_owned());
            } else if before.is_none() {
                account.unknown_groups.push(name.to_owned());
            }
        }
        Ok(account)
    }

    /// The name, checked: the only way from it to a path.
    pub fn user_name(&self) -> Result<UserName, Refusal> {
        UserName::parse(&self.name).map_err(|why| Refusal::Name { name: self.name.clone(), why })
    }

    /// The user's groups that have a name, for the jail's `/etc/group`. A name that cannot be had
    /// only leaves a number in a listing, so errors are not reported.
    pub fn named_groups(&self) -> Vec<(Gid, String)> {
        self.gids.iter().filter_map(|gid| Some((*gid, Group::from_gid(*gid).ok()??.name))).collect()
    }
}

/// getgrnam_r(3) lists ENOENT and ESRCH among the answers for "not found"; [`control`] has seen that
/// it is not the file of groups which is gone.
fn group(name: &str) -> Result<Option<Group>, Refusal> {
    match Group::from_name(name) {
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        other => other.map_err(|errno| failed("group", name, errno)),
    }
}

/// Sees that this host's groups can be read at all. With Debian's `group: files systemd`, a file that
/// cannot be opened is answered "not found" by the next service, so NSS itself does not tell.
fn control() -> Result<(), Refusal> {
    open("/etc/group", OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())
        .map(drop)
        .map_err(|errno| Refusal::Lookup { what: "the groups in /etc/group".into(), errno })
}

fn failed(kind: &str, name: &str, errno: Errno) -> Refusal {
    Refusal::Lookup { what: format!("{kind} {}", escaped(name)), errno }
}
