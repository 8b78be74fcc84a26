//! The profile's `guard`: names below the home that a session can neither change nor make.
//!
//! In the jail each is mounted over itself, read-only. What is a mount point can be neither renamed nor
//! removed (rename(2), rmdir(2): EBUSY), so each directory between the home and a guarded name is mounted
//! over itself too, writable: renaming it would be a way around. A missing name gets a placeholder.

use super::volume::Checked;
use super::{Check, Observer, Role, Seen, Source, Step};
use crate::config::{Guarded, HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::keeper::Keeper;
use crate::path::Normalised;
use crate::sys::identity::Owner;
use crate::sys::umask::Umask;
use crate::sys::{SysError, directory, limit_cure};
use nix::errno::Errno;
use nix::fcntl::OFlag;
use nix::sys::stat::SFlag;
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::rc::Rc;

const PLAIN: &str = "let it be a plain file or directory, or take it out of the profile's guard";

/// The home of which names are guarded.
pub(super) struct Home<'a> {
    /// In the jail, relative to it.
    pub(super) at: &'a Path,
    pub(super) directory: &'a OwnedFd,
    pub(super) owner: Owner,
}

/// Checks every guarded name, and gives the steps that guard them; they come after the home's.
pub(super) fn check(
    profile: &Profile,
    home: &Home<'_>,
    volumes: &[Checked],
    observe: Observer<'_>,
) -> Result<Vec<Step>, Refusal> {
    if profile.guard.is_empty() {
        return Ok(Vec::new());
    }
    match found(profile, home, volumes) {
        Ok((steps, evidence)) => {
            observe(Check::Guard, Seen::Passed(&evidence));
            Ok(steps)
        }
        Err(refusal) => {
            observe(Check::Guard, Seen::Failed(&refusal));
            Err(refusal)
        }
    }
}

fn found(profile: &Profile, home: &Home<'_>, volumes: &[Checked]) -> Result<(Vec<Step>, String), Refusal> {
    let mut steps = Vec::new();
    let mut missing = Vec::new();
    // The placeholders share it.
    let shared = home.directory.try_clone().map_err(SysError::of("fcntl", "the home, F_DUPFD_CLOEXEC"))?;
    let shared = Rc::new(shared);
    let is_read_only = profile.home == HomeAccess::ReadOnly;
    for guarded in &profile.guard {
        volumes.iter().try_for_each(|volume| apart(home, guarded, volume))?;
        for (below, is_guarded) in mount_points(guarded) {
            let at = home.at.join(&below);
            // Two names may have a directory above them in common.
            if steps.iter().any(|step| matches!(step, Step::Mount { at: other, .. } if *other == at)) {
                continue;
            }
            let place = Place {
                home: Rc::clone(&shared),
                shown: Path::new("/").join(&at),
                is_directory: !is_guarded || guarded.is_directory(),
                is_guarded,
                owner: home.owner,
                below,
            };
            let source = match place.open() {
                // Nothing is mounted there.
                Err(_) if is_read_only => continue,
                Err(refusal) => return Err(refusal),
                Ok(Some(opened)) => {
                    volumes.iter().try_for_each(|volume| place.shown_by(&opened, volume))?;
                    Source::Open(opened)
                }
                Ok(None) => {
                    if is_guarded {
                        missing.push(escaped(&guarded.path()).to_string());
                    }
                    Source::Placeholder(place)
                }
            };
            steps.push(Step::Mount { at, source, read_only: is_guarded, role: Role::Guard(home.owner) });
        }
    }
    if is_read_only {
        return Ok((Vec::new(), "nothing to do: all of the home is read-only".into()));
    }
    let names: Vec<_> = profile.guard.iter().map(|guarded| escaped(&guarded.path()).to_string()).collect();
    let mut evidence = format!("no session can change {}", names.join(", "));
    if !missing.is_empty() {
        evidence += &format!("; missing, and made empty by the first login: {}", missing.join(", "));
    }
    Ok((steps, evidence))
}

/// The directories between the home and a guarded name, outermost first, and then the name itself, all
/// below the home; and whether it is the name.
fn mount_points(guarded: &Guarded) -> impl Iterator<Item = (PathBuf, bool)> {
    let count = guarded.components().len();
    (1..=count).map(move |n| (guarded.components().iter().take(n).collect(), n == count))
}

/// A place below the home that is to be a mount point.
#[derive(Debug)]
pub(crate) struct Place {
    home: Rc<OwnedFd>,
    /// For people: where it is on the host.
    shown: PathBuf,
    /// Where it is below the home.
    below: PathBuf,
    /// Whether it is made as a directory where it is missing.
    is_directory: bool,
    /// Or is it only on the way to what is?
    is_guarded: bool,
    owner: Owner,
}

impl Place {
    /// What is there, O_PATH, if it can be guarded; `None` where nothing is.
    fn open(&self) -> Result<Option<OwnedFd>, Refusal> {
        let flags = if self.is_guarded { OFlag::empty() } else { OFlag::O_DIRECTORY };
        let opened = match self.owner.open_below(&self.home, &self.below, flags) {
            Err(Errno::ENOENT) => return Ok(None),
            opened => opened.map_err(|errno| self.unusable(errno))?,
        };
        let stat = directory::stat(&opened).map_err(|errno| self.unusable(errno))?;
        match directory::kind(&stat) {
            SFlag::S_IFDIR => Ok(Some(opened)),
            SFlag::S_IFREG if stat.st_nlink < 2 => Ok(Some(opened)),
            SFlag::S_IFREG => Err(self.refuse(
                "it has another name as well, a hard link, through which it could be changed",
                "put a copy of its own in its place, or take it out of the profile's guard",
            )),
            // Those can be written to on a read-only mount.
            _ => Err(self.refuse("it is neither a file nor a directory", PLAIN)),
        }
    }

