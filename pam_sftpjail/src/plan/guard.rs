//! Plans the profile's `guard`: names below the home that a session can neither change nor make.
//!
//! In the jail, each name is mounted over itself, read-only. A mount point can be neither renamed nor
//! removed (rename(2), rmdir(2): EBUSY). Each directory between the home and a guarded name is mounted over
//! itself, too, but writable: otherwise a session could rename that. A missing name gets a placeholder.

mod aliases;

use super::guard_point::{GuardPoint, Room, refusal};
use super::owner::OnDisk;
use super::volume::CheckedVolume;
use super::{Check, CheckResult, Observer, Role, Source, Step};
use crate::config::{GuardEntry, HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::path::Normalised;
use crate::sys::SysError;
use crate::sys::identity::Owner;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// The home in which names are guarded.
pub(super) struct Home<'a> {
    /// Its path relative to the jail.
    pub(super) at: &'a Path,
    pub(super) directory: &'a OwnedFd,
    /// The member, as the jail shows it.
    pub(super) owner: Owner,
    /// Whose the home is on disk.
    pub(super) on_disk: OnDisk,
}

/// Checks every guarded name, and gives the steps that guard them. They come after the home's step.
pub(super) fn check(
    profile: &Profile,
    home: &Home<'_>,
    volumes: &[CheckedVolume],
    observe: Observer<'_>,
) -> Result<Vec<Step>, Refusal> {
    if profile.guard.is_empty() {
        return Ok(Vec::new());
    }
    match guard_steps(profile, home, volumes) {
        Ok((steps, Report { evidence, warning })) => {
            observe(Check::Guard, CheckResult::Passed(&evidence));
            if let Some(warning) = warning {
                observe(Check::Guard, CheckResult::Warned(&warning, &|| warning.fix()));
            }
            Ok(steps)
        }
        Err(refusal) => {
            observe(Check::Guard, CheckResult::Failed(&refusal));
            Err(refusal)
        }
    }
}

/// What the observer gets.
struct Report {
    evidence: String,
    /// The first login will be refused for this, unless root has room where the user has none.
    warning: Option<Refusal>,
}

fn guard_steps(
    profile: &Profile,
    home: &Home<'_>,
    volumes: &[CheckedVolume],
) -> Result<(Vec<Step>, Report), Refusal> {
    let mut steps = Vec::new();
    let mut missing = Vec::new();
    let mut warning = None;
    let shared = home.directory.try_clone().map_err(SysError::of("fcntl", "the home, F_DUPFD_CLOEXEC"))?;
    let shared = Rc::new(shared);
    let is_read_only = profile.home == HomeAccess::ReadOnly;
    for guarded in &profile.guard {
        volumes.iter().try_for_each(|volume| refuse_in_place(home, guarded, volume))?;
    }
    aliases::check(profile, home, volumes)?;
    if is_read_only {
        let evidence = "nothing to do: the whole home is read-only".into();
        return Ok((Vec::new(), Report { evidence, warning }));
    }
    for guarded in &profile.guard {
        for (below, is_guarded) in mount_points(guarded) {
            let at = home.at.join(&below);
            // Two names may share a directory above them.
            if steps.iter().any(|step| matches!(step, Step::Mount { at: other, .. } if *other == at)) {
                continue;
            }
            let point = GuardPoint {
                home: Rc::clone(&shared),
                shown: Path::new("/").join(&at),
                is_directory: !is_guarded || guarded.is_directory(),
                is_guarded,
                owner: home.on_disk.owner,
                below,
            };
            let source = match point.open()? {
                Some(opened) => {
                    volumes.iter().try_for_each(|volume| refuse_as_source(&point, &opened, volume))?;
                    Source::Open(opened)
                }
                None => {
                    match point.room()? {
                        // Nobody can make anything there, so there is nothing to guard.
                        Room::ReadOnly => break,
                        Room::Low => warning = warning.or_else(|| Some(point.full())),
                        Room::Enough => {}
                    }
                    if is_guarded {
                        missing.push(escaped(&guarded.path()).to_string());
                    }
                    Source::Placeholder(point)
                }
            };
            let (ids, role) = (home.on_disk.ids, Role::Guard(home.owner));
            steps.push(Step::Mount { at, source, read_only: is_guarded, ids, role });
        }
    }
    let names: Vec<_> = profile.guard.iter().map(|guarded| escaped(&guarded.path()).to_string()).collect();
    let mut evidence = format!("no session can change {}", names.join(", "));
    if !missing.is_empty() {
        evidence += &format!("; missing, so the first login makes empty ones: {}", missing.join(", "));
    }
    Ok((steps, Report { evidence, warning }))
}

/// The paths below the home that become mount points: the directories above a guarded name, outermost first,
/// and then the name itself. The bool is true for the name.
fn mount_points(guarded: &GuardEntry) -> impl Iterator<Item = (PathBuf, bool)> {
    let count = guarded.components().len();
    (1..=count).map(move |n| (guarded.components().iter().take(n).collect(), n == count))
}

/// Refuses a volume that would be mounted at, in or above a guarded name.
fn refuse_in_place(home: &Home<'_>, guarded: &GuardEntry, volume: &CheckedVolume) -> Result<(), Refusal> {
    let home_at = Normalised::of(home.at.iter());
    match volume.target().components().strip_prefix(home_at.components()) {
        Some(below) if guarded.overlaps(below) => {
            let path = Path::new("/").join(home.at).join(guarded.path());
            let why = format!("the volume {} would be in its place", escaped(&volume.target().absolute()));
            let fix = "give the volume another target, or remove the name from the profile's guard";
            Err(refusal(&path, &why, fix))
        }
        _ => Ok(()),
    }
}

/// Refuses a writable volume whose source is the guarded place.
fn refuse_as_source(point: &GuardPoint, opened: &OwnedFd, volume: &CheckedVolume) -> Result<(), Refusal> {
    match aliases::is_source(opened, volume) {
        Ok(false) => Ok(()),
        Ok(true) => Err(aliases::source_refusal(&point.shown, volume)),
        Err(errno) => Err(point.unusable(errno)),
    }
}
