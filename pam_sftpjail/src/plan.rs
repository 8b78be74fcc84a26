//! Profile + [`Account`] → [`Plan`]: every source opened and checked, and the steps in order.
//!
//! A path is resolved here once and never again. What [`crate::jail`] mounts is the descriptor
//! that was checked, and only this module can make a `Plan`.
#![forbid(unsafe_code)]

mod contents;
mod guard;
pub(crate) mod guard_point;
mod home;
mod jail_root;
mod mount_point;
mod step;
mod syslog;
mod system;
pub mod unmounted;
mod volume;
mod walk;

use crate::account::Account;
use crate::config::{Config, HomeAccess, Namespace, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::sys::directory;
use crate::sys::identity::Owner;
use crate::sys::{SysError, mount};
pub use home::pasteable;
pub(crate) use jail_root::JailRoot;
pub(crate) use mount_point::MountPoint;
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::Path;
pub use step::Content;
use step::Steps;
pub(crate) use step::{Role, Source, Step};

/// What is checked before anybody is let in, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Check {
    Account,
    Profile,
    Name,
    HomeSpelling,
    HomePath,
    HomeOwner,
    Volume,
    Guard,
    JailRoot,
    Kernel,
    Log,
    Sessions,
}

impl Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Account => "account",
            Self::Profile => "profile",
            Self::Name => "name",
            Self::HomeSpelling => "home",
            Self::HomePath => "home path",
            Self::HomeOwner => "home owner",
            Self::Volume => "volume",
            Self::Guard => "guard",
            Self::JailRoot => "jail root",
            Self::Kernel => "kernel",
            Self::Log => "log",
            Self::Sessions => "sessions",
        })
    }
}

