//! A jail in the host's mount namespace, at `<jail_root>/<user>`: the user's sessions share it.
//!
//! Whoever calls holds the user's mutex, and knows from the registry whether sessions are live. What
//! is mounted says itself whether it is a jail of ours, and on which terms.

use super::{Detached, Tree, guard, make_missing};
use crate::config::Namespace;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::plan::{JailRoot, MountPoint, Plan, Role, Step};
use crate::sys::umask::Umask;
use crate::sys::{SysError, directory, lock, mount};
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

/// A jail that this process has a share in.
pub struct Jail {
    jail_root: PathBuf,
    user: UserName,
}

impl Jail {
    /// Shares the jail of the live sessions, or makes one where none is live.
    pub(super) fn enter(mut plan: Plan, live: bool) -> Result<Self, Refusal> {
        make_missing(&mut plan)?;
        plan.jail_root.ensure()?;
        let root = own_mount(&plan.jail_root)?;
        let jail = Self { jail_root: plan.jail_root.path(), user: plan.user.clone() };
        let there = MountPoint::inspect(&root, &plan.user)
            .map_err(SysError::of("openat", escaped(&jail.path()).to_string()))?;
        if live {
            let theirs = agreed(&plan, there)?;
            guard::restore(&plan, &theirs)?;
            refresh_log(&plan, &theirs, &jail.path())?;
        } else {
            jail.clear(&root, &there)?;
            let detached = Detached::make(&mut plan, Namespace::Host)?;
            jail.mount(&root, &detached)?;
        }
        Ok(jail)
    }

    /// Takes down whatever of it is left.
    pub(crate) fn take_down(self) -> Result<(), SysError> {
        let root = directory::open_without_symlinks(&self.jail_root)
            .map_err(SysError::of("openat2", escaped(&self.jail_root).to_string()))?;
        let there = MountPoint::inspect(&root, &self.user)
            .map_err(SysError::of("openat", escaped(&self.path()).to_string()))?;
        self.clear(&root, &there)
    }

    /// The jail of `user` below `jail_root`, if there is one, or what is left of one.
    pub(crate) fn find(jail_root: &OwnedFd, path: PathBuf, user: &UserName) -> Option<Self> {
        match MountPoint::inspect(jail_root, user) {
            Ok(MountPoint::Leftover | MountPoint::Jail { .. }) => {
                Some(Self { jail_root: path, user: user.clone() })
            }
            _ => None,
        }
    }

    fn path(&self) -> PathBuf {
        self.jail_root.join(&self.user)
    }

    /// Makes the mount point free, if what is there is ours.
    fn clear(&self, root: &OwnedFd, there: &MountPoint) -> Result<(), SysError> {
        match there {
            MountPoint::Free | MountPoint::Other => return Ok(()),
            MountPoint::Leftover => {}
            // Nobody but root can have put anything else there since: the jail root is root's alone.
            MountPoint::Jail { .. } => mount::detach(&self.path())?,
        }
        directory::remove_empty(root, self.user.as_ref())
    }

    fn mount(&self, root: &OwnedFd, detached: &Detached) -> Result<(), Refusal> {
        {
            let _exact = Umask::none();
            // Closed, which is how it is known if this process is killed before it mounts.
            directory::make(root, AsRef::<OsStr>::as_ref(&self.user), 0)?;
        }
        let mounted = directory::open_child(root, self.user.as_ref())
            .map_err(|errno| SysError::of("openat", self.user.to_string())(errno).into())
            .and_then(|target| detached.attach(&target));
        mounted.inspect_err(|_| {
            // Whether that works or not, the first error is the one to tell, and the next login clears.
            let _ = mount::detach(&self.path());
            let _ = directory::remove_empty(root, self.user.as_ref());
        })
    }
}

/// Whether a login with this plan could share the jail of live sessions.
pub(crate) fn can_share(plan: &Plan) -> Result<(), Refusal> {
    let there = plan.jail_root.mount_point()?;
    agreed(plan, there).map(drop)
}

/// The root of the jail of live sessions, if it has the plan's terms. There is no room for a second
/// jail: sshd chroots all sessions of a user into one place.
fn agreed(plan: &Plan, there: MountPoint) -> Result<OwnedFd, Refusal> {
    let other = |what| Refusal::OtherJail { what, name: plan.user.clone() };
    let at = || escaped(&plan.jail_root.path().join(&plan.user)).to_string();
    let MountPoint::Jail { root, terms } = there else {
        return Err(other(format!("it is not mounted at {}", at())));
    };
    let ours = plan.terms()?;
    if ours == terms {
        return Ok(root);
    }
    // The first line of either that the other lacks.
    let line = |here: &str, there: &str| {
        here.lines().find(|line| !there.lines().any(|l| l == *line)).map(str::to_owned)
    };
    let was = line(&terms, &ours).unwrap_or_else(|| "less".into());
    let is = line(&ours, &terms).unwrap_or_else(|| "nothing in its place".into());
    Err(other(format!("it has [{was}], and now that is [{is}]")))
}

/// Where the syslog daemon has made its socket anew since the jail was made, mounts the new one in the
/// place of the old, for all who share the jail.
fn refresh_log(plan: &Plan, jail: &OwnedFd, path: &Path) -> Result<(), Refusal> {
    for step in &plan.steps {
        if let Step::Mount { role: Role::Log, .. } = step
            && let Some(tree) = Tree::of(step)?
            && !tree.is_mounted(jail)
        {
            // Nothing can be mounted on a socket that was removed. All of the way is root's.
            if tree.place(jail).and_then(directory::is_mount_root).unwrap_or(false) {
                mount::detach(&path.join(&tree.at))?;
            }
            tree.attach(jail)?;
        }
    }
    Ok(())
}

/// Opens the jail root, and makes it a mount of its own which no other namespace gets mounts from.
/// The descriptor keeps that mount where it is.
///
/// What is mounted in it is then no child of the mount that holds the homes, either: cloning a tree
/// costs time in the number of the mounts on it.
fn own_mount(jail_root: &JailRoot) -> Result<OwnedFd, Refusal> {
    let path = jail_root.path();
    let is_own = |fd: &OwnedFd| {
        directory::is_mount_root(fd).map_err(SysError::of("statx", escaped(&path).to_string()))
    };
    let mut root = jail_root.reopen()?;
    if !is_own(&root)? {
        // Of two first logins, one does it. Nobody but root can open the directory to lock it.
        let readable = directory::open_to_read(&root, ".".as_ref())
            .map_err(SysError::of("openat", escaped(&path).to_string()))?;
        lock::exclusive(&readable, &path)?;
        root = jail_root.reopen()?;
        if !is_own(&root)? {
            let tree = mount::clone_tree(root.as_fd(), &path)?;
            mount::attach(tree.as_fd(), root.as_fd(), &path)?;
            root = jail_root.reopen()?;
        }
    }
    mount::make_private(root.as_fd(), &path)?;
    Ok(root)
}
