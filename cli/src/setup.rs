//! `sftpjail setup`: makes a stock system jail the members of a group, shows every change first, and undoes
//! it.
//!
//! It writes only what `desired/` says that sshd, PAM and systemd need, and what these need in turn; whether
//! a member's login works, `check` judges.

mod apparmor;
mod apply;
mod change;
mod changes;
mod choices;
mod confirm;
mod directory;
mod expiry;
mod group;
mod journal;
mod managed_keys;
mod members;
mod module;
mod next;
mod options;
mod own_file;
mod pam;
mod program;
mod reload;
mod report;
mod restoration;
mod restore;
mod restricted;
mod selinux;
mod sshd;
mod syslog;
mod timer_unit;
mod trial_member;
mod undo;
mod unloaded;
mod unread;
mod user_manager;
mod verify;

use crate::host::setup_journal::now;
use crate::report::error::AS_ROOT;
use crate::report::{Error, Status, streams};
use crate::writing::question::ask;
use crate::writing::{atomic, target};
use change::Change;
use changes::Needed;
use choices::Choices;
use journal::{IfLocked, Journal, Phase, State};
use managed_keys::ManagedKeys;
use members::{Members, OtherGroups};
use next::{check, next};
use nix::unistd::geteuid;
pub(crate) use options::Options;
use pam_sftpjail::config::DEFAULT_PATH;
use pam_sftpjail::plan::kernel;
use report::{Ending, Report};
use restricted::Restricted;
use sshd::Sshd;
use std::ffi::OsString;
use std::io::{self, Write};
use std::path::Path;
use std::time::Duration;
use undo::restore_unsettled;
use unloaded::Unloaded;
use unread::Unread;

