//! A jail in the host's mount namespace, at `<jail_root>/<user>`. The user's sessions share it.
//!
//! "The host's" is that of the service. If it has one of its own and is restarted, sessions go on in the former one.
//! They keep their jail there, and a new session gets a new one here, with the terms of now.
//!
//! The caller holds the user's lock, and knows from the registry whether sessions are live. An attribute of
//! the mounted tmpfs shows that it is a jail, and on which terms it was built. No record is trusted for that.

use super::{Detached, Others, Tree, guard, make_missing};
use crate::config::Namespace;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::plan::{JailRoot, MountPoint, Plan, Role, Source, Step, VolumePaths};
use crate::sys::idmap::UserNamespaces;
use crate::sys::mount_table::MountTable;
use crate::sys::umask::Umask;
use crate::sys::{SysError, directory, lock, mount};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Instant;

/// A jail that this process shares.
pub struct Jail {
    jail_root: PathBuf,
    user: UserName,
}

impl Jail {
    /// Shares the jail of the live sessions here, or builds one. Gives the volumes that it has.
    pub(super) fn enter(mut plan: Plan, others: Others) -> Result<(Self, Vec<VolumePaths>), Refusal> {
        make_missing(&mut plan)?;
        plan.jail_root.ensure()?;
        let root = own_mount(&plan.jail_root)?;
        let jail = Self::at(&plan.jail_root.path(), &plan.user);
        let there = jail.inspect(&root)?;
        if others.here {
            let shared = check_terms(&plan, there)?;
            guard::restore(&plan, &shared)?;
            refresh_log(&plan, &shared, &jail.path())?;
            let missing = not_mounted(&plan, &shared)?;
            plan.volumes.retain(|volume| !missing.contains(&volume.target));
        } else {
            jail.clear(&root, &there, others)?;
            let detached = Detached::make(&mut plan, Namespace::Host)?;
            jail.mount(&root, &detached, others)?;
        }
        Ok((jail, plan.volumes))
    }

    /// Unmounts the jail and removes its directory, as far as they are there and no others need them. Gives whether
    /// anything was. No session may be live here.
    pub(crate) fn take_down(self, others: Others) -> Result<bool, SysError> {
        let root = directory::open_without_symlinks(&self.jail_root)
            .map_err(SysError::of("openat2", escaped(&self.jail_root)))?;
        self.take_down_below(&root, others)
    }

    /// The same, with the jail root opened by the caller.
    pub(crate) fn take_down_below(&self, root: &OwnedFd, others: Others) -> Result<bool, SysError> {
        let there = self.inspect(root)?;
        self.clear(root, &there, others)
    }

    /// That of `user` below `jail_root`, whether or not anything of it is there.
    pub(crate) fn at(jail_root: &Path, user: &UserName) -> Self {
        Self { jail_root: jail_root.to_owned(), user: user.clone() }
    }

    /// Whether [`Jail::take_down`] would remove anything.
    pub(crate) fn is_left(&self, root: &OwnedFd, others: Others) -> Result<bool, SysError> {
        Ok(is_left(&self.inspect(root)?, others))
    }

    fn inspect(&self, root: &OwnedFd) -> Result<MountPoint, SysError> {
        MountPoint::inspect(root, &self.user).map_err(SysError::of("openat", escaped(&self.path())))
    }

    fn path(&self) -> PathBuf {
        self.jail_root.join(&self.user)
    }

    /// Removes what is at the mount point, if sftpjail made it and no others need it.
    fn clear(&self, root: &OwnedFd, there: &MountPoint, others: Others) -> Result<bool, SysError> {
        if !is_left(there, others) {
            return Ok(false);
        }
        if let MountPoint::Jail { .. } = there {
            // It is still the same: only root can change the jail root.
            mount::detach(&self.path())?;
        }
        if !others.elsewhere {
            directory::remove_empty(root, self.user.as_ref())?;
        }
        Ok(true)
    }

    fn mount(&self, root: &OwnedFd, detached: &Detached, others: Others) -> Result<(), Refusal> {
        {
            let _exact = Umask::none();
            // Mode 0 marks it as a leftover, if this process is killed before it mounts.
            match directory::make(root, AsRef::<OsStr>::as_ref(&self.user), 0) {
                Err(error) if others.elsewhere && error.errno == Errno::EEXIST => {}
                made => made?,
            }
        }
        let mounted = directory::open_child(root, self.user.as_ref())
            .map_err(|errno| SysError::of("openat", &self.user)(errno).into())
            .and_then(|target| detached.attach(&target));
        mounted.inspect_err(|_| {
            // Errors are ignored: the first one is reported, and the next login cleans up.
            let _ = mount::detach(&self.path());
            if !others.elsewhere {
                let _ = directory::remove_empty(root, self.user.as_ref());
            }
        })
    }
}

/// Whether it is sftpjail's, and can be removed where no session is live here. `others`: where sessions of the user
/// are.
fn is_left(there: &MountPoint, others: Others) -> bool {
    match there {
        MountPoint::Free | MountPoint::Other => false,
        MountPoint::Jail { .. } => true,
        // Their jail may be on it.
        MountPoint::Leftover => !others.elsewhere,
    }
}

/// Makes the jail root what it was before the first login made it a mount of itself. Any other mount stays, and so does
/// one in use, by jails or by a process.
pub(crate) fn release_root(jail_root: &Path) {
    let is_own = |root: OwnedFd| MountTable::read().and_then(|table| table.is_own(&root)).unwrap_or(false);
    if directory::open_without_symlinks(jail_root).is_ok_and(is_own) {
        // An error is ignored: then the directory cannot be removed, and that is reported.
        let _ = mount::unmount(jail_root);
    }
}

