//! Takes down what a killed service left behind in the host's namespace. The next login or logout of
//! the same user would do the same.
#![forbid(unsafe_code)]

use crate::config::{Config, Namespace};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::jail::host;
use crate::registry::Registry;
use crate::sys::{SysError, directory};
use nix::errno::Errno;
use std::path::PathBuf;

/// A jail that nobody was in.
pub struct Reaped {
    /// Where it was, or still is.
    pub jail: PathBuf,
    pub done: Result<(), Refusal>,
}

/// Removes the records of dead sessions and the jails that no session is in. A jail that cannot be
/// taken down does not keep the others.
pub fn reap(config: &Config) -> Result<Vec<Reaped>, Refusal> {
    for user in Registry::open()?.users()? {
        if let Some(user) = user.to_str() {
            Registry::open()?.lock(user)?.live()?;
        }
    }
    let path = config.jail_root.absolute();
    let failed = |call| SysError::of::<Errno>(call, escaped(&path).to_string());
    let root = match directory::open_without_symlinks(&path) {
        Err(Errno::ENOENT) => return Ok(Vec::new()),
        root => root.map_err(failed("openat2"))?,
    };
    let readable = directory::open_to_read(&root, ".".as_ref()).map_err(failed("openat"))?;
    let mut reaped = Vec::new();
    for user in directory::names(readable).map_err(failed("getdents"))? {
        let Some(jail) = user.to_str().and_then(|user| host::Jail::left(&root, path.clone(), user)) else {
            continue;
        };
        let at = jail.path();
        match take_down(jail) {
            Ok(false) => {}
            Ok(true) => reaped.push(Reaped { jail: at, done: Ok(()) }),
            Err(refusal) => reaped.push(Reaped { jail: at, done: Err(refusal) }),
        }
    }
    Ok(reaped)
}

/// Whether nobody was in it, and it is gone.
fn take_down(jail: host::Jail) -> Result<bool, Refusal> {
    let mut sessions = Registry::open()?.lock(jail.user())?;
    if sessions.live()?.iter().any(|live| live.is_in(Namespace::Host)) {
        return Ok(false);
    }
    jail.take_down()?;
    Ok(true)
}
