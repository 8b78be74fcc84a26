//! Plans that no session renames a directory between the home and a volume in it.
//!
//! Each is mounted over itself, writable, as those above a guarded name are. Else a session could rename it, and make
//! another one: the volume would be elsewhere than the log says, and `audit` would take other files for those of the
//! volume. Where the home has no directory for the volume, or is read-only, there is nothing to do.

use super::guard::Home;
use super::guard_point::replaced;
use super::volume::CheckedVolume;
use super::{Role, Source, Step};
use crate::config::{HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::path::Normalised;
use crate::sys::SysError;
use nix::errno::Errno;
use nix::fcntl::OFlag;
use std::path::{Path, PathBuf};

/// Adds the steps to those of the guard, which has some of these directories already. They come before the volumes.
pub(super) fn add(
    profile: &Profile,
    home: &Home<'_>,
    volumes: &[CheckedVolume],
    steps: &mut Vec<Step>,
) -> Result<(), Refusal> {
    if profile.home == HomeAccess::ReadOnly {
        return Ok(());
    }
    let home_at = Normalised::of(home.at.iter());
    for volume in volumes {
        let Some([above @ .., _]) = volume.target().components().strip_prefix(home_at.components()) else {
            continue;
        };
        if above.is_empty() || volume.paths().is_none() {
            continue;
        }
        for count in 1..=above.len() {
            let below: PathBuf = above.iter().take(count).collect();
            let at = home.at.join(&below);
            if steps.iter().any(|step| matches!(step, Step::Mount { at: other, .. } if *other == at)) {
                continue;
            }
            let opened = home.on_disk.owner.open_below(home.directory, &below, OFlag::O_DIRECTORY);
            let opened = opened.map_err(|errno| {
                let shown = Path::new("/").join(&at);
                match errno {
                    // It was there when the volume was checked.
                    Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP => replaced(&shown),
                    errno => SysError::of("openat2", escaped(&shown))(errno).into(),
                }
            })?;
            let (ids, role) = (home.on_disk.ids, Role::Above(home.owner));
            steps.push(Step::Mount { at, source: Source::Open(opened), read_only: false, ids, role });
        }
    }
    Ok(())
}