/// Makes the mount that is the jail root private, if it is one of the directory on itself: a login that was killed
/// between the two may have left it shared.
pub(crate) fn finish_root(root: &OwnedFd, path: &Path) -> Result<(), SysError> {
    if MountTable::read()?.is_own(root)? { mount::make_private(root.as_fd(), path) } else { Ok(()) }
}

/// Whether a login with this plan could share the jail of live sessions.
pub(crate) fn can_share(plan: &Plan) -> Result<(), Refusal> {
    let there = plan.jail_root.mount_point()?;
    check_terms(plan, there).map(drop)
}

/// Refuses a plan for a private namespace while sessions are live whose jail is mounted here.
pub(crate) fn must_be_absent(plan: &Plan) -> Result<(), Refusal> {
    match plan.jail_root.mount_point()? {
        MountPoint::Jail { .. } => Err(Refusal::OtherJail {
            what: format!(
                "theirs is {}, from when the configuration had namespace = \"host\"",
                escaped(&plan.jail_root.path().join(&plan.user))
            ),
            name: plan.user.clone(),
        }),
        MountPoint::Free | MountPoint::Leftover | MountPoint::Other => Ok(()),
    }
}

/// Removes the user's jail, or what is left of one. The caller holds the user's lock, and no session may be live here.
pub(crate) fn remove_left(plan: &Plan, others: Others) -> Result<(), SysError> {
    Jail::at(&plan.jail_root.path(), &plan.user).take_down(others).map(drop)
}

/// The root of the live sessions' jail, if it has the plan's terms. A second jail is not possible: sshd
/// chroots all sessions of a user into one directory.
fn check_terms(plan: &Plan, there: MountPoint) -> Result<OwnedFd, Refusal> {
    let other = |what| Refusal::OtherJail { what, name: plan.user.clone() };
    let at = || escaped(&plan.jail_root.path().join(&plan.user)).to_string();
    let MountPoint::Jail { root, terms } = there else {
        return Err(other(format!("no jail is mounted at {}", at())));
    };
    let ours = plan.terms()?;
    if ours == terms {
        return Ok(root);
    }
    // The first line of each that the other does not have.
    let line = |here: &str, there: &str| {
        here.lines().find(|line| !there.lines().any(|l| l == *line)).map(str::to_owned)
    };
    let was = line(&terms, &ours).unwrap_or_else(|| "nothing".into());
    let is = line(&ours, &terms).unwrap_or_else(|| "nothing".into());
    Err(other(format!("theirs has [{was}], the new one would have [{is}]")))
}

/// If the syslog daemon has made a new socket since the jail was built, mounts that in the place of the old
/// one, for all sessions that share the jail.
fn refresh_log(plan: &Plan, jail: &OwnedFd, path: &Path) -> Result<(), Refusal> {
    for step in &plan.steps {
        let Step::Mount { role: Role::Log, .. } = step else { continue };
        let Some(tree) =
            Tree::of(step, &mut UserNamespaces::default())?.filter(|tree| !tree.is_mounted(jail))
        else {
            continue;
        };
        // Nothing can be mounted on a removed socket. Only root can change the way to it.
        if tree.place(jail).and_then(directory::is_mount_root).unwrap_or(false) {
            mount::detach(&path.join(&tree.at))?;
        }
        tree.attach(jail)?;
    }
    Ok(())
}

/// The volumes in the home that a shared jail does not have: when it was built, there was no directory for them. The log
/// must not say that what is there now is theirs.
fn not_mounted(plan: &Plan, jail: &OwnedFd) -> Result<Vec<PathBuf>, SysError> {
    let mut missing = Vec::new();
    for step in &plan.steps {
        let Step::Mount { at, source: Source::Open(source), role: Role::VolumeInHome, .. } = step else {
            continue;
        };
        let is_mounted = || {
            let place = directory::open_below(jail, at, OFlag::O_DIRECTORY)?;
            let (there, volume) = (directory::stat(&place)?, directory::stat(source)?);
            let is_same = (there.st_dev, there.st_ino) == (volume.st_dev, volume.st_ino);
            Ok(is_same && directory::is_mount_root(&place)?)
        };
        match is_mounted() {
            Ok(true) => {}
            Ok(false) | Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {
                missing.push(Path::new("/").join(at));
            }
            Err(errno) => return Err(SysError::of("openat2", escaped(at))(errno)),
        }
    }
    Ok(missing)
}

/// Opens the jail root, and makes it a private mount of itself, so that mounts in it reach no other
/// namespace. While the descriptor is open, that mount stays.
///
/// The jails are then not children of the mount with the homes. That matters, because cloning a tree costs
/// time in the number of mounts on it.
fn own_mount(jail_root: &JailRoot) -> Result<OwnedFd, Refusal> {
    let path = jail_root.path();
    let is_own = |fd: &OwnedFd| directory::is_mount_root(fd).map_err(SysError::of("statx", escaped(&path)));
    let mut root = jail_root.reopen()?;
    if !is_own(&root)? {
        // Of two first logins, only one does it. Only root can open the directory, so only root can lock it.
        let readable =
            directory::open_to_read(&root, ".".as_ref()).map_err(SysError::of("openat", escaped(&path)))?;
        lock::exclusive(&readable, &path, Instant::now())?;
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
