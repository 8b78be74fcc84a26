//! Profile + [`Account`] → [`Plan`]: opens and checks every source, and lists the steps in order.
//!
//! It mounts nothing and makes nothing. A path is resolved here once and never again: [`crate::jail`]
//! mounts the descriptor that was checked. Only this module can make a `Plan`.
#![forbid(unsafe_code)]

mod above;
mod check;
mod contents;
mod granted;
mod guard;
pub(crate) mod guard_point;
mod home;
mod jail_root;
mod mount_point;
mod owner;
mod step;
mod syslog;
mod system;
mod terms;
pub mod unmounted;
mod volume;
mod walk;

use crate::account::Account;
use crate::config::{Config, HomeAccess, Namespace, Profile};
use crate::error::Refusal;
use crate::grants::Grant;
use crate::name::UserName;
use crate::sys::identity::Owner;
use crate::sys::needed;
use check::observed;
pub use check::{Check, CheckResult, Observer};
pub use granted::{Granted, Held};
use home::Home;
pub(crate) use jail_root::JailRoot;
pub use jail_root::check_jail_root;
pub(crate) use mount_point::MountPoint;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};
pub use step::Content;
use step::Steps;
pub(crate) use step::{Role, Source, Step};
use volume::CheckedVolume;
pub use volume::{Fault, faults};
pub use walk::root_path;

/// All that is needed to build one jail. Dropping it closes every descriptor.
#[derive(Debug)]
pub struct Plan {
    /// The jail is `<jail_root>/<user>`.
    pub(crate) user: UserName,
    pub(crate) jail_root: JailRoot,
    pub(crate) steps: Vec<Step>,
    /// The volumes that sessions see. What is mounted are the descriptors in the steps.
    pub(crate) volumes: Vec<VolumePaths>,
    /// The grants that the jail holds.
    pub(crate) grants: Vec<Held>,
    /// All grants of the user, as they were read.
    pub(crate) granted: Vec<Grant>,
    /// The account's directories on the host, which modules after this one may read: its home, and what pam_systemd
    /// names in XDG_RUNTIME_DIR.
    pub(crate) directories_of_account: [PathBuf; 2],
    /// Whether a grant depends on what is not known yet. Then a session may get another jail.
    pub(crate) is_undecided: bool,
    /// The user and the profile of the jail; the first line of [`Plan::terms`].
    purpose: String,
}

/// Where a volume appears in a jail, and where it is on the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumePaths {
    pub target: PathBuf,
    /// As the configuration, or the grant, spells it.
    pub source: PathBuf,
    /// The uid of the account to which everything in it belongs on disk, if there is one.
    pub owner: Option<u32>,
    /// Whether a grant has it, and not the profile.
    pub is_granted: bool,
}

/// Makes the plan, or gives the first refusal. Checks that do not depend on each other are all made, so
/// that the observer gets every result.
pub fn make(
    config: &Config,
    profile: &Profile,
    account: &Account,
    granted: Granted<'_>,
    observe: Observer<'_>,
) -> Result<Plan, Refusal> {
    let user = account.user_name()?;
    // The other checks need some of the calls, and would blame a home for the kernel.
    kernel(config).inspect_err(|refusal| observe(Check::Kernel, CheckResult::Failed(refusal)))?;
    let home = match profile.home {
        HomeAccess::None => Ok(None),
        _ => home::check(&config.jail_root, profile, account, observe).map(Some),
    };
    let opened = home.as_ref().ok().and_then(Option::as_ref).map(|home| &home.directory);
    let volumes = mounted(config, profile, account, opened, granted, observe);
    let guard = match (&home, &volumes) {
        (Ok(Some(home)), Ok((volumes, _))) => {
            let Home { at, directory, on_disk } = home;
            let owner = Owner { uid: account.uid, gid: account.gid };
            let home = guard::Home { at, directory, owner, on_disk: *on_disk };
            guard::check(profile, &home, volumes, observe).and_then(|mut steps| {
                above::add(profile, &home, volumes, &mut steps)
                    .inspect_err(|refusal| observe(Check::Volume, CheckResult::Failed(refusal)))?;
                Ok(steps)
            })
        }
        _ => Ok(Vec::new()),
    };
    let jail_root = JailRoot::open(&config.jail_root, config.namespace, &user, Some(&account.home));
    let jail_root = observed(Check::JailRoot, jail_root, observe);
    observe(Check::Kernel, CheckResult::Passed(&"it has every system call that jails need"));
    let syslog = if profile.log {
        syslog::find(observe)
    } else {
        observe(
            Check::Log,
            CheckResult::Passed(&"none, as the profile says: no log entries for the user's actions"),
        );
        None
    };

    let home = home?;
    let (volumes, grants) = volumes?;
    let guard = guard?;
    let jail_root = jail_root?;

    let mut steps = Steps::default();
    if let Some(Home { at, directory, on_disk }) = home {
        steps.directories(&at);
        let read_only = profile.home == HomeAccess::ReadOnly;
        let (source, ids) = (Source::Open(directory), on_disk.ids);
        steps.push(Step::Mount { at, source, read_only, ids, role: Role::Home });
    }
    // Guards come before volumes: a volume may be mounted in a directory that a guard mounts over itself.
    guard.into_iter().for_each(|step| steps.push(step));
    let paths = volumes.iter().filter_map(CheckedVolume::paths).collect();
    for volume in volumes {
        volume.add(&mut steps);
    }
    if let Some(syslog) = syslog {
        contents::log(&mut steps, syslog);
    }
    let Profile { name, log, names, localtime, .. } = profile;
    let purpose = format!(
        "{:?} (uid {}, gid {}), profile {name:?}, log {log}, names {names}, localtime {localtime}",
        account.name, account.uid, account.gid
    );
    let (grants, is_undecided) = (grants.held, grants.undecided);
    let granted = granted.grants.to_vec();
    let directories_of_account = [account.home.clone(), format!("/run/user/{}", account.uid).into()];
    let (steps, volumes) = (steps.0, paths);
    Ok(Plan {
        user,
        jail_root,
        steps,
        volumes,
        grants,
        granted,
        directories_of_account,
        is_undecided,
        purpose,
    })
}