    /// Makes it, empty, and gives what is there then. Another login may be doing the same; what is found is
    /// checked like what was there before.
    ///
    /// The user makes it, so to speak: nothing has to be given away afterwards, and no link or rename of
    /// the user's can direct root's rights to anything. Only where the user may not write, root makes it,
    /// and it stays root's.
    pub(crate) fn make(&self) -> Result<OwnedFd, Refusal> {
        let (Some(above), Some(name)) = (self.below.parent(), self.below.file_name()) else {
            return Err(self.unusable(Errno::EINVAL));
        };
        // openat2(2) takes no empty path.
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        let above = self
            .owner
            .open_below(&self.home, above, OFlag::O_DIRECTORY)
            .map_err(|errno| self.unusable(errno))?;
        let make = |name: &OsStr, directory: u32, file: u32| {
            let made = match self.is_directory {
                true => directory::make(&above, name, directory),
                false => directory::make_file(&above, name, file).map(drop),
            };
            match made {
                Err(error) if error.errno == Errno::EEXIST => Ok(()),
                made => made,
            }
        };
        let made = {
            let _exact = Umask::none();
            let by_owner = {
                let _owner = self.owner.assume()?;
                make(name, 0o700, 0o600)
            };
            match by_owner {
                Err(error) if error.errno == Errno::EACCES => make(name, 0o755, 0o644),
                made => made,
            }
        };
        made.map_err(|error| {
            let why = format!("it is missing, and an empty one cannot be made: {}", error.errno.desc());
            self.refuse(&why, "make it, or take it out of the profile's guard")
        })?;
        self.open()?.ok_or_else(|| replaced(&self.shown))
    }

    /// Refuses where a session could change what is there by way of a volume, of a part of the home.
    fn shown_by(&self, opened: &OwnedFd, volume: &Checked) -> Result<(), Refusal> {
        let Some(source) = volume.written() else { return Ok(()) };
        // A part of what is only on the way may be shown.
        let shows =
            || if self.is_guarded { lies_in(source, opened) } else { Ok(inode(source)? == inode(opened)?) };
        match shows() {
            Ok(false) => Ok(()),
            Ok(true) => Err(shown(&self.shown, volume)),
            Err(errno) => Err(self.unusable(errno)),
        }
    }

    fn unusable(&self, errno: Errno) -> Refusal {
        match errno {
            Errno::ELOOP => self.refuse("it is a symlink, or is reached by one", PLAIN),
            Errno::ENOTDIR => self.refuse("it is not a directory", PLAIN),
            Errno::EACCES => {
                Refusal::Denied { path: escaped(&self.shown).to_string(), keeper: Keeper::of(&self.home) }
            }
            errno => self.refuse(errno.desc(), limit_cure(errno).unwrap_or("see that root can reach it")),
        }
    }

    fn refuse(&self, why: &str, cure: &str) -> Refusal {
        refusal(&self.shown, why, cure)
    }
}

fn refusal(path: &Path, why: &str, cure: &str) -> Refusal {
    Refusal::Guard { path: escaped(path).to_string(), why: why.into(), cure: cure.into() }
}

/// What is said where the place in the jail is not what was checked.
pub(crate) fn replaced(path: &Path) -> Refusal {
    refusal(path, "something else was put in its place during the login", "log in again")
}

fn shown(path: &Path, volume: &Checked) -> Refusal {
    let target = escaped(&volume.target().absolute()).to_string();
    let why = format!("the volume {target} shows it as well, writable");
    refusal(path, &why, "give the volume another source, or let it be read-only")
}

/// Refuses a volume that would be mounted at, in or above a guarded name, or shows all of the home.
fn apart(home: &Home<'_>, guarded: &Guarded, volume: &Checked) -> Result<(), Refusal> {
    let path = Path::new("/").join(home.at).join(guarded.path());
    let home_at = Normalised::of(home.at.iter());
    if let Some(below) = volume.target().components().strip_prefix(home_at.components())
        && guarded.overlaps(below)
    {
        let why = format!("the volume {} would be in its place", escaped(&volume.target().absolute()));
        return Err(refusal(
            &path,
            &why,
            "give the volume another target, or take the name out of the profile's guard",
        ));
    }
    match volume.written().map(|source| lies_in(home.directory, source)) {
        None | Some(Ok(false)) => Ok(()),
        Some(Ok(true)) => Err(shown(&path, volume)),
        Some(Err(Errno::EACCES)) => {
            Err(Refusal::Denied { path: escaped(&path).to_string(), keeper: Keeper::of(home.directory) })
        }
        Some(Err(errno)) => Err(refusal(&path, errno.desc(), "see that root can reach the home")),
    }
}

/// Whether a directory is another, or lies in it; both O_PATH.
fn lies_in(inner: &OwnedFd, outer: &OwnedFd) -> Result<bool, Errno> {
    let outer = inode(outer)?;
    let mut here = inner.try_clone().map_err(|_| Errno::last())?;
    loop {
        let this = inode(&here)?;
        if this == outer {
            return Ok(true);
        }
        let above = directory::open_child(&here, "..".as_ref())?;
        // So it is with the root.
        if inode(&above)? == this {
            return Ok(false);
        }
        here = above;
    }
}

/// What tells a file from every other that is there now.
fn inode(fd: &OwnedFd) -> Result<(u64, u64), Errno> {
    directory::stat(fd).map(|stat| (stat.st_dev, stat.st_ino))
}
