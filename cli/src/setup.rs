//! `sftpjail setup`: makes a stock system jail the members of a group, shows every change first, and undoes
//! it.
//!
//! It writes only what `desired/` says that sshd, PAM and systemd need, and what these need in turn; whether
//! a member's login works, `check` judges.

mod atomic;
mod change;
mod changes;
mod choices;
mod confirm;
mod directory;
mod group;
mod journal;
mod members;
mod module;
mod options;
mod pam;
mod reload;
mod restore;
mod sshd;
mod syslog;
mod target;
mod trial_member;
mod undo;
mod user_manager;
mod verify;

use crate::report::error::AS_ROOT;
use crate::report::text::joined;
use crate::report::{Error, Status};
use change::Change;
use choices::Choices;
use journal::{IfLocked, Journal, Phase, State};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::geteuid;
pub(crate) use options::Options;
use pam_sftpjail::config::DEFAULT_PATH;
use sshd::Sshd;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use undo::restore_unsettled;

/// Runs the verb. [`Status::Ok`]: done, or nothing to do. [`Status::Problems`]: not done, and nothing is
/// changed unless stderr says so. `config`: the argument of `--config`, which setup refuses.
///
/// [`Status::Unchecked`]: it does not run as root.
pub(crate) fn run(config: Option<&Path>, options: &Options, out: &mut impl Write) -> Status {
    if !geteuid().is_root() {
        let _ = status_of(Err(Error::new("only root can set up jails", AS_ROOT)));
        return Status::Unchecked;
    }
    status_of(match config {
        Some(_) => {
            let what = format!("setup writes {DEFAULT_PATH} and no other configuration");
            Err(Error::new(what, "run it without --config"))
        }
        None => run_as_root(options, out),
    })
}

/// Runs the hidden verb `as-member`: becomes `command` in a namespace that has a member of the group `gid`.
pub(crate) fn as_member(gid: u32, command: &[OsString]) -> Status {
    status_of(Err(trial_member::exec(gid, command)))
}

/// Runs the hidden verb `setup-timer`: waits for so many seconds, then undoes the setup of the deadline
/// `until` (in seconds since 1970) unless it was confirmed.
pub(crate) fn timer(seconds: u64, until: u64) -> Status {
    status_of(confirm::wait(Duration::from_secs(seconds), until))
}

/// Writes an error to stderr.
fn status_of(result: Result<(), Error>) -> Status {
    match result {
        Ok(()) => Status::Ok,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sftpjail: {error}");
            Status::Problems
        }
    }
}

