//! Checks the volumes of a jail: where they come from, and where they appear in the jail. It mounts nothing.

mod paths;
mod source;

use super::owner::OnDisk;
use super::{Check, CheckResult, Observer, Role, Source, Step, Steps, VolumePaths};
use crate::account::Account;
use crate::config::{Config, Create, HomeAccess, Profile, Variable, Volume};
use crate::denied_by::DeniedBy;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::name;
use crate::nss::Group;
use crate::path::Normalised;
use crate::sys::directory;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::unistd::geteuid;
pub(super) use paths::Advice;
pub use paths::{Fault, faults};
use source::SourceError;
use std::ffi::{OsStr, OsString};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A volume as it is wanted: one of the profile, or the folder of a grant.
pub(super) struct Wanted<'a> {
    pub(super) target: Normalised,
    pub(super) source: Normalised,
    pub(super) read_only: bool,
    /// How a missing source is made. `None`: it is not.
    pub(super) create: Option<&'a Create>,
    /// To whom everything in it belongs on disk.
    pub(super) owner: Option<&'a str>,
    pub(super) advice: Advice,
}

/// A checked volume.
pub(super) struct CheckedVolume {
    target: Normalised,
    source: Source,
    /// The path of the source.
    from: Normalised,
    read_only: bool,
    on_disk: OnDisk,
    is_granted: bool,
    /// Whether the target is in the home. There, only the user makes the directory for it; without one, the
    /// volume is left out.
    in_home: bool,
    /// Whether the home has no directory for it.
    is_left_out: bool,
}

impl CheckedVolume {
    /// Where it appears and where it comes from; `None` where it is left out.
    pub(super) fn paths(&self) -> Option<VolumePaths> {
        let owner = self.on_disk.ids.map(|_| self.on_disk.owner.uid.as_raw());
        let (target, source) = (self.target.absolute(), self.from.absolute());
        let paths = VolumePaths { target, source, owner, is_granted: self.is_granted };
        (!self.is_left_out).then_some(paths)
    }

    /// Where it appears in the jail.
    pub(super) fn target(&self) -> &Normalised {
        &self.target
    }

    pub(super) fn is_read_only(&self) -> bool {
        self.read_only
    }

    /// The source; or the directory in which the first login makes it, and its name there.
    pub(super) fn place(&self) -> Option<(&OwnedFd, Option<&OsStr>)> {
        match &self.source {
            Source::Open(source) => Some((source, None)),
            Source::Missing(new) => Some((&new.parent, Some(&new.name))),
            Source::StandIn(_) | Source::Placeholder(_) => None,
        }
    }

    /// The source, if sessions can write to it. `None` for a missing one, too: it is empty.
    pub(super) fn writable_source(&self) -> Option<&OwnedFd> {
        self.place().filter(|(_, name)| name.is_none() && !self.read_only).map(|(source, _)| source)
    }

    /// Adds the steps that mount it. The home comes before.
    pub(super) fn add(self, steps: &mut Steps) {
        let at = self.target.relative();
        if !self.in_home {
            steps.directories(&at);
        }
        let role = Role::of_volume(self.in_home, self.is_left_out);
        let ids = self.on_disk.ids;
        steps.push(Step::Mount { at, source: self.source, read_only: self.read_only, ids, role });
    }
}

/// In what volumes are mounted.
pub(super) struct Place<'a> {
    pub(super) config: &'a Config,
    pub(super) account: &'a Account,
    /// The home, if the profile has one. One that cannot be parsed is refused by its own check.
    home: Option<Normalised>,
    /// The same, if its check passed.
    opened: Option<&'a OwnedFd>,
}

impl<'a> Place<'a> {
    pub(super) fn new(
        config: &'a Config,
        profile: &Profile,
        account: &'a Account,
        opened: Option<&'a OwnedFd>,
    ) -> Self {
        let home = match profile.home {
            HomeAccess::None => None,
            _ => Normalised::parse(account.home.as_os_str()).ok(),
        };
        Self { config, account, home, opened }
    }

    /// Checks one volume. `others`: those before it.
    pub(super) fn check(&self, wanted: Wanted<'_>, others: &[CheckedVolume]) -> Result<Outcome, Refusal> {
        let others: Vec<_> = others.iter().map(|other| &other.target).collect();
        let found = check_one(self.config, self.home.as_ref(), &others, self.account, wanted)?;
        check_access(self.home.as_ref().zip(self.opened), found)
    }
}

/// Volumes that can be mounted.
#[derive(Default)]
pub(super) struct Volumes {
    pub(super) checked: Vec<CheckedVolume>,
    /// The first that is left out, and the fix.
    pub(super) left_out: Option<(String, Fix)>,
}

impl Volumes {
    /// Reports the result of one, and keeps it. The error is one that refuses the login.
    pub(super) fn add(
        &mut self,
        check: Check,
        found: Result<Outcome, Refusal>,
        observe: Observer<'_>,
    ) -> Result<(), Refusal> {
        match found {
            Ok(Outcome::Mount(volume, evidence)) => {
                observe(check, CheckResult::Passed(&evidence));
                self.checked.push(volume);
            }
            Ok(Outcome::LeaveOut { why, fix }) => {
                observe(check, CheckResult::Warned(&why, &|| fix.clone()));
                self.left_out.get_or_insert((why, fix));
            }
            Err(refusal) => {
                observe(check, CheckResult::Failed(&refusal));
                return Err(refusal);
            }
        }
        Ok(())
    }
}

