//! What becomes of one file that setup has written, perhaps several times, when all of that is undone.

use super::obstacle::{Edit, Way};
use super::part::Part;
use crate::desired::pam::OURS;
use crate::report::Error;
use crate::setup::atomic;
use crate::setup::journal::{Backup, Replaced, Step};
use crate::setup::syslog::LOG;
use crate::setup::target::Target;
use std::path::Path;
use std::time::SystemTime;

/// A file of the journal.
pub(super) struct OwnFile<'s> {
    pub(super) path: &'s Path,
    pub(super) part: Part,
    pub(super) fate: Fate,
}

/// What becomes of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// It is as it was before setup.
    Done,
    /// Others have removed it; it was there before setup.
    Removed,
    Restored {
        target: Target,
        now: Vec<u8>,
        /// `None`: it is removed.
        then: Option<Vec<u8>>,
        /// The time of change that it gets, if all of it is as before.
        modified: Option<SystemTime>,
        edits: Edits,
    },
    /// It cannot be restored.
    Stays {
        /// What is so, as the predicate of a sentence.
        why: &'static str,
        way: Way,
        edit: Option<Edit>,
    },
}

/// What becomes of the edits of others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edits {
    None,
    /// They stay in the file.
    Stay,
    /// A setup has accepted them, and they go with what setup wrote.
    Go,
}

/// One time that setup wrote the file.
struct Written<'s> {
    before: Option<&'s Backup>,
    after: &'s str,
    copy: Option<&'s Backup>,
    inserted: &'s [String],
    replaced: &'s [Replaced],
    accepted: Option<&'s str>,
}

impl Written<'_> {
    /// Whether all of the file was written.
    fn is_whole(&self) -> bool {
        self.inserted.is_empty() && self.replaced.is_empty()
    }

    /// What it wrote between lines of others.
    fn texts(&self) -> impl Iterator<Item = &str> {
        self.inserted.iter().chain(self.replaced.iter().map(|line| &line.is)).map(String::as_str)
    }

    /// Whether it has only written again what others had removed or changed of an `earlier` one's texts, and all of
    /// these are in `content`: to undo the earlier one is enough.
    fn is_repair(&self, earlier: &[Self], content: &[u8]) -> Result<bool, Error> {
        let has_all = |e: &&Self| self.texts().all(|text| e.texts().any(|earlier| earlier.ends_with(text)));
        let Some(repaired) = earlier.iter().rev().find(has_all).filter(|_| !self.is_whole()) else {
            return Ok(false);
        };
        if atomic::digest(content) == repaired.after {
            return Ok(true);
        }
        let before = self.before.map(Backup::read).transpose()?.flatten();
        let was_broken = before.is_none_or(|before| without(&before, repaired) == Without::Unknown);
        Ok(was_broken && matches!(without(content, repaired), Without::Rest(_)))
    }
}

impl<'s> OwnFile<'s> {
    /// All files that these steps wrote, oldest first.
    pub(super) fn all(steps: &'s [Step]) -> Result<Vec<Self>, Error> {
        let mut files: Vec<Self> = Vec::new();
        for step in steps {
            if let Step::File { path, .. } = step {
                if !files.iter().any(|file| file.path == path) {
                    files.push(Self::read(path, steps)?);
                }
            }
        }
        Ok(files)
    }

    /// The file of this path, which some of the steps wrote.
    fn read(path: &'s Path, steps: &'s [Step]) -> Result<Self, Error> {
        let mut written = Vec::new();
        for step in steps {
            if let Step::File { path: own, before, after, written: copy, inserted, replaced, accepted } = step
            {
                if own == path {
                    let (before, copy, accepted) = (before.as_ref(), copy.as_ref(), accepted.as_deref());
                    written.push(Written { before, after, copy, inserted, replaced, accepted });
                }
            }
        }
        let inserted: Vec<_> = written.iter().flat_map(|written| written.inserted).cloned().collect();
        Ok(Self { path, part: Part::of_file(path, &inserted), fate: fate(path, &written)? })
    }

    /// The content that the file is to have; the outer `None`: it is not changed.
    pub(super) fn then(&self) -> Option<Option<&[u8]>> {
        match &self.fate {
            Fate::Restored { then, .. } => Some(then.as_deref()),
            _ => None,
        }
    }
}

