//! Mount namespaces: leaving one for a private copy, and coming back.
#![forbid(unsafe_code)]

use super::{SysError, directory};
use crate::error::Refusal;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{chdir, chroot, fchdir, getcwd};
use std::os::fd::OwnedFd;

/// A mount namespace, held open. The descriptor gives no access to any file.
pub(crate) struct Namespace(OwnedFd);

/// The way back to where the process was: namespace, root and working directory. It holds
/// directory descriptors, so it must not outlive `open_session`; [`Departure::keep`] reduces it to
/// what may be kept.
pub(crate) struct Departure {
    namespace: Namespace,
    root: OwnedFd,
    working: OwnedFd,
}

impl Departure {
    /// Prepares to leave the present namespace, and proves that coming back is possible: setns(2)
    /// into the namespace in which we are changes nothing, unless the process is in a chroot.
    pub(crate) fn prepare() -> Result<Self, Refusal> {
        let departure = Self {
            namespace: Namespace::current()?,
            root: directory::open("/")?,
            working: directory::open(".")?,
        };
        departure.namespace.enter()?;
        let identity = |fd: &OwnedFd| {
            directory::stat(fd).map(|s| (s.st_dev, s.st_ino)).map_err(SysError::of("fstat", "/"))
        };
        let same_root = identity(&departure.root)? == identity(&directory::open("/")?)?;
        departure.restore_directories()?;
        if same_root { Ok(departure) } else { Err(Refusal::CallerInChroot) }
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
    pub(crate) fn undo(self) -> Result<(), SysError> {
        self.namespace.enter()?;
        self.restore_directories()
    }

    /// Keeps the namespace alone.
    pub(crate) fn keep(self) -> Namespace {
        self.namespace
    }

    /// setns(2) moves root and working directory to the namespace's root.
    fn restore_directories(&self) -> Result<(), SysError> {
        fchdir(&self.root).map_err(SysError::of("fchdir", "the former root"))?;
        chroot(".").map_err(SysError::of("chroot", "the former root"))?;
        fchdir(&self.working).map_err(SysError::of("fchdir", "the former working directory"))
    }
}

impl Namespace {
    fn current() -> Result<Self, SysError> {
        let path = "/proc/self/ns/mnt";
        open(path, OFlag::O_RDONLY | OFlag::O_CLOEXEC, Mode::empty())
            .map(Self)
            .map_err(SysError::of("open", path))
    }

    fn enter(&self) -> Result<(), SysError> {
        setns(&self.0, CloneFlags::CLONE_NEWNS).map_err(SysError::of("setns", "CLONE_NEWNS"))
    }

    /// Comes back from a session's namespace, with the working directory of the same name.
    pub(crate) fn come_back(self) -> Result<(), SysError> {
        let working = getcwd();
        self.enter()?;
        match working {
            Ok(path) => match chdir(&path) {
                // Whoever removed it meanwhile knew what he did; `/` is where setns put us.
                Ok(()) | Err(Errno::ENOENT) => Ok(()),
                Err(errno) => Err(SysError::of("chdir", path.display().to_string())(errno)),
            },
            Err(_) => Ok(()),
        }
    }
}
