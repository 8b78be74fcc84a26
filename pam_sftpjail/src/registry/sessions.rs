//! The sessions of one user under the user's lock: counts them, and writes and removes their records.

use super::live::{is_shared, prefix};
use super::{DIRECTORY, LiveRecord, REFUSED, Record, Registry, failed_at, is_refused, records};
use crate::error::Refusal;
use crate::name::UserName;
use crate::sys::{attribute, directory, lock};
use nix::errno::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::Path;

/// A user's sessions. While this value exists, no other process changes them.
pub(crate) struct Sessions {
    registry: Registry,
    user: UserName,
    directory: OwnedFd,
    /// Whether the directory has no record, as far as is known.
    is_empty: bool,
    /// Dead records in the host's namespace: their jail may still be mounted.
    dead: Vec<OsString>,
}

impl Sessions {
    /// `directory`: the user's, which is locked.
    pub(super) fn of(registry: Registry, user: &UserName, directory: OwnedFd) -> Self {
        Self { registry, user: user.clone(), directory, is_empty: true, dead: Vec::new() }
    }

    /// The live sessions. It removes nothing.
    pub(crate) fn seen(&self) -> Result<Vec<LiveRecord>, Refusal> {
        self.registry.live(&self.user)
    }

    /// The live sessions. Dead records are removed, except those in the host's namespace:
    /// [`Sessions::forget_dead`] does that.
    pub(crate) fn live(&mut self) -> Result<Vec<LiveRecord>, Refusal> {
        let found = records(&self.directory)
            .map_err(|errno| failed_at(Path::new(DIRECTORY).join(&self.user), errno))?;
        let mut live = Vec::new();
        let mut has_refused = false;
        for (name, is_live) in found {
            if is_live && is_refused(&name) {
                has_refused = true;
            } else if is_live {
                live.push(LiveRecord::new(&self.user, name));
            } else if is_shared(&name) {
                self.dead.push(name);
            } else {
                self.remove(&name)?;
            }
        }
        self.is_empty = live.is_empty() && !has_refused;
        Ok(live)
    }

    /// Removes the dead records in the host's namespace. Call it after their jail was removed: while it is
    /// mounted, a record must say so.
    pub(crate) fn forget_dead(&mut self) -> Result<(), Refusal> {
        std::mem::take(&mut self.dead).iter().try_for_each(|name| self.remove(name))
    }

    fn remove(&self, name: &OsStr) -> Result<(), Refusal> {
        match directory::remove_entry(&self.directory, name) {
            // EISDIR: a directory, which sftpjail never makes there.
            Err(error) if !matches!(error.errno, Errno::ENOENT | Errno::EISDIR) => {
                Err(failed_at(Path::new(DIRECTORY).join(&self.user), error.errno))
            }
            _ => Ok(()),
        }
    }

    /// Writes the record of a session. It is live for as long as this process, or one that it forked, keeps
    /// the result.
    pub(crate) fn enter(&mut self, record: &Record) -> Result<OwnRecord, Refusal> {
        let failed = |errno| failed_at(Path::new(DIRECTORY).join(&self.user), errno);
        let text = toml::to_string(record).map_err(|error| Refusal::Registry {
            path: DIRECTORY.into(),
            why: format!("cannot have this record: {error}"),
            fix: "report this as a bug".into(),
        })?;
        let (made, name) = self.make(record).map_err(failed)?;
        let file = self.write(made, &text, &name).map_err(failed).inspect_err(|_| {
            // An error is ignored: the next session removes the dead record.
            let _ = directory::remove_entry(&self.directory, name.as_ref());
        })?;
        self.is_empty = false;
        Ok(OwnRecord { user: self.user.clone(), name, _file: file })
    }

    /// The mark comes last: until then, those who read records without the lock see a dead one, and not half of it.
    fn write(&self, made: OwnedFd, text: &str, name: &str) -> Result<OwnedFd, Errno> {
        let written = directory::write_all(made, text.as_bytes());
        // Read-only: a forked process of the user inherits it.
        let file = directory::open_file(&self.directory, name.as_ref())?;
        match written {
            // A limit on the size of files forbids it, and the service may not raise that.
            Err(Errno::EFBIG) => attribute::set(&file, text).map_err(|error| error.errno)?,
            written => written?,
        }
        lock::mark_in_use(&file)?;
        Ok(file)
    }

    /// The live sessions besides this process's own.
    pub(crate) fn others(&mut self, own: &OwnRecord) -> Result<Vec<LiveRecord>, Refusal> {
        let mut live = self.live()?;
        live.retain(|record| record.name().to_str() != Some(&own.name));
        Ok(live)
    }

    /// Removes the record of a session that ends.
    pub(crate) fn leave(&mut self, entry: OwnRecord) -> Result<(), Refusal> {
        self.is_empty = true;
        self.remove(entry.name.as_ref())
    }

    /// Makes a file whose name is not taken, and gives both. A process may have several sessions. And a child of a killed
    /// process may still hold its record when another process gets the same pid.
    fn make(&self, record: &Record) -> Result<(OwnedFd, String), Errno> {
        let kind = if record.refused { REFUSED.to_owned() } else { prefix(record.namespace) };
        let mut name = format!("{kind}{}", record.pid);
        let mut n = 1;
        loop {
            match directory::make_file(&self.directory, name.as_str(), 0o644) {
                Err(error) if error.errno == Errno::EEXIST => {}
                made => return made.map(|file| (file, name)).map_err(|error| error.errno),
            }
            n += 1;
            name = format!("{kind}{}.{n}", record.pid);
        }
    }
}

impl Drop for Sessions {
    /// The last session removes the directory. If anything is in it, it stays.
    fn drop(&mut self) {
        if self.is_empty {
            let _ = directory::remove_empty(&self.registry.0, self.user.as_ref());
        }
    }
}

/// This process's own record, marked as in use. Dropping it does not remove the record: a forked child that
/// drops its copy must not do that.
pub(crate) struct OwnRecord {
    pub(crate) user: UserName,
    name: String,
    _file: OwnedFd,
}