/// Checks every volume of the profile; the error is the first refusal.
pub(super) fn check(profile: &Profile, place: &Place<'_>, observe: Observer<'_>) -> Result<Volumes, Refusal> {
    let mut volumes = Volumes::default();
    let mut first = None;
    for volume in &profile.volumes {
        let found = wanted(volume, place.account).and_then(|wanted| place.check(wanted, &volumes.checked));
        if let Err(refusal) = volumes.add(Check::Volume, found, observe) {
            first.get_or_insert(refusal);
        }
    }
    first.map_or(Ok(volumes), Err)
}

fn wanted<'a>(volume: &'a Volume, account: &Account) -> Result<Wanted<'a>, Refusal> {
    Ok(Wanted {
        target: paths::target(&volume.target, |variable| value(account, variable))?,
        source: paths::source(&volume.source, |variable| value(account, variable))?,
        read_only: volume.read_only,
        create: volume.create.as_ref(),
        owner: volume.owner.as_deref(),
        advice: paths::IN_PROFILE,
    })
}

/// What the check of a volume comes to, if it refuses nobody.
pub(super) enum Outcome {
    /// With the evidence.
    Mount(CheckedVolume, String),
    /// Others than root, such as the member, have removed or replaced the source. That is no reason to
    /// refuse: the member could not log in to fix it, and without the volume the jail only shows less.
    LeaveOut { why: String, fix: Fix },
}

/// Checks one volume, but not whether root can enter its place in the home. `others`: the targets of the volumes
/// before it.
fn check_one(
    config: &Config,
    home: Option<&Normalised>,
    others: &[&Normalised],
    account: &Account,
    wanted: Wanted<'_>,
) -> Result<Outcome, Refusal> {
    let Wanted { target, source, read_only, create, owner, advice } = wanted;
    let in_home = paths::check_target(home, others, &target, advice)?;
    paths::check_source(&config.jail_root, &target, &source, advice)?;
    let on_disk = OnDisk::find(owner, account, &target.absolute())?;
    let refuse =
        |why: String, fix: Fix| Refusal::Volume { target: escaped(&target.absolute()).to_string(), why, fix };
    let (opened, made) = match source::open(config, &source, create, read_only, account) {
        Ok(found) => found,
        Err(SourceError::Refusal(refusal)) => return Err(refusal),
        Err(SourceError::Unusable(at, why, fix)) => {
            return Err(refuse(format!("cannot be used: {} {why}", escaped(&at)), fix));
        }
        Err(SourceError::ByOthers(at, why, fix)) => {
            let target = target.absolute();
            let why = format!("the volume {} is left out: {} {why}", escaped(&target), escaped(&at));
            return Ok(Outcome::LeaveOut { why, fix });
        }
    };
    let evidence = format!(
        "{} from {}, {}{}{}{}",
        escaped(&target.absolute()),
        escaped(&source.absolute()),
        if read_only { "read-only" } else { "writable" },
        owner.map(|owner| format!(", of {} on disk", escaped(owner))).unwrap_or_default(),
        if in_home { ", where the home has a directory for it" } else { "" },
        made.map_or_else(String::new, |made| format!("; missing: the first login makes it ({made})")),
    );
    Ok(Outcome::Mount(
        CheckedVolume {
            target,
            source: opened,
            from: source,
            read_only,
            on_disk,
            is_granted: advice.is_granted,
            in_home,
            is_left_out: false,
        },
        evidence,
    ))
}

/// Refuses a volume in a part of the home that root cannot enter. Mounting it would fail later, with a worse
/// message.
fn check_access(home: Option<(&Normalised, &OwnedFd)>, mut found: Outcome) -> Result<Outcome, Refusal> {
    let (Outcome::Mount(volume, _), Some((home, directory))) = (&mut found, home) else { return Ok(found) };
    if !volume.in_home {
        return Ok(found);
    }
    let below: PathBuf = volume.target.components().iter().skip(home.components().len()).collect();
    let open = |path: &Path| directory::open_below(directory, path, OFlag::O_DIRECTORY);
    let denied = open(&below).err();
    // As where it would be mounted.
    volume.is_left_out = matches!(denied, Some(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP));
    if denied != Some(Errno::EACCES) {
        return Ok(found);
    }
    let nearest = below.ancestors().skip(1).find_map(|path| open(path).ok());
    let by = nearest.as_ref().map_or_else(|| DeniedBy::of(directory), DeniedBy::of);
    let target = escaped(&volume.target.absolute()).to_string();
    if !geteuid().is_root() {
        return Err(Refusal::Denied { path: target, by });
    }
    Err(Refusal::Volume {
        target,
        why: "is in a part of the home that root cannot enter".into(),
        fix: format!("give it a target outside of the home, or {}", by.fix()).into(),
    })
}

fn value(account: &Account, variable: Variable) -> Result<OsString, Refusal> {
    match variable {
        Variable::User => Ok(account.user_name()?.as_str().into()),
        Variable::Uid => Ok(account.uid.to_string().into()),
        Variable::Home => Ok(account.home.clone().into()),
        Variable::Group => {
            let group = Group::by_gid(account.gid)?.ok_or_else(|| Refusal::Volume {
                target: "with %g in it".into(),
                why: format!("needs a name for the user's primary group, but gid {} has none", account.gid),
                fix: format!("add a group with the gid {} (groupadd -g)", account.gid).into(),
            })?;
            // In a path it stands for one component.
            match name::problem(&group.name) {
                None => Ok(group.name.into()),
                Some(why) => Err(Refusal::Volume {
                    target: "with %g in it".into(),
                    why: format!("cannot use the group name {}: it {why}", escaped(&group.name)),
                    fix: "give that group another name (groupmod -n)".into(),
                }),
            }
        }
    }
}
