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

/// The jails without a live session, and the directories that are left of some, which [`reap`] would remove. `user`:
/// only that one's. It changes nothing but records of dead sessions.
pub fn left(jail_root: &Path, user: Option<&UserName>) -> Result<Vec<PathBuf>, Refusal> {
    let mut left = Vec::new();
    for found in found(jail_root)?.into_iter().filter(|found| user.is_none_or(|user| user == found)) {
        // Most have live sessions. A session that is beginning or ending is waited for.
        let live = Registry::existing()?.map_or(Ok(Vec::new()), |registry| registry.live(&found))?;
        if is_left(jail_root, &found, others(&live))? {
            // Under the lock.
            let mut sessions = Registry::open()?.lock(&found)?;
            if is_left(jail_root, &found, others(&sessions.live()?))? {
                left.push(jail_root.join(&found));
            }
        }
    }
    Ok(left)
}

/// Whether there is anything of the user's to remove beside these sessions.
fn is_left(jail_root: &Path, user: &UserName, others: Others) -> Result<bool, SysError> {
    let root = open(jail_root)?.filter(|_| !others.here);
    root.map_or(Ok(false), |root| host::Jail::at(jail_root, user).is_left(&root, others))
}

/// The users with a jail, or what is left of one, below the jail root.
fn found(jail_root: &Path) -> Result<Vec<UserName>, SysError> {
    let failed = |call| SysError::of::<Errno>(call, escaped(jail_root).to_string());
    let Some(root) = open(jail_root)? else { return Ok(Vec::new()) };
    let readable = directory::open_to_read(&root, ".".as_ref()).map_err(failed("openat"))?;
    let names = directory::names(readable).map_err(failed("getdents"))?;
    // An entry with another name is not a jail.
    let users = names.iter().filter_map(|name| UserName::parse(name).ok());
    // What cannot be read may be one. Who would remove it reports that.
    let is_left = |user: &UserName| host::Jail::at(jail_root, user).is_left(&root, Others::default());
    Ok(users.filter(|user| is_left(user).unwrap_or(true)).collect())
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
    let was_removed = match open(jail_root)? {
        Some(root) => host::Jail::at(jail_root, user).take_down_below(&root, others)?,
        None => false,
    };
    sessions.forget_dead()?;
    Ok(if was_removed { Leftover::Removed } else { Leftover::None })
}

fn open(jail_root: &Path) -> Result<Option<OwnedFd>, SysError> {
    match directory::open_without_symlinks(jail_root) {
        Err(Errno::ENOENT) => Ok(None),
        root => root.map(Some).map_err(SysError::of("openat2", escaped(jail_root))),
    }
}