/// The volumes of the profile, and then those of the grants. `opened`: the home, if the profile has one and its check
/// passed.
fn mounted(
    config: &Config,
    profile: &Profile,
    account: &Account,
    opened: Option<&OwnedFd>,
    granted: Granted<'_>,
    observe: Observer<'_>,
) -> Result<(Vec<CheckedVolume>, granted::Found), Refusal> {
    let place = volume::Place::new(config, profile, account, opened);
    let mut volumes = volume::check(profile, &place, observe)?;
    let found = granted::check(granted, profile, &place, opened, &mut volumes, observe)?;
    if profile.home != HomeAccess::None || !volumes.checked.is_empty() || found.undecided {
        return Ok((volumes.checked, found));
    }
    let (check, refusal) = match volumes.left_out {
        Some((why, fix)) => (Check::Volume, Refusal::Empty { why, fix }),
        None => (Check::Grant, found.nothing(profile, account)),
    };
    observe(check, CheckResult::Failed(&refusal));
    Err(refusal)
}

/// Whether the kernel lets this process make the system calls that jails need. No path is touched.
pub fn kernel(config: &Config) -> Result<(), Refusal> {
    Ok(needed::all(config.namespace == Namespace::Private)?)
}

impl Plan {
    /// Adds the files that only listings need. This is not in [`make`], because it asks NSS for each of the
    /// user's groups, and the account hook does not need them.
    pub fn with_listings(self, profile: &Profile, account: &Account) -> Self {
        let mut steps = Steps(self.steps);
        contents::listings(&mut steps, profile, account);
        Self { steps: steps.0, ..self }
    }

    /// Each path of the jail, relative to it, and what will be there. Below a mount it is as on the host.
    pub fn contents(&self) -> impl Iterator<Item = (&Path, Content)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Directory { at } => Some((at.as_path(), Content::Directory)),
            Step::File { at, .. } => Some((at.as_path(), Content::File)),
            Step::Mount { role: Role::Guard(_) | Role::Above(_), .. } => None,
            Step::Mount { at, role: Role::Log, .. } => Some((at.as_path(), Content::Log)),
            Step::Mount { at, read_only, .. } => {
                Some((at.as_path(), Content::Tree { read_only: *read_only }))
            }
        })
    }

    /// The path in the jail of the home and of each volume, relative to it, whether it is read-only, and the directory of
    /// the host that will be mounted there. `None`: the first login makes that one.
    pub fn directories(&self) -> impl Iterator<Item = (&Path, bool, Option<BorrowedFd<'_>>)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Mount {
                at,
                source,
                read_only,
                role: Role::Home | Role::Volume | Role::VolumeInHome | Role::LeftOut,
                ..
            } => {
                let directory = match source {
                    Source::Open(directory) => Some(directory.as_fd()),
                    Source::Missing(_) | Source::StandIn(_) | Source::Placeholder(_) => None,
                };
                Some((at.as_path(), *read_only, directory))
            }
            _ => None,
        })
    }

    /// The volumes that sessions see, in the order of the profile.
    pub fn volumes(&self) -> &[VolumePaths] {
        &self.volumes
    }

    /// The grants whose folders sessions may see.
    pub fn grants(&self) -> &[Held] {
        &self.grants
    }

    /// Whose jail it is.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// The plan for a rehearsal, which makes nothing on the host: without placeholders in the home, and perhaps with
    /// another jail root. The error: a login could not make that.
    pub(crate) fn for_rehearsal(mut self) -> Result<Self, Refusal> {
        self.steps.retain(|step| !matches!(step, Step::Mount { source: Source::Placeholder(_), .. }));
        Ok(Self { jail_root: self.jail_root.for_rehearsal()?, ..self })
    }

    /// The directory whose filesystem stores the user's files: the home, or else the first writable volume,
    /// or else the first volume.
    pub(crate) fn storage(&self) -> Option<&OwnedFd> {
        let trees = self.steps.iter().filter_map(|step| match step {
            Step::Mount { source: Source::Open(source), read_only, role, .. } => match role {
                Role::Home => Some((0, source)),
                Role::Volume => Some((if *read_only { 2 } else { 1 }, source)),
                _ => None,
            },
            _ => None,
        });
        trees.min_by_key(|(rank, _)| *rank).map(|(_, source)| source)
    }

    /// The steps that guard names in the home.
    pub(crate) fn guard(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step, Step::Mount { role: Role::Guard(_), .. }))
    }

    /// The namespace in which the jail will be mounted.
    pub(crate) fn namespace(&self) -> Namespace {
        self.jail_root.namespace()
    }
}