/// Prints a line. A closed pipe is ignored: it is no reason to stop half-way.
fn say(out: &mut impl Write, line: impl std::fmt::Display) {
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn run_as_root(options: &Options, out: &mut impl Write) -> Result<(), Error> {
    if options.confirm {
        return confirm::confirm().map(|what| say(out, what));
    }
    if options.undo {
        return undo::run(options.force, out);
    }
    if options.dry_run {
        if journal::peek()?.is_some_and(|journal| journal.phase != Phase::Applied) {
            say(out, "An earlier setup was interrupted; the next one undoes it first.");
        }
        let choices = Choices::read(options)?;
        let sshd = Sshd::find(options.sshd.path())?;
        let changes = changes::needed(&choices, &sshd, options)?;
        show(&changes, out);
        if !changes.is_empty() {
            members::report(&choices, out)?;
            members::report_no_longer_jailed(
                &members::no_longer_jailed(&choices, &sshd, &changes)?,
                &choices,
                out,
            );
        }
        return Ok(());
    }
    let state = State::open(IfLocked::Refuse)?;
    let result = set_up(&state, options, out);
    state.close();
    result
}

fn set_up(state: &State, options: &Options, out: &mut impl Write) -> Result<(), Error> {
    undo_interrupted(state, out)?;
    let choices = Choices::read(options)?;
    let sshd = Sshd::find(options.sshd.path())?;
    let changes = changes::needed(&choices, &sshd, options)?;
    show(&changes, out);
    if changes.is_empty() {
        return Ok(());
    }
    members::report(&choices, out)?;
    let no_longer_jailed = members::no_longer_jailed(&choices, &sshd, &changes)?;
    members::report_no_longer_jailed(&no_longer_jailed, &choices, out);
    if options.yes && !options.force && !no_longer_jailed.is_empty() {
        return Err(members::refuse(&no_longer_jailed, &choices));
    }
    if !options.yes && !ask(out)? {
        say(out, "Nothing was changed.");
        return Ok(());
    }
    // If the connection breaks, setup goes on to its end. The programs that it runs may be ended.
    let _ = SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]).thread_block();
    let settled = state.journal()?.map_or(0, |journal| journal.settled);
    let begun = begin(state, &changes, options);
    let applied = begun.and_then(|()| apply(&changes, &choices, &sshd, options, out));
    let finished = applied.and_then(|()| finish(state, options.confirm_within, out));
    finished.map_err(|error| match roll_back(state, settled, out) {
        Ok(true) => error.and("Everything is as it was before."),
        Ok(false) => error.and("Everything else is as it was before."),
        Err(other) => {
            error.and(format!("Not everything could be restored: {other}. Then run `sftpjail setup` again"))
        }
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

/// Undoes a setup that was interrupted or not confirmed in time.
fn undo_interrupted(state: &State, out: &mut impl Write) -> Result<(), Error> {
    let Some(journal) = state.journal()? else { return Ok(()) };
    match journal.phase {
        Phase::Applied => Ok(()),
        Phase::Unconfirmed if journal.until > Some(now()) => Err(Error::new(
            "an earlier setup waits to be confirmed",
            "run `sftpjail setup --confirm` or `sftpjail setup --undo`",
        )),
        Phase::Unconfirmed | Phase::Applying | Phase::Undoing => {
            say(out, "An earlier setup was not finished: restoring what was there before it.");
            restore_unsettled(state, journal, out).map(drop)
        }
    }
}

fn show(changes: &[Change], out: &mut impl Write) {
    for change in changes {
        let _ = write!(out, "{change}");
    }
    if changes.is_empty() {
        say(out, "Nothing to do: everything is set up.");
    }
}

fn ask(out: &mut impl Write) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new(
            "there is no terminal to ask on",
            "use --yes, or --dry-run to see the changes only",
        ));
    }
    let _ = write!(out, "Do this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Backs up what the changes touch, writes the journal, and starts the timer of `--confirm-within`.
fn begin(state: &State, changes: &[Change], options: &Options) -> Result<(), Error> {
    let within = options.confirm_within;
    let mut journal = state.journal()?.unwrap_or_else(Journal::new);
    journal.sshd_configs.extend(options.sshd.path().map(Path::to_owned));
    for change in changes {
        let step = change.back_up(journal.steps.len(), state)?;
        journal.steps.push(step);
    }
    journal.phase = Phase::Applying;
    journal.until = within.map(|within| now() + within.as_secs());
    state.save(&journal)?;
    match within.zip(journal.until) {
        Some((within, until)) => confirm::start(within, until),
        None => Ok(()),
    }
}

/// Makes the changes, tries them out, and only then reloads the daemons.
fn apply(
    changes: &[Change],
    choices: &Choices,
    sshd: &Sshd,
    options: &Options,
    out: &mut impl Write,
) -> Result<(), Error> {
    changes.iter().try_for_each(Change::stage)?;
    changes.iter().try_for_each(Change::commit)?;
    if changes.iter().any(|change| change.is_file_where(user_manager::is_read_by_systemd)) {
        reload::units()?;
    }
    for note in verify::all(choices, sshd)? {
        say(out, note);
    }
    say(out, reload::sshd(sshd)?);
    if changes.iter().any(|change| change.is_file_where(syslog::is_read_by_rsyslog)) {
        say(out, reload::rsyslog());
    }
    for note in user_manager::still_running(choices) {
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
    match within {
        Some(within) => {
            journal.phase = Phase::Unconfirmed;
            let seconds = within.as_secs();
            say(
                out,
                format!(
                    "Log in again, then run `sftpjail setup --confirm`. Without it, everything is undone in {seconds} s."
                ),
            );
        }
        None => {
            journal.phase = Phase::Applied;
            journal.settled = journal.steps.len();
        }
    }
    state.save(&journal)
}

/// Seconds since 1970.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs())
}
