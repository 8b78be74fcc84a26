//! Looks up users and groups in NSS, for the module and the CLI. Nothing else asks NSS.
//!
//! There are three answers: an entry, none, and an error. "None" means that every service that was asked
//! said so. If a service did not answer, that is an error, and never a "none".
//!
//! A program that has taken a [`snapshot`] gets the answers from there.
#![forbid(unsafe_code)]

pub mod snapshot;
pub mod switch;

use crate::escape::escaped;
use crate::fix::Fix;
use crate::sys::nss::{self, Key};
use crate::sys::{limit_fix, process_fix};
use nix::errno::Errno;
use nix::unistd::{Gid, Uid};
use std::fmt::{self, Display};
use std::path::PathBuf;
use std::sync::Arc;
use switch::{Database, Line};
use thiserror::Error;

/// A user, as passwd(5) describes it.
#[derive(Clone, Debug)]
pub struct User {
    /// With U+FFFD for bytes that are not UTF-8. Only a [`UserName`](crate::name::UserName) names a file.
    pub name: String,
    pub uid: Uid,
    /// The primary group.
    pub gid: Gid,
    /// Byte for byte.
    pub home: PathBuf,
    pub shell: PathBuf,
}

/// A group, as group(5) describes it. The names have U+FFFD for bytes that are not UTF-8.
#[derive(Clone, Debug)]
pub struct Group {
    pub name: String,
    pub gid: Gid,
    /// The member list. Users with this primary group may be missing from it.
    pub members: Arc<[String]>,
}

impl User {
    pub fn by_name(name: &str) -> Result<Option<Self>, LookupError> {
        if let Some(all) = snapshot::taken() {
            return Ok(all.user(name));
        }
        let failed = |errno| LookupError::new(format!("user {}", escaped(name)), errno, Database::Passwd);
        nss::passwd(Key::Name(name)).map(|user| user.map(Self::of)).map_err(failed)
    }

    pub fn by_uid(uid: Uid) -> Result<Option<Self>, LookupError> {
        if let Some(all) = snapshot::taken() {
            return Ok(all.user_of(uid));
        }
        let failed = |errno| LookupError::new(format!("the user with uid {uid}"), errno, Database::Passwd);
        nss::passwd(Key::Id(uid.as_raw())).map(|user| user.map(Self::of)).map_err(failed)
    }

    /// The gids of all groups, the primary one among them, as sshd's `Match Group` gets them:
    /// getgrouplist(3). It leaves out the groups of a service that does not answer, so it counts only
    /// together with look-ups that report their errors.
    pub fn gids(&self) -> Result<Vec<Gid>, LookupError> {
        if let Some(all) = snapshot::taken() {
            return Ok(all.gids(&self.name, self.gid));
        }
        let failed = |errno| {
            LookupError::new(format!("the groups of {}", escaped(&self.name)), errno, Database::Group)
        };
        let gids = nss::gids(&self.name, self.gid.as_raw()).map_err(failed)?;
        Ok(gids.into_iter().map(Gid::from_raw).collect())
    }

    fn of(entry: nss::Passwd) -> Self {
        let nss::Passwd { name, uid, gid, home, shell } = entry;
        Self { name, uid: Uid::from_raw(uid), gid: Gid::from_raw(gid), home, shell }
    }
}

impl Group {
    pub fn by_name(name: &str) -> Result<Option<Self>, LookupError> {
        if let Some(all) = snapshot::taken() {
            return Ok(all.group(name));
        }
        let failed = |errno| LookupError::new(format!("group {}", escaped(name)), errno, Database::Group);
        nss::group(Key::Name(name)).map(|group| group.map(Self::of)).map_err(failed)
    }

    pub fn by_gid(gid: Gid) -> Result<Option<Self>, LookupError> {
        if let Some(all) = snapshot::taken() {
            return Ok(all.group_of(gid));
        }
        let failed = |errno| LookupError::new(format!("the group with gid {gid}"), errno, Database::Group);
        nss::group(Key::Id(gid.as_raw())).map(|group| group.map(Self::of)).map_err(failed)
    }

    fn of(entry: nss::Group) -> Self {
        let nss::Group { name, gid, members } = entry;
        Self { name, gid: Gid::from_raw(gid), members: members.into() }
    }
}

/// A look-up that failed. Whether there is such an entry is unknown.
#[derive(Clone, Debug, Error)]
#[error("looking up {what} failed: {why}")]
pub struct LookupError {
    /// What was looked up; for people, and escaped.
    what: String,
    why: Why,
}

#[derive(Clone, Debug)]
enum Why {
    /// A service on the line of nsswitch.conf did not answer.
    Service(Errno, Line),
    /// The process ran out of something, or a file of the host cannot be read.
    Errno(Errno),
    /// A second look-up gave another answer than the first.
    Changed,
}

impl LookupError {
    fn new(what: String, errno: Errno, database: Database) -> Self {
        let why = match Line::of(database) {
            // If this process runs out of something, no service is to blame.
            Ok(line) if limit_fix(errno).is_none() => Why::Service(errno, line),
            _ => Why::Errno(errno),
        };
        Self { what, why }
    }

    /// For a file of groups that cannot be read.
    pub(crate) fn of_file(path: &str, errno: Errno) -> Self {
        Self { what: format!("the groups in {path}"), why: Why::Errno(errno) }
    }

    /// For a group of which a second look-up gave another answer than the first.
    pub(crate) fn changed(group: &str) -> Self {
        Self { what: format!("group {}", escaped(group)), why: Why::Changed }
    }

    /// What an admin can do about it.
    pub fn fix(&self) -> Fix {
        match &self.why {
            Why::Service(_, line) => line.fix(),
            Why::Errno(errno) => process_fix(*errno).unwrap_or("make sure that root can read it").into(),
            Why::Changed => "log in again".into(),
        }
    }
}

impl Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // connect(2) says ENOENT if the socket is missing, and ECONNREFUSED if nobody listens any more.
            Self::Service(Errno::ENOENT, line) => {
                write!(f, "{} could not be reached ({line})", line.suspects())
            }
            Self::Service(Errno::ECONNREFUSED, line) => {
                write!(f, "{} is not running ({line})", line.suspects())
            }
            Self::Service(errno, line) => {
                write!(f, "{} did not answer: {} ({line})", line.suspects(), errno.desc())
            }
            Self::Errno(errno) => f.write_str(errno.desc()),
            Self::Changed => f.write_str("two look-ups gave different answers"),
        }
    }
}
