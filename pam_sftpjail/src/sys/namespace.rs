//! Moves the process into a private mount namespace, and back.
#![forbid(unsafe_code)]

mod chosen;

use super::{SysError, directory};
pub(crate) use chosen::Chosen;
use chosen::NewNamespace;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{FileStat, Mode, stat};
use nix::unistd::{Pid, chdir, chroot, fchdir, getcwd};
use std::os::fd::OwnedFd;

/// An open mount namespace. Its descriptor gives no access to any file.
pub(crate) struct Namespace(OwnedFd);

/// Where the process returns to: its namespace, root and working directory. Dropping it returns.
///
/// It has directory descriptors, so it must not outlive `open_session`. [`Departure::keep`] reduces it to
/// the namespace, which may be kept.
pub(crate) struct Departure {
    /// Taken by [`Departure::keep`] and [`Departure::undo`].
    namespace: Option<Namespace>,
    root: OwnedFd,
    working: OwnedFd,
}

/// Moves the process into a copy of its namespace. Later mounts in it are not visible outside, but later mounts outside
/// still appear in it.
pub(crate) fn leave() -> Result<(), SysError> {
    unshare(CloneFlags::CLONE_NEWNS).map_err(SysError::of("unshare", "CLONE_NEWNS"))?;
    let none = None::<&str>;
    mount(none, "/", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
        .map_err(SysError::of("mount", "/, MS_SLAVE|MS_REC"))
}

impl Departure {
    /// Prepares to leave the present namespace, and checks that the process can return. `None`: it cannot,
    /// because it is in a chroot. Otherwise setns(2) into the present namespace changes nothing.
    pub(crate) fn prepare() -> Result<Option<Self>, SysError> {
        let departure = Self {
            namespace: Some(Namespace::current()?),
            root: directory::open("/")?,
            working: directory::open(".")?,
        };
        let before = directory::place(&departure.root)?;
        departure.enter()?;
        let after = directory::place(directory::open("/")?)?;
        departure.restore_directories()?;
        Ok((before == after).then_some(departure))
    }

    /// Moves the process into a namespace of its own, made from the present one or from `instead`, and can return from
    /// there. It has the `chosen` mounts only, where the kernel and the mounts allow that. Otherwise it is a copy with
    /// all of them, as [`leave`] makes it, in which the same is at every path. So no error of the first way is one of
    /// the login.
    pub(crate) fn leave(&self, instead: Option<&Namespace>, chosen: &Chosen<'_>) -> Result<(), SysError> {
        instead.map_or(Ok(()), Namespace::enter)?;
        if let Ok(new) = NewNamespace::make(chosen) {
            if new.enter().is_ok() {
                return Ok(());
            }
            match instead {
                Some(instead) => instead.enter()?,
                None => self.enter().and_then(|()| self.restore_directories())?,
            }
        }
        leave()
    }

    /// Returns the process exactly to where it was. That destroys the private namespace with its mounts.
    pub(crate) fn undo(mut self) -> Result<(), SysError> {
        self.go_back()
    }

    /// Keeps only the namespace.
    pub(crate) fn keep(mut self) -> Option<Namespace> {
        self.namespace.take()
    }

    fn enter(&self) -> Result<(), SysError> {
        self.namespace.as_ref().map_or(Ok(()), Namespace::enter)
    }

    fn go_back(&mut self) -> Result<(), SysError> {
        match self.namespace.take() {
            None => Ok(()),
            Some(namespace) => {
                namespace.enter()?;
                self.restore_directories()
            }
        }
    }

    /// setns(2) moves root and working directory to the namespace's root.
    fn restore_directories(&self) -> Result<(), SysError> {
        fchdir(&self.root).map_err(SysError::of("fchdir", "the former root"))?;
        chroot(".").map_err(SysError::of("chroot", "the former root"))?;
        fchdir(&self.working).map_err(SysError::of("fchdir", "the former working directory"))
    }
}

impl Drop for Departure {
    /// For an early return and for a panic. `undo` reports errors, this cannot.
    fn drop(&mut self) {
        let _ = self.go_back();
    }
}

impl Namespace {
    fn current() -> Result<Self, SysError> {
        // `/proc/self` would be the process's first thread, which may not be this one.
        let path = "/proc/thread-self/ns/mnt";
        open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map(Self)
            .map_err(SysError::of("open", path))
    }

    /// The number of the present one, which no other has while a process is in it: `stat` of namespaces(7).
    pub(crate) fn number() -> Result<u64, Errno> {
        Ok(stat("/proc/thread-self/ns/mnt")?.st_ino)
    }

    /// That of another process.
    pub(crate) fn of(pid: Pid) -> Result<Self, SysError> {
        let path = format!("/proc/{pid}/ns/mnt");
        open(path.as_str(), OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map(Self)
            .map_err(SysError::of("open", path))
    }

    /// setns(2), even if other threads share this one's root, working directory and umask. A module of the
    /// stack may have started threads (pam_fscrypt is written in Go), and then the kernel answers EINVAL
    /// (fs/namespace.c: mntns_install).
    ///
    /// In that case, this thread gets a root, working directory and umask of its own. That cannot be undone,
    /// so it is done only if needed. The other threads keep theirs, and sshd forks from this one.
    pub(crate) fn enter(&self) -> Result<(), SysError> {
        let enter = || setns(&self.0, CloneFlags::CLONE_NEWNS);
        let entered = match enter() {
            Err(Errno::EINVAL) => {
                unshare(CloneFlags::CLONE_FS).map_err(SysError::of("unshare", "CLONE_FS"))?;
                enter()
            }
            entered => entered,
        };
        entered.map_err(SysError::of("setns", "CLONE_NEWNS"))
    }

    /// Returns from a session's namespace, to the working directory at the same path. If that is another
    /// directory now, the working directory becomes `/`.
    pub(crate) fn return_to(self) -> Result<(), SysError> {
        let working = getcwd().and_then(|path| Ok((path, stat(".")?)));
        self.enter()?;
        if let Ok((path, before)) = working {
            let same = |now: FileStat| (now.st_dev, now.st_ino) == (before.st_dev, before.st_ino);
            if chdir(&path).is_err() || !stat(".").is_ok_and(same) {
                chdir("/").map_err(SysError::of("chdir", "/"))?;
            }
        }
        Ok(())
    }
}
