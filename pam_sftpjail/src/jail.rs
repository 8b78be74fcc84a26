//! [`Plan`] → [`Jail`]: mounts what was planned. It checks no policy and resolves no path to a source.
//!
//! In both namespaces, a jail is a small tmpfs that root owns. The home and the volumes are mounted on it,
//! and then it is made read-only. Whatever can fail because of the disk happens on detached trees, before
//! anything is visible.
#![forbid(unsafe_code)]

mod guard;
pub(crate) mod host;
pub(crate) mod owner;
pub(crate) mod private;
mod size;
pub mod without_live;

use crate::config::Namespace;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::{Plan, Role, Source, Step, VolumePaths};
use crate::sys::idmap::UserNamespaces;
use crate::sys::umask::Umask;
use crate::sys::{SysError, attribute, directory, mount};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use size::Size;
use std::ffi::OsStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use without_live::WithoutLive;

/// The jail of a session. Dropping it changes nothing: a forked child that drops its copy must not remove
/// the jail.
pub enum Jail {
    Private(private::Jail),
    Host(host::Jail),
}

/// Where other live sessions of the user have jails that are in no namespace of their own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Others {
    /// In this process's mount namespace: a new session shares that jail.
    pub(crate) here: bool,
    /// In another one, such as that of a service that was restarted since. Their jail is not in the way of one here,
    /// and its mount point must stay: the kernel unmounts what is on a directory that is removed, in every namespace.
    pub(crate) elsewhere: bool,
}

impl Jail {
    /// Builds the jail in the plan's namespace, and gives the volumes that it has. On any error, the process and the
    /// host are as before.
    ///
    /// In the host's namespace, the caller must hold the user's lock.
    pub(crate) fn build(mut plan: Plan, others: Others) -> Result<(Self, Vec<VolumePaths>), Refusal> {
        match plan.namespace() {
            Namespace::Private => {
                let volumes = std::mem::take(&mut plan.volumes);
                private::Jail::build(plan, None).map(|jail| (Self::Private(jail), volumes))
            }
            Namespace::Host => {
                host::Jail::enter(plan, others).map(|(jail, volumes)| (Self::Host(jail), volumes))
            }
        }
    }

    /// Builds the jail in a private namespace, whatever the configuration says: in a copy of the present one, or of
    /// `instead`. It makes nothing on the host, and fails where a login could not make what is missing. Gives where the
    /// jail is in that namespace, until this process ends.
    pub fn rehearse(plan: Plan, instead: Option<&WithoutLive>) -> Result<PathBuf, Refusal> {
        let mut plan = plan.for_rehearsal()?;
        stand_in(&mut plan)?;
        let at = plan.jail_root.path().join(&plan.user);
        private::Jail::build(plan, instead.map(|without_live| &without_live.0))?;
        Ok(at)
    }
}

/// The jail's own filesystem, detached, with its directories and files; and the user's directory in it.
struct Tmpfs {
    root: OwnedFd,
    jail: OwnedFd,
}

impl Tmpfs {
    /// In a private namespace, it covers the whole jail root. In the host's namespace, it is the user's jail,
    /// and has the plan's terms as an attribute.
    fn make(plan: &Plan, namespace: Namespace) -> Result<Self, SysError> {
        let size = Size::of(plan);
        let _exact = Umask::none();
        let open = |root: &OwnedFd, name: &OsStr| {
            directory::open_to_read(root, name).map_err(SysError::of("openat", "the jail"))
        };
        let (root, jail) = match namespace {
            Namespace::Private => {
                let root = mount::tmpfs(size.bytes, size.inodes, "0700")?;
                let user: &OsStr = plan.user.as_ref();
                directory::make(&root, user, 0o755)?;
                let jail = open(&root, user)?;
                (root, jail)
            }
            Namespace::Host => {
                let terms = plan.terms()?;
                let size = size.with_attribute(&terms);
                let root = mount::tmpfs(size.bytes, size.inodes, "0755")?;
                let jail = open(&root, OsStr::new("."))?;
                attribute::set(&jail, &terms)?;
                (root, jail)
            }
        };
        for step in &plan.steps {
            match step {
                Step::Directory { at } => directory::make(&jail, at.as_path(), 0o755)?,
                Step::File { at, content } => match directory::write(&jail, at, content) {
                    // Only listings need it, so nobody is refused for a limit on the size of files.
                    Err(error) if error.errno == Errno::EFBIG => {
                        directory::remove_entry(&jail, at.as_os_str())?
                    }
                    written => written?,
                },
                Step::Mount { .. } => {}
            }
        }
        Ok(Self { root, jail })
    }
}

/// Makes the missing sources and placeholders, and puts their descriptors into the plan.
fn make_missing(plan: &mut Plan) -> Result<(), Refusal> {
    for step in &mut plan.steps {
        let Step::Mount { source, .. } = step else { continue };
        let made = match source {
            Source::Open(_) | Source::StandIn(_) => continue,
            Source::Missing(new) => new.make()?,
            Source::Placeholder(place) => place.make()?,
        };
        *source = Source::Open(made);
    }
    Ok(())
}

