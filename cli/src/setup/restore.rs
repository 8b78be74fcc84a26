//! Does what a [`Restoration`] says: first sshd's files, then PAM's, once sshd has been reloaded, then the others.
//!
//! It can be killed at any point and run again. At an error it stops, and what was done stays done: as long as the
//! running sshd has the `Match` block, the jail root and PAM's lines must stay; as long as PAM's lines are there, the
//! module must stay.

use super::atomic;
use super::group;
use super::journal::{Journal, Phase, State, Step};
use super::restoration::{Action, FileAction, Part, Restoration};
use super::sshd::Sshd;
use super::{apparmor, reload, selinux, syslog, user_manager};
use crate::desired::expiry::is_unit;
use crate::host::service_mounts;
use crate::host::sshd::daemon::Daemon;
use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::reap::{reap, release_jail_root};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// What to do if sshd cannot be reloaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IfNotReloaded {
    /// To stop, so that members that the running sshd still sends into the jail root are not refused.
    Stop,
    /// To go on: sshd has not read the `Match` block yet, as it was never reloaded after it was written.
    GoOn,
}

/// What was done.
#[derive(Default)]
pub(super) struct Done {
    /// Sentences on what was reloaded.
    pub(super) reloaded: Vec<String>,
    /// Clauses on what stays, or was not reloaded.
    pub(super) notes: Vec<String>,
    /// Whether something stays.
    pub(super) is_incomplete: bool,
}

/// Undoes the unsettled steps of the journal as `restoration` says, which is of these steps.
pub(super) fn unsettled(
    state: &State,
    mut journal: Journal,
    restoration: Restoration,
    if_not_reloaded: IfNotReloaded,
) -> Result<Done, Error> {
    let Restoration { actions, mut stays, notes, has_sshd, jail_roots, .. } = restoration;
    let mut done = Done { notes, ..Done::default() };
    let before = (journal.phase, journal.settled, journal.until);
    journal.phase = Phase::Undoing;
    state.save(&journal)?;
    if let Err(error) = stage(&journal, &actions) {
        // Nothing was changed. If this fails, too, the next setup goes on with the undo.
        (journal.phase, journal.settled, journal.until) = before;
        let _ = state.save(&journal);
        return Err(error.and("Undo has changed nothing"));
    }
    let files = || journal.unsettled().iter().filter_map(Step::file);
    let has = |condition: fn(&Path) -> bool| files().any(condition);
    let for_syslog = has(syslog::is_read_by_rsyslog) || has(apparmor::is_for_rsyslog);
    let (with_timer, for_selinux) = (has(is_unit), has(selinux::is_policy));
    let for_systemd = with_timer || has(user_manager::is_read_by_systemd);
    let confined: Vec<_> = files().filter(|path| apparmor::is_read_by_apparmor(path)).collect();
    let (of_sshd, others): (Vec<_>, Vec<_>) =
        actions.into_iter().partition(|action| action.part() == Part::Sshd);
    of_sshd.iter().try_for_each(commit)?;
    match reload_sshd(has_sshd, &journal.sshd_configs) {
        Ok(sentences) => done.reloaded.extend(sentences),
        Err(error) if if_not_reloaded == IfNotReloaded::GoOn => {
            done.notes.push(format!("sshd was not reloaded: {error}"));
        }
        Err(error) => {
            return Err(error.and(
                "sshd was not reloaded, so PAM's lines and the jail root stay; fix that, and run this again",
            ));
        }
    }
    for action in &others {
        if let Action::Directory(path) = action {
            if jail_roots.contains(path) {
                empty_jail_root(path);
            }
        }
        if let Some(note) = commit_or_keep(action, journal.unsettled(), &mut stays)? {
            done.notes.push(note);
        }
    }
    if for_systemd {
        if let Err(error) = reload::units(with_timer) {
            done.notes.push(format!("systemd has not read its files again: {error}"));
        }
    }
    match selinux::load(for_selinux, &jail_roots) {
        Ok(sentence) => done.reloaded.extend(sentence),
        Err(error) => done.notes.push(format!("SELinux has not read the policy module again: {error}")),
    }
    match apparmor::load(confined) {
        Ok(sentences) => done.reloaded.extend(sentences),
        Err(error) => done.notes.push(format!("AppArmor has not read its profiles again: {error}")),
    }
    if for_syslog {
        done.reloaded.push(reload::rsyslog());
    }
    done.is_incomplete = stays.contains(&true);
    state.forget_undone(journal, &stays)?;
    Ok(done)
}

