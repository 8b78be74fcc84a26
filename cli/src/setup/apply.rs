//! Makes the changes of a setup, tries them out, and only then lets the daemons read them. After any error it restores
//! what was there before.

use super::change::Change;
use super::journal::{Journal, Phase, State};
use super::undo::restore_unsettled;
use super::{Options, Planned, apparmor, confirm, now, reload, say, syslog, unloaded, user_manager, verify};
use crate::desired::expiry::is_unit;
use crate::report::Error;
use crate::report::text::joined;
use crate::writing::signals;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// Does all of it.
pub(super) fn all(
    state: &State,
    planned: &Planned,
    options: &Options,
    out: &mut impl Write,
) -> Result<(), Error> {
    signals::hold()?;
    let settled = state.journal()?.map_or(0, |journal| journal.settled);
    let begun = begin(state, &planned.changes, options);
    let applied = begun.and_then(|()| apply(planned, options, out));
    let finished = applied.and_then(|()| finish(state, options.confirm_within, out));
    finished.map_err(|error| {
        // What is said of the restoring comes after the error.
        let mut said = Vec::new();
        let restored = roll_back(state, settled, &mut said);
        let said = String::from_utf8_lossy(&said);
        let error = match restored {
            Ok(true) => error.and("Everything is as it was before"),
            Ok(false) => error.and("Everything else is as it was before"),
            Err(other) => error
                .and(format!("Not everything could be restored: {other}. Then run `sftpjail setup` again")),
        };
        said.lines().fold(error, |error, line| error.and(line.trim_end_matches('.')))
    })
}

/// Undoes all steps but the first `settled`. Gives whether everything is as it was before.
fn roll_back(state: &State, settled: usize, out: &mut impl Write) -> Result<bool, Error> {
    match state.journal()? {
        // The error may have come after `finish` had saved all steps as settled.
        Some(mut journal) if journal.steps.len() > settled => {
            journal.settled = settled;
            restore_unsettled(state, journal, out)
        }
        _ => Ok(true),
    }
}

/// Backs up what the changes touch, writes the journal, and starts the timer of `--confirm-within`.
fn begin(state: &State, changes: &[Change], options: &Options) -> Result<(), Error> {
    let within = options.confirm_within;
    let mut journal = state.journal()?.unwrap_or_else(Journal::new);
    journal.sshd_configs.extend(options.sshd.path().map(Path::to_owned));
    for change in changes {
        let step = change.back_up(journal.next_number(), state)?;
        journal.steps.push(step);
    }
    journal.phase = Phase::Applying;
    journal.is_last_undone = false;
    journal.until = within.map(|within| now() + within.as_secs());
    state.save(&journal)?;
    match within.zip(journal.until) {
        Some((within, until)) => confirm::start(within, until),
        None => Ok(()),
    }
}

/// Makes the changes, tries them out, and only then reloads the daemons.
fn apply(planned: &Planned, options: &Options, out: &mut impl Write) -> Result<(), Error> {
    let Planned { choices, sshd, changes, unloaded, .. } = planned;
    changes.iter().try_for_each(Change::stage)?;
    changes.iter().try_for_each(Change::commit)?;
    let with_timer = changes.iter().any(|change| change.is_file_where(is_unit));
    if with_timer || changes.iter().any(|change| change.is_file_where(user_manager::is_read_by_systemd)) {
        reload::units(with_timer)?;
    }
    for said in unloaded::load(unloaded, changes.iter().filter_map(Change::file), choices)? {
        say(out, said);
    }
    for note in verify::all(choices, sshd)? {
        say(out, note);
    }
    say(out, reload::sshd(sshd)?);
    let is_for_rsyslog = |path: &Path| syslog::is_read_by_rsyslog(path) || apparmor::is_for_rsyslog(path);
    if changes.iter().any(|change| change.is_file_where(is_for_rsyslog)) {
        say(out, reload::rsyslog());
    }
    for note in user_manager::still_running() {
        say(out, note);
    }
    if options.confirm_within.is_none() {
        say(out, format!("Users in the group {} are jailed from now on.", joined(&choices.groups, " or ")));
    }
    Ok(())
}

/// Says in the journal that the changes stay, or until when they wait to be confirmed.
fn finish(state: &State, within: Option<Duration>, out: &mut impl Write) -> Result<(), Error> {
    let Some(mut journal) = state.journal()? else { return Ok(()) };
    journal.accept_edits()?;
    match within {
        Some(within) => {
            journal.phase = Phase::Unconfirmed;
            say(out, confirm::sentence(within));
        }
        None => {
            journal.phase = Phase::Applied;
            journal.settled = journal.steps.len();
        }
    }
    state.save(&journal)
}
