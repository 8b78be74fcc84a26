//! Whether what is missing lies on a filesystem that is not mounted now.
//!
//! Then it must not be made: it would be made on the disk below, where nobody finds it again once the right
//! one is mounted on top.

use crate::escape::{escaped, word};
use crate::host_mounts;
use crate::sys::{directory, mount};
use std::path::{Path, PathBuf};

/// A mount point above what is missing.
pub struct Unmounted {
    /// The rest of a sentence about what is missing.
    pub why: String,
    pub fix: String,
}

/// The first mount point above `path`, or at it, at which nothing is mounted, or whose automounter gives
/// nothing; `end`: where the way there ended, the first component that is missing.
pub fn above(path: &Path, end: &Path) -> Option<Unmounted> {
    // By its own name, and by that without symlinks.
    let is_above = |at: &Path| path.starts_with(at) || end.starts_with(at);
    if let Some(trap) = end.ancestors().skip(1).find(|at| is_trap(at)) {
        return Some(Unmounted {
            why: format!("does not exist, says the automounter at {}", escaped(trap)),
            fix: "see that the automounter runs (systemctl restart autofs), that its map has an entry for it, and that what it is to mount is there".into(),
        });
    }
    let due = |at: &Path| at != Path::new("/") && is_above(at) && !is_mounted(at);
    let units = host_mounts::units().into_iter().map(|(unit, at)| (at, Setup::Unit(unit)));
    let fstab = host_mounts::fstab().entries.into_iter().map(|entry| (entry.at, Setup::Fstab));
    let autofs = host_mounts::autofs().entries.into_iter().map(|entry| (entry.at, Setup::Autofs(entry.file)));
    // Where several are missing, the outermost first.
    let (at, setup) = units
        .chain(fstab)
        .chain(autofs)
        .filter(|(at, _)| due(at))
        .min_by_key(|(at, _)| at.components().count())?;
    let shown = escaped(&at);
    let (by, fix) = match setup {
        Setup::Unit(unit) => {
            (format!("systemd's {}", escaped(&unit)), format!("systemctl start {}", word(&unit)))
        }
        Setup::Fstab => ("/etc/fstab".into(), format!("mount {}", word(&at))),
        Setup::Autofs(map) => (
            escaped(&map).to_string(),
            "start the automounter (systemctl start autofs), and see that it is started at boot".into(),
        ),
    };
    Some(Unmounted {
        why: format!("does not exist, for nothing is mounted at {shown}, as {by} wants it"),
        fix,
    })
}

enum Setup {
    Unit(std::ffi::OsString),
    Fstab,
    /// In that map.
    Autofs(PathBuf),
}

/// Whether something is mounted there. Not opened as a directory, which would make an automounter mount.
fn is_mounted(at: &Path) -> bool {
    directory::open_path(at).and_then(directory::is_mount_root).unwrap_or(false)
}

/// Whether an automounter waits there.
fn is_trap(at: &Path) -> bool {
    directory::open_path(at).and_then(mount::is_autofs).unwrap_or(false)
}
