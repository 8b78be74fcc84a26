//! `--undo`: shows what it will do and which users sshd will no longer jail, asks, and restores what was there before
//! setup.
//!
//! What that comes to says `restoration`, and `restore` does it. A setup that fails, or that nobody confirmed, is
//! undone in the same way, without a question.

mod affected;
mod traces;

use super::journal::{self, IfLocked, Journal, State};
use super::options::Options;
use super::report::Ending;
use super::restoration::obstacle::{Obstacle, explained};
use super::restoration::{Action, Extent, Restoration};
use super::restore::{self, Done, IfNotReloaded};
use super::{ask, say};
use crate::host::sshd::daemon::Daemon;
use crate::host::sshd::files::SshdConfig;
use crate::report::Error;
use crate::report::text::listed;
use crate::writing::signals;
use affected::Affected;
pub(crate) use affected::answer::{Answer, preview};
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::registry::Registry;
use std::io::Write;
use std::path::{Path, PathBuf};

/// `--undo`.
pub(super) fn run(options: &Options, out: &mut impl Write) -> Result<Ending, Error> {
    // The lock is not held while the question waits for its answer: the timer of `--confirm-within` needs it.
    let Some((journal, restoration)) = read()? else {
        // A run that was killed before it wrote the journal may have left its directory.
        if journal::has_directory() {
            State::open(IfLocked::Refuse)?.close();
        }
        return traces::report(options.sshd.path(), out).map(|()| Ending::Ok);
    };
    if let Some(file) = options.sshd.path() {
        return Err(for_one_sshd(file, &journal));
    }
    let refusal = refusal(&restoration)?.filter(|_| !options.force);
    // Changes that it refuses to make are shown by --dry-run only.
    let is_shown = options.dry_run || !options.yes || refusal.is_none();
    for action in restoration.actions.iter().filter(|_| is_shown) {
        let _ = write!(out, "{action}");
    }
    for note in restoration.going.iter().chain(&restoration.notes) {
        say(out, format!("Note: {note}."));
    }
    for edit in restoration.obstacles.iter().filter_map(Obstacle::edit) {
        let _ = write!(out, "{edit}");
    }
    let affected = show_affected(&journal, &restoration, out)?;
    if options.dry_run {
        if let Some(error) = refusal {
            say(out, format!("Undo would stop here: {error}."));
        }
        return Ok(if restoration.actions.is_empty() { Ending::Ok } else { Ending::Changes });
    }
    if let Some(error) = refusal {
        say(out, "Nothing was changed.");
        return Err(error);
    }
    if !restoration.actions.is_empty() && !options.yes && !ask(out)? {
        say(out, "Nothing was changed.");
        return Ok(Ending::Problems);
    }
    signals::hold()?;
    let state = State::open(IfLocked::Refuse)?;
    let result = undo_shown(&state, restoration, affected, out);
    state.close();
    result.map(|()| Ending::Ok)
}

/// The error for `--sshd-config`: undoing what is for one sshd would take PAM's lines and the jail root from the
/// others.
fn for_one_sshd(file: &Path, journal: &Journal) -> Error {
    let others = journal.sshd_configs.iter().map(PathBuf::as_path);
    let all = SshdConfig::main_file().into_iter().chain(others);
    let what = format!(
        "undo restores everything that setup has written, for every sshd ({}), and not only for that of {}",
        listed(all),
        escaped(file)
    );
    Error::new(
        what,
        "run it without --sshd-config; to end the jails of one sshd, remove its Match block by hand",
    )
}

/// The journal, all of whose steps are to be undone, and what that comes to. `None`: there is no journal.
fn read() -> Result<Option<(Journal, Restoration)>, Error> {
    let Some(mut journal) = journal::peek()? else { return Ok(None) };
    journal.settled = 0;
    let restoration = Restoration::of(journal.unsettled(), Extent::All)?;
    Ok(Some((journal, restoration)))
}