/// What a check has seen.
#[derive(Clone, Copy)]
pub enum CheckResult<'a> {
    Passed(&'a dyn Display),
    /// Nobody is refused for it, but an admin should know: what it is, and the fix.
    Warned(&'a dyn Display, &'a str),
    Failed(&'a Refusal),
}

/// Is told of every check. `check` prints it, and a login writes it to the log if it is debugged.
pub type Observer<'o> = &'o mut dyn FnMut(Check, CheckResult<'_>);

/// All that is needed to make one jail. Dropping it closes every descriptor.
#[derive(Debug)]
pub struct Plan {
    /// The jail is `<jail_root>/<user>`.
    pub(crate) user: UserName,
    pub(crate) jail_root: JailRoot,
    pub(crate) steps: Vec<Step>,
    /// What the jail is made for; the first line of [`Plan::terms`].
    purpose: String,
}

/// Makes the plan, or gives the first reason not to. Checks that do not depend on each other are
/// all made, so that the observer sees every finding.
pub fn make(
    config: &Config,
    profile: &Profile,
    account: &Account,
    observe: Observer<'_>,
) -> Result<Plan, Refusal> {
    let user = account.user_name()?;
    let home = match profile.home {
        HomeAccess::None => Ok(None),
        _ => home::check(&config.jail_root, account, observe).map(Some),
    };
    let opened = home.as_ref().ok().and_then(Option::as_ref).map(|(_, directory)| directory);
    let volumes = volume::check(config, profile, account, opened, observe);
    let guard = match (&home, &volumes) {
        (Ok(Some((at, directory))), Ok(volumes)) => {
            let owner = Owner { uid: account.uid, gid: account.gid };
            guard::check(profile, &guard::Home { at, directory, owner }, volumes, observe)
        }
        _ => Ok(Vec::new()),
    };
    let jail_root = JailRoot::open(&config.jail_root, config.namespace, &user);
    let jail_root = noted(Check::JailRoot, jail_root, observe);
    let kernel = mount::is_supported().map(|()| "mount_setattr is there");
    let kernel = noted(Check::Kernel, kernel.map_err(|errno| Refusal::Kernel { errno }), observe);
    let syslog = if profile.log {
        syslog::find(observe)
    } else {
        observe(Check::Log, CheckResult::Passed(&"none, as the profile says: what users do is not logged"));
        None
    };

    let home = home?;
    let volumes = volumes?;
    let guard = guard?;
    let jail_root = jail_root?;
    kernel?;

    let mut steps = Steps::default();
    if let Some((at, source)) = home {
        steps.directories(&at);
        let read_only = profile.home == HomeAccess::ReadOnly;
        steps.push(Step::Mount { at, source: Source::Open(source), read_only, role: Role::Home });
    }
    // Volumes may lie in what is mounted over itself.
    guard.into_iter().for_each(|step| steps.push(step));
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
    Ok(Plan { user, jail_root, steps: steps.0, purpose })
}

impl Plan {
    /// Adds what serves listings only. Apart from [`make`], because it asks NSS for each of the user's
    /// groups, and whoever only wants to know whether there is a plan need not wait for that.
    pub fn with_listings(self, profile: &Profile, account: &Account) -> Self {
        let mut steps = Steps(self.steps);
        contents::listings(&mut steps, profile, account);
        Self { steps: steps.0, ..self }
    }

    /// What the jail will hold at which path, relative to it. Below what is mounted it is the host's.
    pub fn contents(&self) -> impl Iterator<Item = (&Path, Content)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Directory { at } => Some((at.as_path(), Content::Directory)),
            Step::File { at, .. } => Some((at.as_path(), Content::File)),
            Step::Mount { role: Role::Guard(_), .. } => None,
            Step::Mount { at, role: Role::Log, .. } => Some((at.as_path(), Content::Log)),
            Step::Mount { at, read_only, .. } => {
                Some((at.as_path(), Content::Tree { read_only: *read_only }))
            }
        })
    }

    /// Whose jail it is.
    pub fn user(&self) -> &UserName {
        &self.user
    }

    /// Without what only the first login makes in a home.
    pub(crate) fn rehearsed(mut self) -> Self {
        self.steps.retain(|step| !matches!(step, Step::Mount { source: Source::Placeholder(_), .. }));
        self
    }

    /// Where the user's files are, and the room for more: the home, or else the first volume to which the
    /// user can write, or else the first.
    pub(crate) fn stored_in(&self) -> Option<&OwnedFd> {
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

    /// The steps that guard a part of the home.
    pub(crate) fn guard(&self) -> impl Iterator<Item = &Step> {
        self.steps.iter().filter(|step| matches!(step, Step::Mount { role: Role::Guard(_), .. }))
    }

    /// The namespace in which the jail is to be mounted.
    pub(crate) fn namespace(&self) -> Namespace {
        self.jail_root.namespace()
    }

    /// What sessions that share a jail must agree on, a line each: for whom it is, and which
    /// directory is mounted where. What serves logs and listings only is left out: nobody is
    /// refused for it.
    pub(crate) fn terms(&self) -> Result<String, SysError> {
        let mut terms = self.purpose.clone();
        for step in &self.steps {
            let Step::Mount { at, source, read_only, role } = step else { continue };
            let what = match role {
                Role::Home => "home",
                Role::Volume | Role::VolumeInHome => "volume",
                Role::Log => continue,
                Role::Guard(_) => {
                    // What stands there may change; every session sees to it that it is guarded.
                    if *read_only {
                        terms.push_str(&format!("\nguard {at:?}"));
                    }
                    continue;
                }
            };
            let stat = match source {
                Source::Open(fd) => directory::stat(fd).map(Some),
                // Another session may have made it since; or it is there, and its mode lets nobody in.
                Source::Missing(new) => new.look(),
                Source::Placeholder(_) => continue,
            };
            let from = match stat.map_err(SysError::of("fstat", escaped(at).to_string()))? {
                None => "a directory that is missing".into(),
                // While the jail is mounted, no other directory can get this number.
                Some(stat) => format!("directory {}:{}", stat.st_dev, stat.st_ino),
            };
            let access = if *read_only { "read-only" } else { "writable" };
            // Not escaped(), which leaves out the middle of long names.
            terms.push_str(&format!("\n{what} {at:?}, {access}, from {from}"));
        }
        Ok(terms)
    }
}

/// Tells the observer, and passes the result on.
fn noted<T: Display>(check: Check, result: Result<T, Refusal>, observe: Observer<'_>) -> Result<T, Refusal> {
    match &result {
        Ok(evidence) => observe(check, CheckResult::Passed(evidence)),
        Err(refusal) => observe(check, CheckResult::Failed(refusal)),
    }
    result
}

/// The home as a refusal names it.
fn shown_home(account: &Account) -> String {
    escaped(&account.home).to_string()
}
