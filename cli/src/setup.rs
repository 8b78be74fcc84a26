//! `sftpjail setup`: from a stock system to working jails, and back.

mod atomic;
mod change;
mod confirm;
mod desired_state;
mod directory;
mod group;
mod journal;
mod members;
mod module;
mod options;
mod pam;
mod plan;
mod reload;
mod restore;
mod sshd;
mod syslog;
mod target;
mod trial_member;
mod undo;
mod user_manager;
mod verify;

use crate::report::text::joined;
use crate::report::{Error, Status};
use change::Change;
use desired_state::DesiredState;
use journal::{Journal, Patience, Phase, State};
use nix::sys::signal::{SigSet, Signal};
use nix::unistd::geteuid;
pub(crate) use options::Options;
use pam_sftpjail::config::DEFAULT_PATH;
use sshd::Sshd;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use undo::put_back;

/// Exit status: 0 done, or nothing to do; 1 not done, and nothing is changed unless it says so.
/// `config`: where somebody says that the configuration is.
pub(crate) fn run(config: Option<&Path>, options: &Options, out: &mut impl Write) -> Status {
    told(match config {
        Some(_) => {
            let what = format!("setup writes {DEFAULT_PATH} and knows no other place");
            Err(Error::new(what, "leave --config out"))
        }
        None => chosen(options, out),
    })
}

/// The child that asks as a member.
pub(crate) fn as_member(gid: u32, command: &[OsString]) -> Status {
    told(Err(trial_member::exec(gid, command)))
}

/// The child that waits for a confirmation.
pub(crate) fn timer(seconds: u64, until: u64) -> Status {
    told(confirm::wait(Duration::from_secs(seconds), until))
}

fn told(done: Result<(), Error>) -> Status {
    match done {
        Ok(()) => Status::Ok,
        Err(error) => {
            let _ = writeln!(io::stderr(), "sftpjail: {error}");
            Status::Problems
        }
    }
}

/// To people; that nobody reads it is no reason to stop half-way.
fn say(out: &mut impl Write, what: impl std::fmt::Display) {
    let _ = writeln!(out, "{what}").and_then(|()| out.flush());
}

fn chosen(options: &Options, out: &mut impl Write) -> Result<(), Error> {
    if !geteuid().is_root() {
        return Err(Error::new("only root can set this up", "run it through sudo"));
    }
    if options.confirm {
        return confirm::confirm().map(|what| say(out, what));
    }
    if options.undo {
        return undo::run(options.force, out);
    }
    if options.dry_run {
        if journal::peek()?.is_some_and(|journal| journal.phase != Phase::Applied) {
            say(out, "An earlier setup is unfinished; the next one puts it back first.");
        }
        let desired = DesiredState::new(options)?;
        let changes = plan::changes(&desired, &Sshd::find()?, options)?;
        show(&changes, out);
        if !changes.is_empty() {
            members::report(&desired, out)?;
            members::report_no_longer_jailed(&members::no_longer_jailed(&desired, &changes)?, &desired, out);
        }
        return Ok(());
    }
    let state = State::open(Patience::Refuse)?;
    let done = set_up(&state, options, out);
    state.close();
    done
}

