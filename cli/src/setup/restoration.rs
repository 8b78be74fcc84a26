//! What undoing the journal's steps comes to, as a value: what is done in which order, what stays, and why. It reads
//! the files of the system, and changes none; `restore` does what it says.

mod file;
mod needs;
pub(super) mod obstacle;
mod part;
mod staying;

use super::atomic;
use super::group;
use super::journal::{Backup, Step};
use super::target::Target;
use crate::host::configuration;
use crate::report::Error;
use crate::writing::difference;
use file::{Edits, Fate, OwnFile};
use needs::{Needs, of_sshd};
pub(super) use needs::{jail_roots, names_module, pam_files};
use obstacle::Obstacle;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::reap::left;
pub(super) use part::Part;
use std::fmt::{self, Display};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// What undoing some steps comes to.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Restoration {
    /// What is done, in this order.
    pub(super) actions: Vec<Action>,
    /// For each of the steps, whether something of it stays, so that it stays in the journal.
    pub(super) stays: Vec<bool>,
    /// A clause for each thing that stays, and for each file that others have edited or removed.
    pub(super) notes: Vec<String>,
    /// What only `--force` goes on with: something stays that would have been removed if nobody had edited a file, or if
    /// no `Match` block needed it.
    pub(super) obstacles: Vec<Obstacle>,
    /// A clause for each file whose edits go with it, because a setup has accepted them.
    pub(super) going: Vec<String>,
    /// Whether a file of sshd's is among what setup wrote, so that sshd has to be reloaded.
    pub(super) has_sshd: bool,
    /// The jail roots, as they are now.
    pub(super) jail_roots: Vec<PathBuf>,
}

/// One thing that undoing does.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    File(FileAction),
    /// Removes a directory, if it is empty by then.
    Directory(PathBuf),
    /// Removes a group that nobody is in.
    Group {
        name: String,
        files: Vec<(PathBuf, Option<Backup>)>,
    },
}

/// A file that is written or removed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FileAction {
    pub(super) part: Part,
    pub(super) target: Target,
    pub(super) now: Vec<u8>,
    /// `None`: it is removed.
    pub(super) then: Option<Vec<u8>>,
    /// The time of change that it gets; `None`: now.
    pub(super) modified: Option<SystemTime>,
}

/// As setup shows its changes.
impl Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(FileAction { target, now, then, .. }) => {
                difference::write(f, target.path(), Some(now), then.as_deref())
            }
            Self::Directory(path) => writeln!(f, "rmdir {}", escaped(path)),
            Self::Group { name, .. } => writeln!(f, "groupdel {}", escaped(name)),
        }
    }
}

/// Which steps of the journal are undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Extent {
    /// All: no setup is left, so what a `Match` block needs has to be looked at.
    All,
    /// Those of the last setup. What was there before it needed nothing of it.
    Last,
}

impl Restoration {
    /// What undoing `steps`, oldest first, comes to. The error: something cannot be read, or may not be written.
    pub(super) fn of(steps: &[Step], extent: Extent) -> Result<Self, Error> {
        let files = OwnFile::all(steps)?;
        let config = configuration::load(None).map_err(Error::from);
        let jail_roots = jail_roots(config.as_ref().ok(), of_sshd(&files));
        let needs = Needs::of(&files, config.as_ref().ok(), &jail_roots, extent)?;
        let has_sshd = of_sshd(&files).next().is_some();
        let added_groups = Step::groups(steps);
        let mut making = Making { needs, files, jail_roots, has_sshd, added_groups, ..Making::default() };
        if let Err(error) = config {
            let clause = format!("it is unknown which jail root sshd's lines still need ({})", error.what);
            making.obstacles.push(Obstacle::Configuration(clause));
        }
        // Several setups may have written the same file: the newest step decides, and the others go with it.
        let stays = steps.iter().rev().map(|step| making.undo(step)).collect::<Result<Vec<_>, _>>()?;
        Ok(making.finish(stays.into_iter().rev().collect()))
    }
}

/// A [`Restoration`] that is being made.
#[derive(Default)]
struct Making<'s> {
    files: Vec<OwnFile<'s>>,
    added_groups: Vec<&'s str>,
    needs: Needs,
    jail_roots: Vec<PathBuf>,
    has_sshd: bool,
    actions: Vec<Action>,
    notes: Vec<String>,
    obstacles: Vec<Obstacle>,
    going: Vec<String>,
    /// What a `Match` block that stays needs, and what a line of PAM needs.
    for_block: Vec<String>,
    for_pam: Vec<String>,
    /// The files and directories that are removed, and those that stay for a reason that is given.
    removed: Vec<PathBuf>,
    explained: Vec<PathBuf>,
}

