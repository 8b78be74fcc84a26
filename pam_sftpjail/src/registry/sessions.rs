//! The sessions of one user, and how they begin and end.

use super::{
    DIRECTORY, LiveRecord, REFUSED, Record, Registry, UNFINISHED, broken, is_in, is_refused, records,
};
use crate::config::Namespace;
use crate::error::Refusal;
use crate::name::UserName;
use crate::sys::{SysError, attribute, directory, lock};
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A user's sessions, while nobody else changes them.
pub(crate) struct Sessions {
    registry: Registry,
    user: UserName,
    directory: OwnedFd,
    /// Whether there is no record, as far as is known.
    is_empty: bool,
    /// Records that say that a jail of the host's namespace may be left behind.
    dead: Vec<OsString>,
}

impl Sessions {
    /// `directory`: the user's, locked.
    pub(super) fn of(registry: Registry, user: &UserName, directory: OwnedFd) -> Self {
        Self { registry, user: user.clone(), directory, is_empty: true, dead: Vec::new() }
    }

    /// Those that are live. What dead ones left is removed, but for the records of jails of the host's
    /// namespace: [`Sessions::forget_dead`].
    pub(crate) fn live(&mut self) -> Result<Vec<LiveRecord>, Refusal> {
        let found =
            records(&self.directory).map_err(|errno| broken(Path::new(DIRECTORY).join(&self.user), errno))?;
        let mut live = Vec::new();
        let mut kept = false;
        for (name, is_live) in found {
            if is_live && is_refused(&name) {
                kept = true;
            } else if is_live {
                live.push(LiveRecord { user: self.user.clone(), name });
            } else if is_in(&name, Namespace::Host) {
                self.dead.push(name);
            } else {
                self.remove(&name)?;
            }
        }
        self.is_empty = live.is_empty() && !kept;
        Ok(live)
    }

    /// Removes what dead sessions left. Not before their jail is gone: as long as one is mounted, a
    /// record says so.
    pub(crate) fn forget_dead(&mut self) -> Result<(), Refusal> {
        std::mem::take(&mut self.dead).iter().try_for_each(|name| self.remove(name))
    }

    fn remove(&self, name: &OsStr) -> Result<(), Refusal> {
        match directory::remove_entry(&self.directory, name) {
            // EISDIR: a directory, which is none of ours.
            Err(error) if !matches!(error.errno, Errno::ENOENT | Errno::EISDIR) => {
                Err(broken(Path::new(DIRECTORY).join(&self.user), error.errno))
            }
            _ => Ok(()),
        }
    }

    /// Writes the record of a session that lives for as long as the result is kept by this process,
    /// or one that it forks.
    pub(crate) fn enter(&mut self, record: &Record) -> Result<OwnRecord, Refusal> {
        let failed = |errno| broken(Path::new(DIRECTORY).join(&self.user), errno);
        let text = toml::to_string(record).map_err(|error| Refusal::Registry {
            path: DIRECTORY.into(),
            why: format!("takes no record: {error}"),
            fix: "report this as a bug".into(),
        })?;
        let name = self.free_name(record).map_err(failed)?;
        let file = self.write(&text, &name).map_err(failed).inspect_err(|_| {
            // What there is of it is of no use; the next session would remove it, too.
            let _ = directory::remove_entry(&self.directory, UNFINISHED.as_ref());
        })?;
        self.is_empty = false;
        Ok(OwnRecord { user: self.user.clone(), name, _file: file })
    }

    /// The file appears whole and in use.
    fn write(&self, text: &str, name: &str) -> Result<OwnedFd, Errno> {
        let errno = |error: SysError| error.errno;
        let written = directory::write(&self.directory, UNFINISHED.as_ref(), text.as_bytes());
        // Read-only, because a forked process of the user's will have it too.
        let open = || directory::open_file(&self.directory, UNFINISHED.as_ref());
        let file = match written {
            // The service's files may not be that large, and it may not change that.
            Err(error) if error.errno == Errno::EFBIG => {
                let file = open()?;
                attribute::set(&file, text).map_err(errno)?;
                file
            }
            written => {
                written.map_err(errno)?;
                open()?
            }
        };
        lock::mark_in_use(&file)?;
        directory::rename(&self.directory, UNFINISHED.as_ref(), name.as_ref()).map_err(errno)?;
        Ok(file)
    }

    /// Those that are live beside one's own.
    pub(crate) fn others(&mut self, own: &OwnRecord) -> Result<Vec<LiveRecord>, Refusal> {
        let mut live = self.live()?;
        live.retain(|live| live.name.to_str() != Some(&own.name));
        Ok(live)
    }

    /// Removes the record of a session that ends.
    pub(crate) fn leave(&mut self, entry: OwnRecord) -> Result<(), Refusal> {
        self.is_empty = true;
        self.remove(entry.name.as_ref())
    }

    /// One process may have several sessions, and the child of a killed one still hold its record when
    /// the pid is given out again.
    fn free_name(&self, record: &Record) -> Result<String, Errno> {
        let kind = if record.refused { REFUSED.to_owned() } else { format!("{}-", record.namespace) };
        let mut name = format!("{kind}{}", record.pid);
        let mut n = 1;
        loop {
            match directory::open_entry(&self.directory, name.as_ref()) {
                Err(Errno::ENOENT) => return Ok(name),
                taken => drop(taken?),
            }
            n += 1;
            name = format!("{kind}{}.{n}", record.pid);
        }
    }
}

impl Drop for Sessions {
    /// The last one takes the directory away; one with anything in it stays.
    fn drop(&mut self) {
        if self.is_empty {
            let _ = directory::remove_empty(&self.registry.0, self.user.as_ref());
        }
    }
}

/// This process's own record, marked as in use. Dropping it leaves the record alone, as a forked child must.
pub(crate) struct OwnRecord {
    pub(crate) user: UserName,
    name: String,
    _file: OwnedFd,
}
