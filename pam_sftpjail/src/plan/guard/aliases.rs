//! Finds guarded names that a jail would show a second time, at a path that no guard protects.
//!
//! A part of the home may be mounted in a volume or in the home itself, or be the source of a volume. The
//! table of mounts shows that. Reading it costs time on hosts with many mounts, but only members with a
//! guard pay for it. It does not show all: a filesystem that shows the files of another one (overlayfs,
//! bindfs, a server's directory that is mounted twice) has a device number of its own.

use super::Home;
use crate::config::{HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::plan::guard_point::refusal;
use crate::plan::volume::CheckedVolume;
use crate::sys::mount_table::{Location, Mount, MountTable};
use crate::sys::{SysError, directory, process_fix};
use nix::errno::Errno;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// A guarded name of a home.
struct Name {
    /// Its path on the host.
    at: PathBuf,
    /// Its place in the filesystem of each mount that has it, and the roots of what is mounted in it.
    locations: Vec<Location>,
}

impl Name {
    fn new(home: &[Mount], at: PathBuf) -> Self {
        let locations = home.iter().filter_map(|mount| {
            if mount.at.starts_with(&at) {
                return Some(mount.root.clone());
            }
            // A mount that hides another one is in the list together with it.
            at.strip_prefix(&mount.at).ok().map(|below| mount.root.join(below))
        });
        Self { locations: locations.collect(), at }
    }

    /// The paths at which a mount shows it, or a part of it.
    fn shown_by<'a>(&'a self, mount: &'a Mount) -> impl Iterator<Item = PathBuf> + 'a {
        self.locations.iter().filter_map(|location| match location.below(&mount.root) {
            Some(below) => Some(mount.at.join(below)),
            None => mount.root.below(location).map(|_| mount.at.clone()),
        })
    }
}

/// Refuses if sessions could write to a guarded name by another path.
pub(super) fn check(profile: &Profile, home: &Home<'_>, volumes: &[CheckedVolume]) -> Result<(), Refusal> {
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
                    let why = format!("{} in the home shows it a second time, writable", escaped(&at));
                    return Err(refusal(
                        &name.at,
                        &why,
                        "unmount one of the two, or remove the name from the profile's guard",
                    ));
                }
            }
        }
    }
    for volume in volumes {
        let Some(source) = volume.writable_source() else { continue };
        let target = escaped(&volume.target().absolute()).to_string();
        let is_home = is_source(home.directory, volume).map_err(SysError::of("fstat", "the home"))?;
        if let Some(name) = names.first().filter(|_| is_home) {
            return Err(source_refusal(&name.at, volume));
        }
        let tree = table.tree(source).map_err(|error| unknown(home, &error))?;
        for (i, mount) in tree.iter().enumerate().filter(|(_, mount)| !mount.is_read_only) {
            let Some(name) = names.iter().find(|name| name.shown_by(mount).next().is_some()) else {
                continue;
            };
            return Err(match i {
                0 => source_refusal(&name.at, volume),
                _ => {
                    let at = escaped(&mount.at);
                    let why = format!(
                        "the mount at {at}, in the volume {target}, shows it a second time, writable"
                    );
                    refusal(
                        &name.at,
                        &why,
                        "unmount that, mount it read-only, make the volume read-only, or remove the name from the profile's guard",
                    )
                }
            });
        }
    }
    Ok(())
}

/// Whether a writable volume has its source there. It compares inode numbers: a file server's directory may
/// be mounted at two paths.
pub(super) fn is_source(opened: &OwnedFd, volume: &CheckedVolume) -> Result<bool, Errno> {
    let Some(source) = volume.writable_source() else { return Ok(false) };
    let inode = |fd| directory::stat(fd).map(|stat| (stat.st_dev, stat.st_ino));
    Ok(inode(source)? == inode(opened)?)
}

/// The refusal for a volume whose source is a guarded name, or lies in or above one.
pub(super) fn source_refusal(path: &Path, volume: &CheckedVolume) -> Refusal {
    let target = escaped(&volume.target().absolute()).to_string();
    let why = format!("the volume {target} shows it a second time, writable");
    refusal(path, &why, "give the volume another source, or make it read-only")
}

/// The refusal if the table cannot be read: something may be mounted there.
fn unknown(home: &Home<'_>, error: &SysError) -> Refusal {
    let why = format!("the mounts of this host are unknown: {error}");
    let fix = process_fix(error.errno)
        .unwrap_or("make sure that root can read /proc/self/mountinfo, and log in again");
    refusal(&Path::new("/").join(home.at), &why, fix)
}
