//! Whether a jail shows a guarded name a second time, where no guard is over it.
//!
//! A part of the home may be mounted in a volume, in the home itself, or be what a volume comes from. The
//! table of mounts tells. Reading it costs time on hosts with many mounts; with a guard that is accepted.
//! What it cannot tell: a filesystem that shows the files of another (overlayfs, bindfs, the same directory
//! of a server mounted twice) has a number of its own.

use super::Home;
use crate::config::{HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::guard_point::refusal;
use crate::plan::volume::Checked;
use crate::sys::mount_table::{Location, Mount, MountTable};
use crate::sys::{SysError, directory, limit_fix};
use nix::errno::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A guarded name of a home.
struct Name {
    /// On the host.
    at: PathBuf,
    /// Where it is, by each mount of the home that has it, and what is mounted in it.
    locations: Vec<Location>,
}

impl Name {
    fn new(home: &[Mount], at: PathBuf) -> Self {
        let locations = home.iter().filter_map(|mount| {
            if mount.at.starts_with(&at) {
                return Some(mount.root.clone());
            }
            // One that hides another is in the list with it.
            at.strip_prefix(&mount.at).ok().map(|below| mount.root.join(below))
        });
        Self { locations: locations.collect(), at }
    }

    /// Where a mount shows it, or a part of it.
    fn shown_by<'a>(&'a self, mount: &'a Mount) -> impl Iterator<Item = PathBuf> + 'a {
        self.locations.iter().filter_map(|location| match location.below(&mount.root) {
            Some(below) => Some(mount.at.join(below)),
            None => mount.root.below(location).map(|_| mount.at.clone()),
        })
    }
}

/// Refuses where sessions could write to a guarded name by way of another.
pub(super) fn check(profile: &Profile, home: &Home<'_>, volumes: &[Checked]) -> Result<(), Refusal> {
    let table = MountTable::read().map_err(|error| unknown(home, &error))?;
    let of_home = table.tree(home.directory).map_err(|error| unknown(home, &error))?;
    let Some(home_at) = of_home.first().map(|mount| &mount.at) else { return Ok(()) };
    let guarded = profile.guard.iter().map(|guarded| home_at.join(guarded.path()));
    let names: Vec<Name> = guarded.map(|at| Name::new(&of_home, at)).collect();

    if profile.home != HomeAccess::ReadOnly {
        for mount in of_home.iter().filter(|mount| !mount.is_read_only) {
            for name in &names {
                let is_open = |at: &PathBuf| !names.iter().any(|name| at.starts_with(&name.at));
                if let Some(at) = name.shown_by(mount).find(is_open) {
                    let why = format!("{} in the home shows it as well, writable", escaped(&at));
                    return Err(refusal(
                        &name.at,
                        &why,
                        "unmount what is mounted there or from there, or take the name out of the profile's guard",
                    ));
                }
            }
        }
    }
    for volume in volumes {
        let Some(source) = volume.written() else { continue };
        let target = escaped(&volume.target().absolute()).to_string();
        let is_home = is_source(home.directory, volume).map_err(SysError::of("fstat", "the home"))?;
        if let Some(name) = names.first().filter(|_| is_home) {
            return Err(shown(&name.at, volume));
        }
        let tree = table.tree(source).map_err(|error| unknown(home, &error))?;
        for (i, mount) in tree.iter().enumerate().filter(|(_, mount)| !mount.is_read_only) {
            let Some(name) = names.iter().find(|name| name.shown_by(mount).next().is_some()) else {
                continue;
            };
            return Err(match i {
                0 => shown(&name.at, volume),
                _ => {
                    let at = escaped(&mount.at);
                    let why = format!(
                        "what is mounted at {at}, in the volume {target}, shows it as well, writable"
                    );
                    refusal(
                        &name.at,
                        &why,
                        "unmount it, mount it read-only, let the volume be read-only, or take the name out of the profile's guard",
                    )
                }
            });
        }
    }
    Ok(())
}

/// Whether a volume that sessions can write to comes from there. By its number, which tells where paths do
/// not: a directory of a file server may be mounted twice.
pub(super) fn is_source(opened: &OwnedFd, volume: &Checked) -> Result<bool, Errno> {
    let Some(source) = volume.written() else { return Ok(false) };
    let inode = |fd| directory::stat(fd).map(|stat| (stat.st_dev, stat.st_ino));
    Ok(inode(source)? == inode(opened)?)
}

/// A volume whose source is, or lies in or above, what is guarded.
pub(super) fn shown(path: &Path, volume: &Checked) -> Refusal {
    let target = escaped(&volume.target().absolute()).to_string();
    let why = format!("the volume {target} shows it as well, writable");
    refusal(path, &why, "give the volume another source, or let it be read-only")
}

/// An error is no answer: something may be mounted there.
fn unknown(home: &Home<'_>, error: &SysError) -> Refusal {
    let why = format!("it is not known what is mounted where: {error}");
    let fix =
        limit_fix(error.errno).unwrap_or("see that root can read /proc/self/mountinfo, and log in again");
    refusal(&Path::new("/").join(home.at), &why, fix)
}