fn fate(path: &Path, written: &[Written<'_>]) -> Result<Fate, Error> {
    let before_all = written.first().and_then(|first| first.before);
    let Some(now) = atomic::read(path)? else {
        return Ok(if before_all.is_some() { Fate::Removed } else { Fate::Done });
    };
    let stays = |why, edit| {
        let is_whole = written.iter().all(Written::is_whole);
        let backup = before_all.map(Backup::found).transpose()?.flatten();
        let way = match (backup, is_whole) {
            (None, true) if before_all.is_none() => Way::MoveAway,
            (None, true) => Way::None,
            (Some(backup), true) => Way::PutBack(backup),
            (backup, false) => Way::RemoveOurs(backup),
        };
        Ok(Fate::Stays { why, way, edit })
    };
    if path.is_symlink() {
        return stays("has become a symlink since setup", None);
    }
    let mut then = now.clone();
    let mut modified = None;
    let mut edits = Edits::None;
    // Whether the next setup began with this content, and so has accepted it.
    let mut was_begun_with = false;
    for (i, step) in written.iter().enumerate().rev() {
        let digest = atomic::digest(&then);
        let is_of = |before: &Backup| before.is_of(&then);
        let earlier = written.get(..i).unwrap_or_default();
        let is_accepted = step.is_whole() && (was_begun_with || step.accepted == Some(digest.as_str()));
        was_begun_with = false;
        if step.before.is_some_and(is_of) {
            (edits, modified) = (Edits::None, step.before.and_then(|before| before.modified));
            was_begun_with = true;
        } else if step.is_repair(earlier, &then)? {
            // The earlier step comes to it.
        } else if digest == step.after || is_accepted {
            if digest != step.after {
                edits = Edits::Go;
            }
            match step.before {
                None => {
                    let target = Target::ours(path)?;
                    return Ok(Fate::Restored { target, now, then: None, modified: None, edits });
                }
                Some(before) => match (before.read()?, without(&then, step)) {
                    (Some(bytes), _) => (then, modified) = (bytes, before.modified),
                    (None, Without::Rest(rest)) => (then, modified) = (rest, before.modified),
                    (None, _) => return stays("has lost its backup", None),
                },
            }
            was_begun_with = true;
        } else if earlier.iter().any(|e| e.before.is_some_and(is_of) || digest == e.after) {
            // A run that was killed has undone this step already.
        } else {
            match without(&then, step) {
                Without::Rest(rest) => then = rest,
                Without::NothingOfIt => {}
                Without::Unknown => {
                    let copy =
                        written.last().and_then(|last| last.copy).map(Backup::read).transpose()?.flatten();
                    let edit = copy.map(|written| Edit { path: path.to_owned(), written, now });
                    return stays("has been edited since setup", edit);
                }
            }
            (edits, modified) = (Edits::Stay, None);
        }
    }
    if then == now {
        return Ok(Fate::Done);
    }
    Ok(Fate::Restored { target: Target::ours(path)?, now, then: Some(then), modified, edits })
}

/// A content without what setup inserted, and with the former lines.
#[derive(Debug, PartialEq, Eq)]
enum Without {
    Rest(Vec<u8>),
    /// None of setup's texts and lines is there.
    NothingOfIt,
    /// Some of them are missing, or there several times, or all of the content was setup's.
    Unknown,
}

fn without(content: &[u8], written: &Written<'_>) -> Without {
    let Ok(text) = std::str::from_utf8(content) else { return Without::Unknown };
    let inserted = written.inserted.iter().map(|text| (text.as_str(), ""));
    let replaced = written.replaced.iter().map(|line| (line.is.as_str(), line.was.as_str()));
    let edits: Vec<_> = inserted.chain(replaced).collect();
    if edits.is_empty() {
        return Without::Unknown;
    }
    let ours: Vec<_> = settings(edits.iter().flat_map(|(is, _)| is.lines())).collect();
    let is_ours = |line: &str| ours.contains(&line) || line.contains(OURS) || line.contains(LOG);
    if !settings(text.lines()).any(is_ours) {
        return Without::NothingOfIt;
    }
    let mut rest = text.to_owned();
    for (is, was) in edits {
        let mut found = rest.match_indices(is).map(|(at, _)| at);
        let (Some(at), None) = (found.next(), found.next()) else { return Without::Unknown };
        rest.replace_range(at..at + is.len(), was);
    }
    Without::Rest(rest.into_bytes())
}

/// The lines that are neither empty nor comments, trimmed.
fn settings<'t>(lines: impl Iterator<Item = &'t str>) -> impl Iterator<Item = &'t str> {
    lines.map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn without_texts(content: &str, inserted: &[&str], replaced: &[(&str, &str)]) -> Without {
        let inserted: Vec<_> = inserted.iter().map(|&text| text.to_owned()).collect();
        let replaced: Vec<_> =
            replaced.iter().map(|&(was, is)| Replaced { was: was.into(), is: is.into() }).collect();
        let written = Written {
            before: None,
            after: "",
            copy: None,
            inserted: &inserted,
            replaced: &replaced,
            accepted: None,
        };
        without(content.as_bytes(), &written)
    }

    #[test]
    fn only_texts_that_are_there_once_are_removed() {
        let rest = |text: &str| Without::Rest(text.into());
        assert_eq!(without_texts("a\nours\nb\n", &["ours\n"], &[]), rest("a\nb\n"));
        assert_eq!(without_texts("ours\nours\n", &["ours\n"], &[]), Without::Unknown);
        assert_eq!(without_texts("a\n", &["ours\n"], &[]), Without::NothingOfIt);
        assert_eq!(without_texts("a\n", &[], &[]), Without::Unknown);
        let replaced = [("old\n", "new\n")];
        assert_eq!(without_texts("ours\na\nnew\nb\n", &["ours\n"], &replaced), rest("a\nold\nb\n"));
        assert_eq!(without_texts("ours\na\n", &["ours\n"], &replaced), Without::Unknown);
        assert_eq!(without_texts("a\n", &["# a comment\nours\n"], &[]), Without::NothingOfIt);
        let line = "session required pam_sftpjail.so\n";
        assert_eq!(without_texts("session optional pam_sftpjail.so\n", &[line], &[]), Without::Unknown);
    }
}