fn set_up(state: &State, options: &Options, out: &mut impl Write) -> Result<(), Error> {
    repair(state, out)?;
    let desired = DesiredState::new(options)?;
    let sshd = Sshd::find()?;
    let changes = plan::changes(&desired, &sshd, options)?;
    show(&changes, out);
    if changes.is_empty() {
        return Ok(());
    }
    members::report(&desired, out)?;
    let freed = members::no_longer_jailed(&desired, &changes)?;
    members::report_no_longer_jailed(&freed, &desired, out);
    if options.yes && !options.force && !freed.is_empty() {
        return Err(members::refused(&freed, &desired));
    }
    if !options.yes && !agreed(out)? {
        say(out, "Nothing was changed.");
        return Ok(());
    }
    // Half-way is no place to stop when the connection breaks down; a child of ours stops nevertheless.
    let _ = SigSet::from_iter([Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]).thread_block();
    let settled = state.journal()?.map_or(0, |journal| journal.settled);
    let begun = begin(state, &changes, options.confirm_within);
    let done = begun.and_then(|()| apply(&changes, &desired, &sshd, options, out));
    let finished = done.and_then(|()| finish(state, options.confirm_within, out));
    finished.map_err(|error| match give_up(state, settled, out) {
        Ok(true) => error.and("Everything is as it was before."),
        Ok(false) => error.and("Everything else is as it was before."),
        Err(other) => {
            error.and(format!("It could not all be put back: {other}. Then run `sftpjail setup` again"))
        }
    })
}

/// Puts back all but so many steps. Gives whether all of it is as it was.
fn give_up(state: &State, settled: usize, out: &mut impl Write) -> Result<bool, Error> {
    match state.journal()? {
        // The last thing that was done may have been to call them all settled.
        Some(mut journal) if journal.steps.len() > settled => {
            journal.settled = settled;
            put_back(state, journal, out)
        }
        _ => Ok(true),
    }
}

/// Finishes what an earlier run was kept from finishing.
fn repair(state: &State, out: &mut impl Write) -> Result<(), Error> {
    let Some(journal) = state.journal()? else { return Ok(()) };
    match journal.phase {
        Phase::Applied => Ok(()),
        Phase::Unconfirmed if journal.until > Some(now()) => Err(Error::new(
            "an earlier setup waits to be confirmed",
            "run `sftpjail setup --confirm`, or `sftpjail setup --undo`",
        )),
        Phase::Unconfirmed | Phase::Applying | Phase::Undoing => {
            say(out, "An earlier setup was not finished: putting back what it did.");
            put_back(state, journal, out).map(drop)
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

fn agreed(out: &mut impl Write) -> Result<bool, Error> {
    if !io::stdin().is_terminal() {
        return Err(Error::new("there is no terminal to ask at", "use --yes, or --dry-run to look only"));
    }
    let _ = write!(out, "Do this? [y/N] ").and_then(|()| out.flush());
    let mut answer = String::new();
    let _ = io::stdin().read_line(&mut answer);
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Keeps what there is, and says in the journal what will be done.
fn begin(state: &State, changes: &[Change], within: Option<Duration>) -> Result<(), Error> {
    let mut journal = state.journal()?.unwrap_or_else(Journal::new);
    for change in changes {
        let step = change.keep(journal.steps.len(), state)?;
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

fn apply(
    changes: &[Change],
    desired: &DesiredState,
    sshd: &Sshd,
    options: &Options,
    out: &mut impl Write,
) -> Result<(), Error> {
    changes.iter().try_for_each(Change::stage)?;
    changes.iter().try_for_each(Change::commit)?;
    if changes.iter().any(|change| change.is_of(user_manager::concerns)) {
        reload::units()?;
    }
    for note in verify::all(desired, sshd)? {
        say(out, note);
    }
    say(out, reload::sshd(sshd)?);
    if changes.iter().any(|change| change.is_of(syslog::concerns)) {
        say(out, reload::rsyslog());
    }
    for note in user_manager::still_running(desired) {
        say(out, note);
    }
    if options.confirm_within.is_none() {
        say(
            out,
            format!("Whoever is in the group {} is jailed from now on.", joined(&desired.groups, " or ")),
        );
    }
    Ok(())
}

fn finish(state: &State, within: Option<Duration>, out: &mut impl Write) -> Result<(), Error> {
    let Some(mut journal) = state.journal()? else { return Ok(()) };
    match within {
        Some(within) => {
            journal.phase = Phase::Unconfirmed;
            let seconds = within.as_secs();
            say(
                out,
                format!(
                    "Log in once more, then run `sftpjail setup --confirm`: without it, everything is put back in {seconds} s."
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