/// Puts a stand-in into the plan for each source that a login would make.
fn stand_in(plan: &mut Plan) -> Result<(), SysError> {
    for step in &mut plan.steps {
        let Step::Mount { source, .. } = step else { continue };
        let Source::Missing(new) = source else { continue };
        *source = match new.stand_in()? {
            Some(mounted) => Source::StandIn(mounted),
            None => Source::Open(new.open()?),
        };
    }
    Ok(())
}

/// A detached tree, hardened, and where it will be mounted.
struct Tree {
    at: PathBuf,
    detached: OwnedFd,
    read_only: bool,
    role: Role,
}

impl Tree {
    /// Clones and hardens the source of a step, and maps its ids. `None`: the step mounts nothing.
    fn of(step: &Step, namespaces: &mut UserNamespaces) -> Result<Option<Self>, Refusal> {
        let Step::Mount { at, source, read_only, ids, role } = step else { return Ok(None) };
        if *role == Role::LeftOut {
            return Ok(None);
        }
        let detached = match source {
            Source::Open(source) => mount::clone_tree(source.as_fd(), at)?,
            // The kernel clones no detached tree (before Linux 6.15).
            Source::StandIn(mounted) => mounted.try_clone().map_err(SysError::of("fcntl", escaped(at)))?,
            Source::Missing(_) | Source::Placeholder(_) => return Ok(None),
        };
        mount::harden(detached.as_fd(), *read_only, at)?;
        if let Some(ids) = ids {
            owner::map(&detached, *ids, namespaces, at)?;
        }
        Ok(Some(Self { at: at.clone(), detached, read_only: *read_only, role: *role }))
    }

    /// Opens its place below the jail's root, or the mount that is there. No symlink is followed: below a
    /// home, the user may have made one.
    fn place(&self, jail: &OwnedFd) -> Result<OwnedFd, Errno> {
        let flags = match directory::kind(&directory::stat(&self.detached)?) {
            SFlag::S_IFDIR => OFlag::O_DIRECTORY,
            _ => OFlag::empty(),
        };
        match self.role.over_itself() {
            Some(owner) => owner.open_below(jail, &self.at, flags),
            None => directory::open_below(jail, &self.at, flags),
        }
    }

    /// Whether a place is the same file or directory as the tree's root.
    fn is_at(&self, place: &OwnedFd) -> Result<bool, Errno> {
        directory::is_same(&self.detached, place)
    }

    /// Whether it is mounted at its place already.
    fn is_mounted(&self, jail: &OwnedFd) -> bool {
        self.place(jail).and_then(|place| self.is_at(&place)).unwrap_or(false)
    }

    /// Mounts it below the jail's root.
    fn attach(&self, jail: &OwnedFd) -> Result<(), Refusal> {
        let attached = match self.role {
            // Their places are on the jail's own filesystem, where only root can make anything.
            Role::Home | Role::Log => mount::attach_at(self.detached.as_fd(), jail.as_fd(), &self.at),
            _ => self.attach_to_place(jail),
        };
        match attached {
            Err(error) if matches!(error.errno, Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {
                match self.role {
                    // rsyslog has just removed its socket.
                    Role::Log => Ok(()),
                    // The user's home had a directory at that place.
                    Role::Guard(_) | Role::Above(_) | Role::VolumeInHome => Err(self.replaced()),
                    _ => Err(error.into()),
                }
            }
            attached => Ok(attached?),
        }
    }

    fn attach_to_place(&self, jail: &OwnedFd) -> Result<(), SysError> {
        let shown = escaped(&self.at);
        let place = self.place(jail).map_err(SysError::of("openat2", &shown))?;
        // What is to be mounted over itself is mounted on nothing else.
        if self.role.over_itself().is_some() && !self.is_at(&place).map_err(SysError::of("fstat", &shown))? {
            return Err(SysError::of("openat2", &shown)(Errno::ENOENT));
        }
        mount::attach(self.detached.as_fd(), place.as_fd(), &self.at)
    }
}

/// All parts of a jail before they are mounted.
struct Detached {
    tmpfs: Tmpfs,
    trees: Vec<Tree>,
}

impl Detached {
    /// Takes the plan's steps. Each source is closed once its tree is cloned, so a mount needs one descriptor
    /// and not two.
    fn make(plan: &mut Plan, namespace: Namespace) -> Result<Self, Refusal> {
        let tmpfs = Tmpfs::make(plan, namespace)?;
        let steps = std::mem::take(&mut plan.steps).into_iter();
        let mut namespaces = UserNamespaces::default();
        let trees = steps.map(|step| Tree::of(&step, &mut namespaces)).filter_map(Result::transpose);
        Ok(Self { tmpfs, trees: trees.collect::<Result<_, _>>()? })
    }

    /// Mounts the jail on `target`, and makes its tmpfs read-only. After an error, the caller must unmount.
    fn attach(&self, target: &OwnedFd) -> Result<(), Refusal> {
        mount::attach(self.tmpfs.root.as_fd(), target.as_fd(), "the jail".as_ref())?;
        for tree in &self.trees {
            tree.attach(&self.tmpfs.jail)?;
        }
        self.trees.iter().try_for_each(|tree| tree.verify(&self.tmpfs.jail))?;
        Ok(mount::seal(self.tmpfs.root.as_fd())?)
    }
}