/// Removes what logins with jails in the host's namespace leave in the jail root, and what they make of it: a mount of
/// itself. Where an sshd has a mount namespace of its own, they have done so there.
fn empty_jail_root(path: &Path) {
    let empty = || {
        // An error is ignored: then the directory cannot be removed, and that is reported.
        let _ = reap(path);
        release_jail_root(path);
    };
    // Those that cannot be seen are as above.
    for process in service_mounts::others().found {
        // As above.
        let _ = service_mounts::within(&process, empty);
    }
    empty();
}

/// Writes the new contents beside the files: what needs room on the disk fails before anything is changed.
fn stage(journal: &Journal, actions: &[Action]) -> Result<(), Error> {
    let unstage = || -> Result<(), Error> {
        for step in journal.unsettled() {
            if let Step::File { path, .. } = step {
                atomic::unstage(path)?;
            }
        }
        Ok(())
    };
    unstage()?;
    let staged = actions.iter().try_for_each(|action| match action {
        Action::File(FileAction { target, now, then, modified, .. }) => {
            if target.read()?.as_ref() != Some(now) {
                let what =
                    format!("{} was changed while undo was showing the changes", escaped(target.path()));
                return Err(Error::new(what, "run this again"));
            }
            then.iter().try_for_each(|then| atomic::stage(target, then, 0o644, *modified))
        }
        Action::Directory(_) | Action::Group { .. } => Ok(()),
    });
    staged.inspect_err(|_| {
        // If this fails, nothing reads the files, and the next run removes them.
        let _ = unstage();
    })
}

fn commit(action: &Action) -> Result<(), Error> {
    match action {
        Action::File(FileAction { target, then: Some(_), .. }) => atomic::commit(target.path()),
        Action::File(FileAction { target, then: None, .. }) => atomic::remove(target.path()),
        Action::Directory(_) | Action::Group { .. } => Ok(()),
    }
}

/// Does it, or gives the clause that says why it stays; then its steps stay, too.
fn commit_or_keep(action: &Action, steps: &[Step], stays: &mut [bool]) -> Result<Option<String>, Error> {
    let why = match action {
        Action::File(_) => commit(action).map(|()| None)?,
        Action::Directory(path) => match atomic::remove_directory(path)? {
            true => None,
            false => Some(format!("{} stays, because it is not empty, or is in use", escaped(path))),
        },
        Action::Group { name, files } => {
            let reason = group::restore(name, files, &Step::groups(steps))?;
            reason.map(|why| format!("the group {} stays, because {why}", escaped(name)))
        }
    };
    if why.is_some() {
        for (step, stays) in steps.iter().zip(stays) {
            *stays |= action.undoes(step);
        }
    }
    Ok(why)
}

/// The error: an sshd could not be made to read its files again, so nothing should be changed. `has_sshd` and `others`
/// as for [`reload_sshd`]. sshd is not asked whether its files are correct, since undo may be what corrects them.
pub(super) fn sshd_can_be_reloaded(has_sshd: bool, others: &BTreeSet<PathBuf>) -> Result<(), Error> {
    if !has_sshd {
        return Ok(());
    }
    // Where it is not installed, nothing has to be reloaded.
    let Ok(usual) = Daemon::find(None) else { return Ok(()) };
    reload::examine(&usual)?;
    others.iter().try_for_each(|file| reload::examine(&Daemon::find(Some(file))?))
}

/// Makes every sshd read its files again. Gives the sentences that say how. `has_sshd`: whether setup wrote any of
/// them. `others`: the configurations of further sshds.
fn reload_sshd(has_sshd: bool, others: &BTreeSet<PathBuf>) -> Result<Vec<String>, Error> {
    if !has_sshd {
        return Ok(Vec::new());
    }
    if Daemon::find(None).is_err() {
        return Ok(vec!["sshd is not installed, so nothing had to be reloaded.".to_owned()]);
    }
    let mut said = vec![reload::sshd(&Sshd::find(None)?)?];
    for file in others {
        if atomic::is_file(file)? {
            said.push(reload::sshd(&Sshd::find(Some(file))?)?);
        }
    }
    Ok(said)
}
