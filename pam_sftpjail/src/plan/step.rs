//! What a jail is made of, as plain data: one loop in [`crate::jail`] does it.

use super::guard_point::GuardPoint;
use crate::sys::directory::NewDirectory;
use crate::sys::identity::Owner;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// What stands at a path of the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    Directory,
    File,
    /// The home or a volume.
    Tree {
        read_only: bool,
    },
    Log,
}

/// One step; paths are relative to the jail.
#[derive(Debug)]
pub(crate) enum Step {
    /// A directory of root's, mode 0755; those above it exist.
    Directory { at: PathBuf },
    /// A file of root's, mode 0644.
    File { at: PathBuf, content: Vec<u8> },
    /// The tree at the source, hardened, onto the directory or file that exists at `at`.
    Mount { at: PathBuf, source: Source, read_only: bool, role: Role },
}

/// What a mounted tree is to the jail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Home,
    Volume,
    VolumeInHome,
    /// A part of this one's home that is mounted over itself.
    Guard(Owner),
    Log,
}

impl Role {
    /// Whether it is left out where there is nothing to mount, or to mount on.
    pub(crate) fn is_optional(self) -> bool {
        matches!(self, Self::VolumeInHome | Self::Log)
    }

    pub(crate) fn is_guard(self) -> bool {
        matches!(self, Self::Guard(_))
    }
}

/// Where a mounted tree comes from.
#[derive(Debug)]
pub(crate) enum Source {
    Open(OwnedFd),
    /// Made by the first session.
    Missing(NewDirectory),
    /// Made by the first session as well, but by no rehearsal.
    Placeholder(GuardPoint),
}

/// Steps in order, in which every directory stands once.
#[derive(Default)]
pub(super) struct Steps(pub(super) Vec<Step>);

impl Steps {
    pub(super) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    /// Steps for every component of a relative path that are not there yet.
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
