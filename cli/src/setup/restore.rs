//! Undoes the steps of the journal, the last one first. What others have changed since stays.

use super::atomic;
use super::group;
use super::journal::{Backup, Journal, Phase, Replaced, State, Step};
use super::target::Target;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use std::path::{Path, PathBuf};

/// Undoes every step that is not settled. Gives a sentence for each thing that was kept.
///
/// It can be killed at any point and run again. It stops at the first error: while PAM's lines are there, the
/// module, which an earlier step installed, must stay.
pub(super) fn unsettled(state: &State, mut journal: Journal) -> Result<Vec<String>, Error> {
    journal.phase = Phase::Undoing;
    state.save(&journal)?;
    for step in journal.unsettled() {
        if let Step::File { path, .. } = step {
            atomic::unstage(path)?;
        }
    }
    let mut kept = Vec::new();
    for step in journal.unsettled().iter().rev() {
        // Several setups may have written the same file.
        let new = undo(step, state)?.filter(|sentence| !kept.contains(sentence));
        kept.extend(new);
    }
    state.forget_unsettled(journal)?;
    Ok(kept)
}

/// Undoes one step. Gives a sentence if something was kept.
fn undo(step: &Step, state: &State) -> Result<Option<String>, Error> {
    match step {
        Step::Directory { path } => Ok(match atomic::remove_directory(path)? {
            true => None,
            false => Some(format!("{} is kept, because it is not empty, or is in use", escaped(path))),
        }),
        Step::Group { name, files } => group::restore(name, files, state),
        Step::File { path, before, after, inserted, replaced } => {
            restore_file(path, before.as_ref(), after, (inserted, replaced), state)
        }
    }
}

/// Undoes a [`Step::File`]. `edits`: its `inserted` and `replaced`.
fn restore_file(
    path: &Path,
    before: Option<&Backup>,
    after: &str,
    edits: (&[String], &[Replaced]),
    state: &State,
) -> Result<Option<String>, Error> {
    let shown = escaped(path);
    let current = match (atomic::read(path)?, before) {
        (None, None) => return Ok(None),
        (None, Some(_)) => return Ok(Some(format!("{shown} has been removed since, and is not restored"))),
        (Some(current), Some(before)) if before.is_of(&current) => return Ok(None),
        (Some(current), _) => current,
    };
    if path.is_symlink() {
        return Ok(Some(format!("{shown} has become a symlink since, and is kept as it is")));
    }
    if let Some(user) = module_user(path, before)? {
        return Ok(Some(format!("{shown} is kept, because {} still names it", escaped(&user))));
    }
    if atomic::digest(&current) == after {
        match before {
            Some(before) => {
                atomic::replace(&Target::ours(path)?, &state.backup(before)?, 0o644, before.modified)?
            }
            None => atomic::remove(path)?,
        }
        return Ok(None);
    }
    match without(&current, edits) {
        Some(rest) => {
            atomic::replace(&Target::ours(path)?, &rest, 0o644, None)?;
            Ok(Some(format!("{shown} has been changed since, so only what setup added is removed")))
        }
        None => Ok(Some(format!("{shown} has been changed since, and is kept as it is"))),
    }
}

/// The content without the inserted texts and with the former lines. `None`: a text or line of setup is
/// missing, or there several times.
fn without(current: &[u8], (inserted, replaced): (&[String], &[Replaced])) -> Option<Vec<u8>> {
    let mut rest = std::str::from_utf8(current).ok()?.to_owned();
    if inserted.is_empty() && replaced.is_empty() {
        return None;
    }
    let inserted = inserted.iter().map(|text| (text.as_str(), ""));
    for (is, was) in inserted.chain(replaced.iter().map(|line| (line.is.as_str(), line.was.as_str()))) {
        let mut found = rest.match_indices(is).map(|(at, _)| at);
        let (Some(at), None) = (found.next(), found.next()) else { return None };
        rest.replace_range(at..at + is.len(), was);
    }
    Some(rest.into_bytes())
}

/// The file of PAM that names the module at `path`, if undo would remove it: nobody could log in any more.
fn module_user(path: &Path, before: Option<&Backup>) -> Result<Option<PathBuf>, Error> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()).filter(|name| name.ends_with(".so"))
    else {
        return Ok(None);
    };
    if before.is_some() {
        return Ok(None);
    }
    let directory = Path::new("/etc/pam.d");
    let failed = |error: std::io::Error| Error::with(directory, "be read", &error);
    for entry in directory.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let text = atomic::read(&entry.path())?.unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        if text.lines().any(|line| line.split('#').next().is_some_and(|line| line.contains(name))) {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_texts_that_are_there_once_are_removed() {
        let text = |s: &str| vec![s.to_owned()];
        assert_eq!(without(b"a\nours\nb\n", (&text("ours\n"), &[])).unwrap(), b"a\nb\n");
        assert_eq!(without(b"ours\nours\n", (&text("ours\n"), &[])), None);
        assert_eq!(without(b"a\n", (&text("ours\n"), &[])), None);
        assert_eq!(without(b"a\n", (&[], &[])), None);
        let replaced = [Replaced { was: "old\n".into(), is: "new\n".into() }];
        assert_eq!(without(b"ours\na\nnew\nb\n", (&text("ours\n"), &replaced)).unwrap(), b"a\nold\nb\n");
        assert_eq!(without(b"ours\na\n", (&text("ours\n"), &replaced)), None);
    }
}
