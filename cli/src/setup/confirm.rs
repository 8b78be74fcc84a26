//! `--confirm-within` and `--confirm`: a timer undoes the setup unless somebody confirms it in time.
//!
//! The timer outlives the session of the admin, who may not be able to log in again. Where systemd runs, it is a unit,
//! and outlives a reboot, too; elsewhere it is a process.

use super::journal::{self, IfLocked, Journal, Phase, State};
use super::{program, timer_unit};
use crate::host::{programs, systemd};
use crate::report::error::errno;
use crate::report::{Error, text};
use nix::unistd::setsid;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often the timer reads the journal to see whether it is still needed.
const INTERVAL: Duration = Duration::from_secs(1);

/// How long after a failure the timer tries to undo the setup again.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Starts the timer. `until`: the deadline in the journal, by which the timer knows this setup from later ones.
pub(super) fn start(within: Duration, until: u64) -> Result<(), Error> {
    if let Some(systemctl) = systemd::control() {
        return timer_unit::start(&systemctl, within, until);
    }
    let started = Command::new(program::running()?)
        .arg("setup-timer")
        .args([within.as_secs(), until].map(|number| number.to_string()))
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(drop).map_err(|error| {
        Error::new(
            format!("the timer cannot be started: {}", errno(&error)),
            "check the limits on processes: ulimit -u",
        )
    })
}

/// The timer: waits until the deadline, and undoes a setup that nobody has confirmed.
pub(super) fn wait(within: Duration, until: u64) -> Result<(), Error> {
    // As a service of systemd's, it is the leader of its session already, and this fails.
    let _ = setsid();
    let start = Instant::now();
    let is_pending = |journal: Option<&Journal>| journal.is_some_and(|journal| journal.until == Some(until));
    while start.elapsed() < within {
        thread::sleep(INTERVAL.min(within.saturating_sub(start.elapsed())));
        // If the journal cannot be read now, it is read again after the next interval.
        if journal::peek().is_ok_and(|journal| !is_pending(journal.as_ref())) {
            return Ok(());
        }
    }
    let mut logged = String::new();
    // A full disk, or an /etc/passwd that vipw has locked, is temporary. And there may be nobody who can log
    // in and run the undo.
    while let Err(error) = undo_pending(is_pending) {
        let error = error.to_string();
        if error != logged {
            log(&format!("not confirmed in time, and not undone: {error}. It will be tried again"));
            logged = error;
        }
        thread::sleep(RETRY_INTERVAL);
    }
    Ok(())
}

/// Undoes the setup if it still waits to be confirmed, and logs what was done.
fn undo_pending(is_pending: impl Fn(Option<&Journal>) -> bool) -> Result<(), Error> {
    let state = State::open(IfLocked::Wait)?;
    let result = match state.journal()? {
        Some(journal) if is_pending(Some(&journal)) => {
            super::undo::undo_unconfirmed(&state, journal).map(|notes| match notes.as_slice() {
                [] => log("not confirmed in time: everything is undone"),
                notes => {
                    log(&format!("not confirmed in time: undone, but not all of it: {}", notes.join("; ")))
                }
            })
        }
        _ => Ok(()),
    };
    state.close();
    result
}

/// Logs a warning; nobody sees the timer's output.
fn log(what: &str) {
    if let Some(logger) = programs::find("logger") {
        let _ =
            programs::run(&logger, ["-t", "sftpjail", "-p", "authpriv.warning", &format!("setup: {what}")]);
    }
}

/// `--confirm`: ends the timer's wait. Gives the sentence to print.
pub(super) fn confirm() -> Result<String, Error> {
    let state = State::open(IfLocked::Refuse)?;
    let confirmed = settle(&state);
    state.close();
    confirmed
}

fn settle(state: &State) -> Result<String, Error> {
    match state.journal()? {
        Some(mut journal) if journal.phase == Phase::Unconfirmed => {
            journal.phase = Phase::Applied;
            journal.until = None;
            journal.settled = journal.steps.len();
            state.save(&journal)?;
            Ok("Confirmed: everything stays.".to_owned())
        }
        Some(journal) if journal.phase == Phase::Applied && journal.is_last_undone => Err(Error::new(
            "nothing waits to be confirmed: the last setup is undone",
            "run `sftpjail setup` again",
        )),
        Some(journal) if journal.phase == Phase::Applied => Ok("Nothing waits to be confirmed.".to_owned()),
        Some(_) => Err(Error::new("the setup was interrupted", "run `sftpjail setup` again")),
        None => Err(Error::new(
            "nothing waits to be confirmed: everything is as it was before",
            "run `sftpjail setup`",
        )),
    }
}

/// What is to be said of the timer once it runs.
pub(super) fn sentence(within: Duration) -> String {
    let time = text::duration(within);
    let first = format!("Without `sftpjail setup --confirm`, everything is undone in {time}");
    match systemd::control() {
        Some(_) => format!("{first}, also if the system is rebooted before."),
        None => format!(
            "{first}. There is no systemd here, so a reboot before then ends the timer, and everything stays until \
             `sftpjail setup --undo`."
        ),
    }
}
