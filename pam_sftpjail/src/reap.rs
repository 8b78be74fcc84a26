//! Removes jails that a killed service left in the host's namespace. Live sessions are not touched.
//!
//! The next login or logout of the same user would do the same.
#![forbid(unsafe_code)]

use crate::error::Refusal;
use crate::escape::escaped;
use crate::jail::{Others, host};
use crate::name::UserName;
use crate::registry::{Registry, others};
use crate::sys::{SysError, directory};
use nix::errno::Errno;
use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A jail that was removed, or could not be.
pub struct Reaped {
    /// Where it was, or still is.
    pub jail: PathBuf,
    pub done: Result<(), Refusal>,
}

/// Removes the records of dead sessions, and the jails without a live session: those in this process's mount namespace,
/// and the directories on which they are mounted in any. An error with one user does not stop it.
pub fn reap(jail_root: &Path) -> Result<Vec<Reaped>, Refusal> {
    let mut users: BTreeSet<UserName> = Registry::open()?.users()?.into_iter().collect();
    users.extend(found(jail_root)?);
    let mut reaped = Vec::new();
    for user in users {
        let jail = jail_root.join(&user);
        match take_down(jail_root, &user) {
            Ok(Leftover::None | Leftover::InUse) => {}
            Ok(Leftover::Removed) => reaped.push(Reaped { jail, done: Ok(()) }),
            Err(refusal) => reaped.push(Reaped { jail, done: Err(refusal) }),
        }
    }
    if let Some(root) = open(jail_root)? {
        host::finish_root(&root, jail_root)?;
    }
    Ok(reaped)
}

/// The jails without a live session, and the directories that are left of some, which [`reap`] would remove. `user`: only
/// that one's. It changes nothing but records of dead sessions.
pub fn left(jail_root: &Path, user: Option<&UserName>) -> Result<Vec<PathBuf>, Refusal> {
    let mut left = Vec::new();
    for found in found(jail_root)?.into_iter().filter(|found| user.is_none_or(|user| user == found)) {
        // Most have live sessions. A session that is beginning or ending is waited for.
        if !is_live(Registry::existing()?, &found)? && is_left(jail_root, &found)? {
            left.push(jail_root.join(&found));
        }
    }
    Ok(left)
}

fn is_live(registry: Option<Registry>, user: &UserName) -> Result<bool, Refusal> {
    let live = registry.map_or(Ok(Vec::new()), |registry| registry.live(user))?;
    Ok(others(&live) != Others::default())
}

/// Asks under the user's lock.
fn is_left(jail_root: &Path, user: &UserName) -> Result<bool, Refusal> {
    let mut sessions = Registry::open()?.lock(user)?;
    let is_live = others(&sessions.live()?) != Others::default();
    let is_there = |root: OwnedFd| host::Jail::find(&root, jail_root.to_owned(), user).is_some();
    Ok(!is_live && open(jail_root)?.is_some_and(is_there))
}

/// The users with a jail, or what is left of one, below the jail root.
fn found(jail_root: &Path) -> Result<Vec<UserName>, SysError> {
    let failed = |call| SysError::of::<Errno>(call, escaped(jail_root).to_string());
    let Some(root) = open(jail_root)? else { return Ok(Vec::new()) };
    let readable = directory::open_to_read(&root, ".".as_ref()).map_err(failed("openat"))?;
    let names = directory::names(readable).map_err(failed("getdents"))?;
    // An entry with another name is not a jail.
    let users = names.iter().filter_map(|name| UserName::parse(name).ok());
    Ok(users.filter(|user| host::Jail::find(&root, jail_root.to_owned(), user).is_some()).collect())
}

/// Unmounts what logins mounted at the jail root itself, for jails in the host's namespace: a mount of the directory on
/// itself. What is in use stays.
pub fn release_jail_root(path: &Path) {
    host::release_root(path);
}

/// What there was of a user's jail in the host's namespace.
pub(crate) enum Leftover {
    None,
    /// A jail without a live session. It has been removed.
    Removed,
    /// A jail with live sessions.
    InUse,
}

/// Removes the user's jail, if no session is live in it.
pub(crate) fn take_down(jail_root: &Path, user: &UserName) -> Result<Leftover, Refusal> {
    let mut sessions = Registry::open()?.lock(user)?;
    let others = others(&sessions.live()?);
    if others.here {
        return Ok(Leftover::InUse);
    }
    let left = open(jail_root)?.and_then(|root| host::Jail::find(&root, jail_root.to_owned(), user));
    let was_removed = left.map_or(Ok(false), |jail| jail.take_down(others))?;
    sessions.forget_dead()?;
    Ok(if was_removed { Leftover::Removed } else { Leftover::None })
}

fn open(jail_root: &Path) -> Result<Option<OwnedFd>, SysError> {
    match directory::open_without_symlinks(jail_root) {
        Err(Errno::ENOENT) => Ok(None),
        root => root.map(Some).map_err(SysError::of("openat2", escaped(jail_root).to_string())),
    }
}