impl Making<'_> {
    /// Adds what undoing this step comes to. Gives whether something of it stays.
    fn undo(&mut self, step: &Step) -> Result<bool, Error> {
        match step {
            Step::File { path, .. } => Ok(self.file(path)),
            Step::Directory { path } => self.directory(path),
            // Several setups may have added the same group.
            Step::Group { .. } if self.actions.iter().any(|action| action.undoes(step)) => Ok(false),
            Step::Group { name, files } => self.group(name, files),
        }
    }

    fn file(&mut self, path: &Path) -> bool {
        let Some(at) = self.files.iter().position(|file| file.path == path) else {
            // A newer step has decided.
            return self.explained.iter().any(|explained| explained == path);
        };
        let OwnFile { part, fate, .. } = self.files.remove(at);
        let shown = escaped(path);
        match fate {
            Fate::Done => false,
            Fate::Removed => {
                self.notes.push(format!("{shown} has been removed since setup, and stays so"));
                false
            }
            Fate::Stays { why, way, edit } => {
                let consequence = part.consequence(self.needs.block.is_some() || self.needs.pam.is_some());
                self.notes.push(format!("{shown} {why}, so it stays as it is: {consequence}"));
                self.obstacles.push(Obstacle::File { path: path.to_owned(), why, way, edit });
                self.explained.push(path.to_owned());
                true
            }
            // Another version of the module is as good for what needs it.
            Fate::Restored { ref then, .. }
                if (part != Part::Module || then.is_none()) && self.is_needed(part, shown.to_string()) =>
            {
                self.explained.push(path.to_owned());
                true
            }
            Fate::Restored { target, now, then, modified, edits } => {
                match edits {
                    Edits::None => {}
                    Edits::Stay => {
                        let what = "has been edited since setup, so only what setup added is removed";
                        self.notes.push(format!("{shown} {what}"));
                    }
                    Edits::Go => {
                        self.going
                            .push(format!("{shown} has edits that setup has accepted; they go with it"));
                    }
                }
                if then.is_none() {
                    self.removed.push(path.to_owned());
                }
                self.actions.push(Action::File(FileAction { part, target, now, then, modified }));
                false
            }
        }
    }

    fn directory(&mut self, path: &Path) -> Result<bool, Error> {
        if !atomic::is_directory(path)? || self.removed.iter().any(|own| own == path) {
            return Ok(false);
        }
        let is_jail_root = self.jail_roots.iter().any(|root| root == path);
        if is_jail_root && self.is_needed(Part::Other, escaped(path).to_string()) {
            self.explained.push(path.to_owned());
            return Ok(true);
        }
        let failed = |error: std::io::Error| Error::with(path, "be read", &error);
        let left = if is_jail_root { left(path, None).unwrap_or_default() } else { Vec::new() };
        let entries = path.read_dir().and_then(|entries| entries.collect::<std::io::Result<Vec<_>>>());
        let mut staying: Vec<_> = entries.map_err(failed)?.iter().map(fs::DirEntry::path).collect();
        staying.retain(|at| !self.removed.contains(at) && !left.contains(at) && !atomic::is_staged(at));
        if staying.is_empty() {
            self.removed.push(path.to_owned());
            self.actions.push(Action::Directory(path.to_owned()));
            return Ok(false);
        }
        staying.retain(|at| !self.explained.contains(at));
        if !staying.is_empty() {
            self.notes.push(staying::clause(path, &staying));
        }
        self.explained.push(path.to_owned());
        Ok(true)
    }

    fn group(&mut self, name: &str, files: &[(PathBuf, Option<Backup>)]) -> Result<bool, Error> {
        let shown = format!("the group {}", escaped(name));
        match group::removal(name, files, &self.added_groups)? {
            group::Removal::Done => Ok(false),
            group::Removal::Impossible(why) => {
                let note = format!("{shown} stays, because {why}");
                if !self.notes.contains(&note) {
                    self.notes.push(note);
                }
                Ok(true)
            }
            group::Removal::Possible if self.is_needed(Part::Other, shown) => Ok(true),
            group::Removal::Possible => {
                self.actions.push(Action::Group { name: name.to_owned(), files: files.to_owned() });
                Ok(false)
            }
        }
    }

    /// Whether something that stays needs what is for `part`. `shown`: what it is, for the note.
    fn is_needed(&mut self, part: Part, shown: String) -> bool {
        if self.needs.has_block_for(part) {
            self.for_block.push(shown);
        } else if self.needs.has_pam_for(part) {
            self.for_pam.push(shown);
        } else {
            return false;
        }
        true
    }

    fn finish(mut self, stays: Vec<bool>) -> Restoration {
        if let Some(block) = self.needs.block.as_ref().filter(|_| !self.for_block.is_empty()) {
            let what = format!("sshd still sends users into the jail root ({block})");
            self.notes.push(format!("these stay, because {what}: {}", self.for_block.join(", ")));
            // A login makes the jail root, if it is missing.
            let is_more = self.for_block.len()
                > self.explained.iter().filter(|own| self.jail_roots.contains(own)).count();
            if is_more && self.obstacles.is_empty() {
                self.obstacles.push(Obstacle::Block(what));
            }
        }
        if let Some(file) = self.needs.pam.as_ref().filter(|_| !self.for_pam.is_empty()) {
            let (file, these) = (escaped(file), self.for_pam.join(", "));
            self.notes.push(format!("these stay, because {file} still names the module: {these}"));
        }
        self.actions.sort_by_key(Action::part);
        Restoration {
            actions: self.actions,
            stays,
            notes: self.notes,
            obstacles: self.obstacles,
            going: self.going,
            has_sshd: self.has_sshd,
            jail_roots: self.jail_roots,
        }
    }
}

impl Action {
    /// Whether it undoes this step.
    pub(super) fn undoes(&self, step: &Step) -> bool {
        match (self, step) {
            (Self::File(file), Step::File { path, .. }) => file.target.path() == path,
            (Self::Directory(own), Step::Directory { path }) => own == path,
            (Self::Group { name: own, .. }, Step::Group { name, .. }) => own == name,
            _ => false,
        }
    }

    /// Of the parts, only these two come before the others, which keep their order.
    pub(super) fn part(&self) -> Part {
        match self {
            Self::File(FileAction { part: part @ (Part::Sshd | Part::Pam), .. }) => *part,
            _ => Part::Other,
        }
    }
}
