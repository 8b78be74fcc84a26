//! Removes jails that a killed service left in the host's namespace. Live sessions are not touched.
//!
//! The next login or logout of the same user would do the same.
#![forbid(unsafe_code)]

use crate::config::{Config, Namespace};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::jail::host;
use crate::name::UserName;
use crate::registry::Registry;
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

/// Removes the records of dead sessions, and the jails without a live session. An error with one user does
/// not stop it.
pub fn reap(config: &Config) -> Result<Vec<Reaped>, Refusal> {
    let mut users: BTreeSet<UserName> = Registry::open()?.users()?.into_iter().collect();
    let path = config.jail_root.absolute();
    let failed = |call| SysError::of::<Errno>(call, escaped(&path).to_string());
    if let Some(root) = jail_root(config)? {
        let readable = directory::open_to_read(&root, ".".as_ref()).map_err(failed("openat"))?;
        for name in directory::names(readable).map_err(failed("getdents"))? {
            // An entry with another name is not a jail.
            let Ok(user) = UserName::parse(&name) else { continue };
            if host::Jail::find(&root, path.clone(), &user).is_some() {
                users.insert(user);
            }
        }
    }
    let mut reaped = Vec::new();
    for user in users {
        let jail = path.join(&user);
        match take_down(config, &user) {
            Ok(Leftover::None | Leftover::InUse) => {}
            Ok(Leftover::Removed) => reaped.push(Reaped { jail, done: Ok(()) }),
            Err(refusal) => reaped.push(Reaped { jail, done: Err(refusal) }),
        }
    }
    Ok(reaped)
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
pub(crate) fn take_down(config: &Config, user: &UserName) -> Result<Leftover, Refusal> {
    let mut sessions = Registry::open()?.lock(user)?;
    if sessions.live()?.iter().any(|live| live.is_in(Namespace::Host)) {
        return Ok(Leftover::InUse);
    }
    let path = config.jail_root.absolute();
    let left = jail_root(config)?.and_then(|root| host::Jail::find(&root, path, user));
    let was_there = left.is_some();
    left.map_or(Ok(()), host::Jail::take_down)?;
    sessions.forget_dead()?;
    Ok(if was_there { Leftover::Removed } else { Leftover::None })
}

fn jail_root(config: &Config) -> Result<Option<OwnedFd>, SysError> {
    let path = config.jail_root.absolute();
    match directory::open_without_symlinks(&path) {
        Err(Errno::ENOENT) => Ok(None),
        root => root.map(Some).map_err(SysError::of("openat2", escaped(&path).to_string())),
    }
}
