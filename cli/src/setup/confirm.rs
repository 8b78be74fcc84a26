//! `--confirm-within`: a process that outlives the session and puts everything back unless somebody
//! who could still log in has said that all is well.

use super::journal::{self, Journal, Patience, Phase, State};
use super::reload;
use crate::host::programs;
use crate::report::Error;
use crate::report::error::errno;
use nix::unistd::setsid;
use std::ffi::OsString;
use std::io;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

/// How often the process looks whether it is still needed.
const INTERVAL: Duration = Duration::from_secs(1);

/// After this, what could not be put back is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Starts the process, as a unit of systemd's where there is one: logind may end all of a session.
/// `until`: what the journal says of this setup.
pub(super) fn start(within: Duration, until: u64) -> Result<(), Error> {
    let program = std::env::current_exe().map_err(|error| {
        Error::new(format!("this program is not to be found: {}", errno(&error)), "install it")
    })?;
    let args =
        ["setup-timer".to_owned(), within.as_secs().to_string(), until.to_string()].map(OsString::from);
    if reload::systemd().is_some()
        && let Some(systemd_run) = programs::find("systemd-run")
    {
        let options =
            ["--quiet", "--collect", "--service-type=exec", "--description=sftpjail setup --confirm-within"];
        let options = options.into_iter().map(OsString::from);
        let all = options.chain([program.into_os_string()]).chain(args);
        programs::must(&systemd_run, all, "run this without --confirm-within, with a session kept open")?;
        return Ok(());
    }
    let started = Command::new(program)
        .args(args)
        .env_clear()
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    started.map(drop).map_err(|error| {
        Error::new(format!("the timer cannot be started: {}", errno(&error)), "see the limits of processes")
    })
}

/// The process: waits, and puts back what nobody has confirmed.
pub(super) fn wait(within: Duration, until: u64) -> Result<(), Error> {
    // A unit of systemd's is the leader of its session already.
    let _ = setsid();
    let start = Instant::now();
    let is_pending = |journal: Option<&Journal>| journal.is_some_and(|journal| journal.until == Some(until));
    while start.elapsed() < within {
        thread::sleep(INTERVAL.min(within.saturating_sub(start.elapsed())));
        // What cannot be read now is looked at again.
        if journal::peek().is_ok_and(|journal| !is_pending(journal.as_ref())) {
            return Ok(());
        }
    }
    let mut complaint = String::new();
    // A full disk, or users' files that vipw keeps locked: it will pass, and nobody else may be able to log in.
    while let Err(error) = put_back(is_pending) {
        let said = error.to_string();
        if said != complaint {
            log(&format!("not confirmed in time, and not put back: {said}. It will be tried again"));
            complaint = said;
        }
        thread::sleep(AGAIN);
    }
    Ok(())
}

/// Puts back what is still pending.
fn put_back(is_pending: impl Fn(Option<&Journal>) -> bool) -> Result<(), Error> {
    let state = State::open(Patience::Wait)?;
    let done = match state.journal()? {
        Some(journal) if is_pending(Some(&journal)) => {
            super::undo::put_back(&state, journal, &mut io::sink()).map(|_| {
                log("not confirmed in time: everything is put back");
            })
        }
        _ => Ok(()),
    };
    state.close();
    done
}

fn log(what: &str) {
    if let Some(logger) = programs::find("logger") {
        let _ =
            programs::run(&logger, ["-t", "sftpjail", "-p", "authpriv.warning", &format!("setup: {what}")]);
    }
}

/// `--confirm`.
pub(super) fn confirm() -> Result<String, Error> {
    let state = State::open(Patience::Refuse)?;
    match state.journal()? {
        Some(mut journal) if journal.phase == Phase::Unconfirmed => {
            journal.phase = Phase::Applied;
            journal.until = None;
            journal.settled = journal.steps.len();
            state.save(&journal)?;
            Ok("Confirmed: everything stays.".to_owned())
        }
        Some(journal) if journal.phase == Phase::Applied => Ok("Nothing waits to be confirmed.".to_owned()),
        Some(_) => Err(Error::new("setting up was interrupted", "run `sftpjail setup` again")),
        None => {
            state.close();
            Err(Error::new("nothing waits to be confirmed: all is as before", "run `sftpjail setup`"))
        }
    }
}
