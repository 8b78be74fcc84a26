//! Finds out whether something is missing only because a filesystem is not mounted now.
//!
//! Then it must not be made: it would be made on the wrong disk, and hidden as soon as the right one is
//! mounted. Nothing is mounted here either.

use crate::escape::escaped;
use crate::fix::{Command, Fix, Name};
use crate::host_mounts;
use crate::plan::root_path;
use crate::sys::{directory, mount};
use std::path::{Path, PathBuf};

/// A mount point above the missing path, without its filesystem.
pub struct Unmounted {
    /// The rest of a sentence about the missing path.
    pub why: String,
    pub fix: Fix,
}

/// The first mount point above `path`, or at it, where nothing is mounted, or whose automounter has no entry.
/// `end`: the first component of `path` that is missing.
pub fn above(path: &Path, end: &Path) -> Option<Unmounted> {
    // `end` is without symlinks, and `path` may have some.
    let is_above = |at: &Path| path.starts_with(at) || end.starts_with(at);
    if let Some(automount) = end.ancestors().skip(1).find(|at| is_automount(at)) {
        return Some(Unmounted {
            why: format!("does not exist for the automounter at {}", escaped(automount)),
            fix: "make sure that the automounter runs (systemctl restart autofs), that its map has an entry for it, and that the source of that entry exists".into(),
        });
    }
    let due = |at: &Path| at != Path::new("/") && is_above(at) && !is_mounted(at);
    let units = host_mounts::units().into_iter().map(|(unit, at)| (at, Setup::Unit(unit)));
    let fstab = host_mounts::fstab().entries.into_iter().map(|entry| (entry.at, Setup::Fstab));
    let autofs = host_mounts::autofs().entries.into_iter().map(|entry| (entry.at, Setup::Autofs(entry.file)));
    // If several are not mounted, the outermost comes first.
    let (at, setup) = units
        .chain(fstab)
        .chain(autofs)
        .filter(|(at, _)| due(at))
        .min_by_key(|(at, _)| at.components().count())?;
    let shown = escaped(&at);
    let (by, fix) = match setup {
        Setup::Unit(unit) => (
            format!("systemd's {}", escaped(&unit)),
            unit.to_str().map_or_else(
                || "start that unit".into(),
                |unit| Command::new("systemctl start").arg(Name(unit)).into(),
            ),
        ),
        Setup::Fstab => (
            "/etc/fstab".into(),
            Fix::or(
                root_path(&at).map(|at| Command::new("mount").arg(&at)),
                format!("mount what belongs at {shown}"),
            ),
        ),
        Setup::Autofs(map) => (
            escaped(&map).to_string(),
            "start the automounter (systemctl start autofs), and enable it at boot".into(),
        ),
    };
    Some(Unmounted {
        why: format!("does not exist: nothing is mounted at {shown}, a mount point of {by}"),
        fix,
    })
}

/// What says that something is mounted there.
enum Setup {
    Unit(std::ffi::OsString),
    Fstab,
    /// The map.
    Autofs(PathBuf),
}

/// Whether something is mounted there. O_DIRECTORY would make an automounter mount, so it is not used.
fn is_mounted(at: &Path) -> bool {
    directory::open_path(at).and_then(directory::is_mount_root).unwrap_or(false)
}

/// Whether an automounter waits there to mount.
fn is_automount(at: &Path) -> bool {
    directory::open_path(at).and_then(mount::is_autofs).unwrap_or(false)
}
