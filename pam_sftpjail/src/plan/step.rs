//! The steps that build a jail, as plain data. They do nothing; a loop in [`crate::jail`] carries them out.

use super::guard_point::GuardPoint;
use crate::sys::identity::Owner;
use crate::sys::idmap::Swap;
use crate::sys::new_directory::NewDirectory;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What is at a path of the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Directory,
    File,
    /// The home or a volume.
    Tree {
        read_only: bool,
    },
    /// The way to syslog.
    Log,
}

/// One step; paths are relative to the jail.
#[derive(Debug)]
pub(crate) enum Step {
    /// Makes a directory (root, 0755); those above it exist.
    Directory { at: PathBuf },
    /// Writes a file (root, 0644).
    File { at: PathBuf, content: Vec<u8> },
    /// Mounts the source's tree, hardened, on the directory or file that exists at `at`. `ids`: those that change
    /// places in it.
    Mount { at: PathBuf, source: Source, read_only: bool, ids: Option<Swap>, role: Role },
}

/// What a mounted tree is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Home,
    Volume,
    VolumeInHome,
    /// One for which the home has no directory. Nothing is mounted, whatever is made there meanwhile.
    LeftOut,
    /// A part of this owner's home that is mounted over itself.
    Guard(Owner),
    /// The same, of a directory above a volume in the home.
    Above(Owner),
    Log,
}

impl Role {
    pub(super) fn of_volume(is_in_home: bool, is_left_out: bool) -> Self {
        match (is_in_home, is_left_out) {
            (false, _) => Self::Volume,
            (true, false) => Self::VolumeInHome,
            (true, true) => Self::LeftOut,
        }
    }

    /// Whose home it is, if it is a part of that which is mounted over itself.
    pub(crate) fn over_itself(self) -> Option<Owner> {
        match self {
            Self::Guard(owner) | Self::Above(owner) => Some(owner),
            _ => None,
        }
    }
}

/// Where a mounted tree comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Open(OwnedFd),
    /// The first session makes it, and no rehearsal does.
    Missing(NewDirectory),
    /// What a rehearsal has instead: an empty directory, as the root of a detached mount.
    StandIn(OwnedFd),
    /// The first session makes it, and no rehearsal does.
    Placeholder(GuardPoint),
}

/// Steps in order. Each directory occurs once.
#[derive(Default)]
pub(super) struct Steps(pub(super) Vec<Step>);

impl Steps {
    pub(super) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Adds a step for every component of a relative path that has none yet.
    pub(super) fn directories(&mut self, path: &Path) {
        let mut at = PathBuf::new();
        for component in path.components() {
            at.push(component);
            let is_there = |step: &Step| matches!(step, Step::Directory { at: other } if *other == at);
            if !self.0.iter().any(is_there) {
                self.0.push(Step::Directory { at: at.clone() });
            }
        }
    }
}