/// Prints which users sshd will no longer jail, and gives those that it sends into the jail root now. The error: sshd
/// could not read its configuration then.
fn show_affected(
    journal: &Journal,
    restoration: &Restoration,
    out: &mut impl Write,
) -> Result<Option<Affected>, Error> {
    // If only a group or a directory is left, nobody is affected.
    let has_files = restoration.actions.iter().any(|action| matches!(action, Action::File(_)));
    if !(has_files || restoration.has_sshd) || Daemon::find(None).is_err() {
        return Ok(None);
    }
    let (affected, note) = Affected::read(&journal.sshd_configs, &restoration.jail_roots);
    if let Some(note) = note {
        say(out, format!("Note: {note}."));
    }
    for sentence in affected.after(&restoration.actions)? {
        say(out, sentence);
    }
    Ok(Some(affected))
}

/// Does what was shown, if it is still what has to be done.
fn undo_shown(
    state: &State,
    shown: Restoration,
    affected: Option<Affected>,
    out: &mut impl Write,
) -> Result<(), Error> {
    let Some((journal, restoration)) = read()?.filter(|(_, restoration)| *restoration == shown) else {
        return Err(Error::new("something has changed while undo was showing the changes", "run this again"));
    };
    restore::sshd_can_be_reloaded(restoration.has_sshd, &journal.sshd_configs)?;
    let Done { reloaded, notes, .. } = restore::unsettled(state, journal, restoration, IfNotReloaded::Stop)?;
    for sentence in reloaded {
        say(out, sentence);
    }
    for note in notes.iter().filter(|note| !shown.notes.contains(note)) {
        say(out, format!("Note: {note}."));
    }
    let what = if notes.is_empty() { "Everything" } else { "Everything else" };
    say(out, format!("{what} is as it was before."));
    for sentence in affected.iter().flat_map(Affected::now) {
        say(out, sentence);
    }
    Ok(())
}

/// Undoes the steps that are not settled, without a question. Gives whether everything is as it was before.
pub(super) fn restore_unsettled(
    state: &State,
    journal: Journal,
    out: &mut impl Write,
) -> Result<bool, Error> {
    let restoration = Restoration::of(journal.unsettled(), Extent::Last)?;
    let done = restore::unsettled(state, journal, restoration, IfNotReloaded::GoOn)?;
    for note in &done.notes {
        say(out, format!("Note: {note}."));
    }
    for sentence in done.reloaded {
        say(out, sentence);
    }
    Ok(done.notes.is_empty())
}

/// Undoes a setup that nobody has confirmed, without a question. Gives clauses on what stays.
pub(super) fn undo_unconfirmed(state: &State, journal: Journal) -> Result<Vec<String>, Error> {
    let restoration = Restoration::of(journal.unsettled(), Extent::Last)?;
    restore::unsettled(state, journal, restoration, IfNotReloaded::Stop).map(|done| done.notes)
}

/// Why undo goes on only with `--force`, if it does.
fn refusal(restoration: &Restoration) -> Result<Option<Error>, Error> {
    let (mut reasons, mut ways, mut forced) = (Vec::new(), Vec::new(), Vec::new());
    if !restoration.obstacles.is_empty() {
        let (reason, own) = explained(&restoration.obstacles);
        reasons.push(reason);
        ways.extend(own);
        forced.push("undoes the rest only");
    }
    let users = if restoration.actions.is_empty() { Vec::new() } else { logged_in()? };
    if !users.is_empty() {
        let who = if users.len() == 1 { "a member is" } else { "members are" };
        reasons.push(format!("{who} logged in: {}", users.join(", ")));
        ways.push("wait until they have logged out (sftpjail list)".to_owned());
        forced.push("lets their sessions go on");
    }
    let force = format!("use --force, which {}", forced.join(" and "));
    let fix = match ways.is_empty() {
        true => force,
        false => format!("{}; then run this again, or {force}", ways.join("; ")),
    };
    Ok((!reasons.is_empty()).then(|| Error::new(reasons.join("; "), fix)))
}

/// The members who are logged in.
fn logged_in() -> Result<Vec<String>, Error> {
    let failed = |refusal: Refusal| Error::new(&refusal, refusal.fix());
    let mut users = Vec::new();
    if let Some(registry) = Registry::existing().map_err(failed)? {
        for user in registry.users().map_err(failed)? {
            if !registry.live(&user).map_err(failed)?.is_empty() {
                users.push(user.to_string());
            }
        }
    }
    Ok(users)
}
