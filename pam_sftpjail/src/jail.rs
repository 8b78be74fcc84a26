//! [`Plan`] → [`Jail`], in a private mount namespace.
//!
//! All that can fail for a reason of policy or of the disk happens on detached trees, before the
//! process is moved (only the jail root is checked once more, where it is mounted on). What is
//! mounted then lives in a namespace that nobody else can reach and that the kernel destroys with
//! the last process of the session, whatever kills it.
#![forbid(unsafe_code)]

use crate::error::Refusal;
use crate::escape::escaped;
use crate::path::Normalised;
use crate::plan::{JailRoot, Plan, Source, Step};
use crate::sys::namespace::{Departure, Namespace};
use crate::sys::umask::Umask;
use crate::sys::{SysError, directory, mount};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::{SFlag, stat};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;

/// tmpfs counts whole pages, which are 64 KiB at most; this many bytes are left over. It is a limit:
/// what is not used takes no memory.
const PAGE: usize = 64 << 10;
const SPARE: usize = 64 << 10;

/// A jail in which the process is. Dropping it closes the way back and leaves the jail alone: a
/// forked child that drops its copy must not take it away.
pub struct Jail {
    /// Where to come back to.
    host: Option<Namespace>,
    jail_root: PathBuf,
    /// `st_dev` of the jail's tmpfs, to know it again.
    device: u64,
}

impl Jail {
    /// Makes the jail and moves the process into its namespace. On any error the process is as it
    /// was before.
    pub fn build(plan: Plan) -> Result<Self, Refusal> {
        let tmpfs = Tmpfs::make(&plan)?;
        let trees = detached_trees(plan.steps)?;
        let jail_root = plan.jail_root.ensure()?;
        let departure = Departure::prepare()?;

        match assemble(&departure, &jail_root, &plan.user, &tmpfs, &trees) {
            Ok(device) => Ok(Self { host: departure.keep(), jail_root: jail_root.absolute(), device }),
            Err(refusal) => match departure.undo() {
                Ok(()) => Err(refusal),
                Err(then) => Err(Refusal::Stranded { why: refusal.to_string(), then }),
            },
        }
    }

    /// Detaches the jail and moves the process back to the namespace from before. The session's
    /// other processes, of which sshd's child may still be one, keep what they have open.
    pub fn dismantle(self) -> Result<(), SysError> {
        // Another module may have moved the process elsewhere: only our own mount is detached.
        let ours = stat(&self.jail_root).is_ok_and(|s| s.st_dev == self.device);
        let detached = if ours { mount::detach(&self.jail_root) } else { Ok(()) };
        self.host.map_or(Ok(()), Namespace::come_back)?;
        detached
    }
}

/// The jail's own filesystem, detached and filled, and the user's directory in it.
struct Tmpfs {
    root: OwnedFd,
    jail: OwnedFd,
}

impl Tmpfs {
    fn make(plan: &Plan) -> Result<Self, SysError> {
        let pages = |step: &Step| match step {
            Step::File { content, .. } => content.len().div_ceil(PAGE) * PAGE,
            _ => 0,
        };
        let size = SPARE + plan.steps.iter().map(pages).sum::<usize>();
        let root = mount::tmpfs(size, plan.steps.len() + 8)?;

        let _exact = Umask::none();
        directory::make(&root, plan.user.as_str(), 0o755)?;
        let jail = directory::open_child(&root, OsStr::new(&plan.user))
            .map_err(SysError::of("openat", "the jail"))?;
        for step in &plan.steps {
            match step {
                Step::Directory { at } => directory::make(&jail, at.as_path(), 0o755)?,
                Step::File { at, content } => directory::write(&jail, at, content)?,
                Step::Mount { .. } => {}
            }
        }
        Ok(Self { root, jail })
    }
}

/// A tree that is ready to be mounted.
struct Tree {
    at: PathBuf,
    detached: OwnedFd,
    is_directory: bool,
    optional: bool,
}

/// Clones and hardens every tree that is to be mounted, and makes what is missing.
fn detached_trees(steps: Vec<Step>) -> Result<Vec<Tree>, SysError> {
    let mut trees = Vec::new();
    for step in steps {
        if let Step::Mount { at, source, read_only, optional } = step {
            let source = match source {
                Source::Open(fd) => fd,
                Source::Missing(new) => new.make()?,
            };
            let detached = mount::clone_tree(source.as_fd(), &at)?;
            mount::harden(detached.as_fd(), read_only, &at)?;
            let what = directory::stat(&detached).map_err(SysError::of("fstat", escaped(&at).to_string()))?;
            let is_directory = directory::kind(&what) == SFlag::S_IFDIR;
            trees.push(Tree { at, detached, is_directory, optional });
        }
    }
    Ok(trees)
}

/// What happens inside the private namespace; gives the tmpfs's `st_dev`.
fn assemble(
    departure: &Departure,
    jail_root: &Normalised,
    user: &str,
    tmpfs: &Tmpfs,
    trees: &[Tree],
) -> Result<u64, Refusal> {
    departure.leave()?;
    let under = JailRoot::reopen(jail_root, user)?;
    mount::attach(tmpfs.root.as_fd(), under.as_fd(), "the jail root".as_ref())?;
    for Tree { at, detached, is_directory, optional } in trees {
        // By descriptor: below a home, the way may be of the user's making.
        let flags = if *is_directory { OFlag::O_DIRECTORY } else { OFlag::empty() };
        let attached = directory::open_below(&tmpfs.jail, at, flags)
            .map_err(SysError::of("openat2", escaped(at).to_string()))
            .and_then(|target| mount::attach(detached.as_fd(), target.as_fd(), at));
        match attached {
            // A symlink, a file, or nothing in the user's home; a socket that rsyslog has just removed.
            Err(error)
                if *optional && matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
            other => other?,
        }
    }
    mount::seal(tmpfs.root.as_fd())?;
    let stat = directory::stat(&tmpfs.root).map_err(SysError::of("fstat", "tmpfs"))?;
    Ok(stat.st_dev)
}
