//! Mount namespaces: leaving one for a private copy, and coming back.
#![forbid(unsafe_code)]

use super::{SysError, directory};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::{FileStat, Mode, stat};
use nix::unistd::{chdir, chroot, fchdir, getcwd};
use std::os::fd::OwnedFd;

/// A mount namespace, held open. The descriptor gives no access to any file.
pub(crate) struct Namespace(OwnedFd);

/// The way back to where the process was: namespace, root and working directory. It holds
/// directory descriptors, so it must not outlive `open_session`; [`Departure::keep`] reduces it to
/// what may be kept. Dropped, it goes back.
pub(crate) struct Departure {
    /// Taken by [`Departure::keep`] and [`Departure::undo`].
    namespace: Option<Namespace>,
    root: OwnedFd,
    working: OwnedFd,
}

impl Departure {
    /// Prepares to leave the present namespace, and proves that coming back is possible: setns(2)
    /// into the namespace in which we are changes nothing, unless the process is in a chroot. Then it is `None`.
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

    /// Moves the process into a copy of its namespace in which mounts made from now on are seen
    /// by nobody outside, while mounts made outside still appear.
    pub(crate) fn leave(&self) -> Result<(), SysError> {
        unshare(CloneFlags::CLONE_NEWNS).map_err(SysError::of("unshare", "CLONE_NEWNS"))?;
        let none = None::<&str>;
        mount(none, "/", none, MsFlags::MS_SLAVE | MsFlags::MS_REC, none)
            .map_err(SysError::of("mount", "/, MS_SLAVE|MS_REC"))
    }

    /// Puts the process back exactly, which destroys the private namespace and all that was
    /// mounted in it.
    pub(crate) fn undo(mut self) -> Result<(), SysError> {
        self.go_back()
    }

    /// Keeps the namespace alone.
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
    /// For an early return and for a panic; whoever wants to know whether it worked calls `undo`.
    fn drop(&mut self) {
        let _ = self.go_back();
    }
}

impl Namespace {
    fn current() -> Result<Self, SysError> {
        // `self` would be the process's first thread, which need not be the one that asks.
        let path = "/proc/thread-self/ns/mnt";
        open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map(Self)
            .map_err(SysError::of("open", path))
    }

    /// setns(2), also where another thread shares root, working directory and umask with this one: a
    /// module of the stack may have started some (pam_fscrypt is written in Go), and then the kernel
    /// answers EINVAL (fs/namespace.c: mntns_install).
    ///
    /// From there on this thread has its own. Nothing can take that back, so that it is done where it
    /// is needed only; the others keep what they had, and whatever the service forks comes from this one.
    fn enter(&self) -> Result<(), SysError> {
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

    /// Comes back from a session's namespace, with the working directory of the same name; where
    /// that has become another directory meanwhile, with `/`, where setns(2) puts us.
    pub(crate) fn come_back(self) -> Result<(), SysError> {
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