/// Runs the verb. [`Ending::Ok`]: done, or nothing to do. [`Ending::Problems`]: not done, and nothing is
/// changed unless stderr says so. [`Ending::Unchecked`]: it does not run as root.
/// [`Ending::Changes`]: with `--dry-run`, something would change. `config`: the
/// argument of `--config`, which setup refuses.
pub(crate) fn run(config: Option<&Path>, options: &Options, out: &mut impl Write) -> Ending {
    let mut report = Report::new(out, options.json);
    if !geteuid().is_root() {
        let error = Error::new("only root can set up jails", AS_ROOT);
        return report.end_with(Ending::Unchecked, Some(&error));
    }
    let result = match config {
        Some(_) => {
            let what = format!("setup writes {DEFAULT_PATH} and no other configuration");
            Err(Error::new(what, "run it without --config"))
        }
        None => run_as_root(options, &mut report),
    };
    report.end(result)
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

/// Runs the hidden verb `sent`: where sshd would send users if its files were as the JSON on standard input says.
pub(crate) fn sent() -> io::Result<undo::Answer> {
    undo::preview(io::stdin().lock())
}

/// Writes an error to stderr.
fn status_of(result: Result<(), Error>) -> Status {
    match result {
        Ok(()) => Status::Ok,
        Err(error) => {
            let _ = writeln!(streams::stderr(), "sftpjail: {error}");
            Status::Problems
        }
    }
}

/// Prints a line. A closed pipe is ignored: it is no reason to stop half-way.
fn say(out: &mut impl Write, line: impl std::fmt::Display) {
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

fn run_as_root(options: &Options, report: &mut Report<'_, impl Write>) -> Result<Ending, Error> {
    if options.confirm {
        say(report, confirm::confirm()?);
        report.next("sftpjail check --all".to_owned());
        return Ok(Ending::Ok);
    }
    if options.undo {
        return undo::run(options, report);
    }
    if options.dry_run {
        return dry_run(options, report);
    }
    let state = State::open(IfLocked::Refuse)?;
    let result = set_up(&state, options, report);
    state.close();
    result
}

fn dry_run(options: &Options, report: &mut Report<'_, impl Write>) -> Result<Ending, Error> {
    let journal = journal::peek()?;
    refuse_unconfirmed(journal.as_ref())?;
    let phase = journal.map_or(Phase::Applied, |journal| journal.phase);
    match phase {
        Phase::Applied => {}
        Phase::Undoing => say(report, "An undo was interrupted; the next setup goes on with it first."),
        Phase::Applying | Phase::Unconfirmed => {
            say(report, "An earlier setup was interrupted; the next one undoes it first.");
        }
    }
    let is_interrupted = phase != Phase::Applied;
    let planned = Planned::find(options)?;
    planned.show(options, report)?;
    let refusal = planned.members.stop_without_force().err().filter(|_| !options.force);
    if let Some(error) = refusal.filter(|_| !planned.is_nothing()) {
        say(report, format!("With --yes, setup would stop here: {error}."));
    }
    if planned.is_nothing() && !is_interrupted {
        report.next(check(&planned, "--all"));
        return Ok(Ending::Ok);
    }
    let next = if options.is_default() { "sftpjail setup" } else { "the same without --dry-run" };
    report.next(next.to_owned());
    Ok(Ending::Changes)
}

/// What setup is going to do.
struct Planned {
    choices: Choices,
    sshd: Sshd,
    changes: Vec<Change>,
    notes: Vec<String>,
    members: Members,
    /// What the running sshds could build of jails.
    restricted: Restricted,
    /// Where no file needs a change: the sshds that have not read theirs.
    unread: Vec<Unread>,
    /// The rules that the kernel does not have, though files have them.
    unloaded: Unloaded,
}

impl Planned {
    fn find(options: &Options) -> Result<Self, Error> {
        let of_config = Choices::read(options)?;
        kernel(&of_config.config).map_err(|refusal| Error::new(&refusal, refusal.fix()))?;
        let sshd = Sshd::find(options.sshd.path())?;
        let choices = Choices {
            managed_keys: ManagedKeys::chosen(options, sshd::names_managed_keys(&sshd)?),
            ..of_config
        };
        let Needed { changes, notes, dropped_groups, stray_groups } = Needed::find(&choices, &sshd, options)?;
        let others = OtherGroups { dropped: &dropped_groups, stray: &stray_groups };
        let members = Members::examine(&choices, &changes, &sshd, &others)?;
        let unread = if changes.is_empty() { Unread::find(&sshd)? } else { Vec::new() };
        let unloaded = Unloaded::find(&choices, &sshd)?;
        if !changes.is_empty() || !unread.is_empty() {
            reload::examine(&sshd.daemon)?;
        }
        let restricted = Restricted::find(&choices, &members, &sshd)?;
        Ok(Self { choices, sshd, changes, notes, members, restricted, unread, unloaded })
    }

    fn is_nothing(&self) -> bool {
        self.changes.is_empty() && self.unread.is_empty() && self.unloaded.is_empty()
    }

    /// Shows all of it. The error: members would be refused from their next login on, or a running sshd can build no jails,
    /// or members are not jailed though nothing is to be changed.
    fn show(&self, options: &Options, report: &mut Report<'_, impl Write>) -> Result<(), Error> {
        report.changes(&self.changes);
        if self.is_nothing() {
            say(report, "Nothing to do: everything is set up.");
        }
        let unloaded = if self.changes.is_empty() { self.unloaded.sentences() } else { Vec::new() };
        for due in self.unread.iter().map(Unread::sentence).chain(unloaded) {
            say(report, due);
        }
        for note in &self.choices.notes {
            say(report, format!("Note: {note}."));
        }
        for note in if self.changes.is_empty() { &self.unloaded.notes } else { &self.notes } {
            say(report, format!("Note: {note}."));
        }
        report.members(&self.members);
        self.members.stop(options.accept_refused)?;
        self.restricted.stop(options.accept_refused || self.is_nothing(), report)
    }
}

fn set_up(state: &State, options: &Options, report: &mut Report<'_, impl Write>) -> Result<Ending, Error> {
    undo_interrupted(state, report)?;
    let planned = Planned::find(options)?;
    planned.show(options, report)?;
    if planned.is_nothing() {
        state.accept_edits()?;
        say_unwaited(options, report);
        report.next(check(&planned, "--all"));
        return Ok(Ending::Ok);
    }
    if options.yes && !options.force {
        planned.members.stop_without_force()?;
    }
    if !options.yes && !ask(report)? {
        say(report, "Nothing was changed.");
        return Ok(Ending::Problems);
    }
    if planned.changes.is_empty() {
        unread::load_all(&planned, report)?;
        state.accept_edits()?;
        say_unwaited(options, report);
        report.next(check(&planned, "--all"));
        return Ok(Ending::Ok);
    }
    apply::all(state, &planned, options, report)?;
    report.next(match options.confirm_within {
        Some(_) => "log in again in another window, then sftpjail setup --confirm".to_owned(),
        None => next(&planned),
    });
    Ok(Ending::Ok)
}

/// Says that no timer was set, where one was asked for.
fn say_unwaited(options: &Options, out: &mut impl Write) {
    if options.confirm_within.is_some() {
        say(out, "No file was changed, so no timer was set, and nothing waits to be confirmed.");
    }
}

/// Undoes a setup that was interrupted or not confirmed in time.
fn undo_interrupted(state: &State, out: &mut impl Write) -> Result<(), Error> {
    let journal = state.journal()?;
    refuse_unconfirmed(journal.as_ref())?;
    match journal {
        Some(journal) if journal.phase != Phase::Applied => {
            say(
                out,
                match journal.phase {
                    Phase::Undoing => "An undo was not finished: going on with it.",
                    _ => "An earlier setup was not finished: restoring what was there before it.",
                },
            );
            restore_unsettled(state, journal, out).map(drop)
        }
        Some(_) | None => Ok(()),
    }
}

/// The error: an earlier setup still waits to be confirmed.
fn refuse_unconfirmed(journal: Option<&Journal>) -> Result<(), Error> {
    match journal {
        Some(journal) if journal.phase == Phase::Unconfirmed && journal.until > Some(now()) => {
            Err(Error::new(
                "an earlier setup waits to be confirmed",
                "run `sftpjail setup --confirm` or `sftpjail setup --undo`",
            ))
        }
        Some(_) | None => Ok(()),
    }
}
