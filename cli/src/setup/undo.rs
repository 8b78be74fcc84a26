//! `--undo`: restores what was there before setup, and reloads the daemons. A setup that fails does the same.

use super::journal::{IfLocked, Journal, State, Step};
use super::sshd::Sshd;
use super::{reload, restore, say, syslog, user_manager};
use crate::host::groups;
use crate::report::Error;
use crate::report::text::listed;
use pam_sftpjail::config::Config;
use pam_sftpjail::registry::Registry;
use std::io::Write;
use std::path::Path;

/// Undoes the steps that are not settled, and reloads the daemons. Gives whether everything is as it was
/// before.
pub(super) fn restore_unsettled(
    state: &State,
    journal: Journal,
    out: &mut impl Write,
) -> Result<bool, Error> {
    let writes = |condition: fn(&Path) -> bool| {
        let is_such = |step: &Step| matches!(step, Step::File { path, .. } if condition(path));
        journal.unsettled().iter().any(is_such)
    };
    let (for_syslog, for_systemd) =
        (writes(syslog::is_read_by_rsyslog), writes(user_manager::is_read_by_systemd));
    let sshd_configs = journal.sshd_configs.clone();
    let kept = restore::unsettled(state, journal)?;
    for sentence in &kept {
        say(out, format!("Note: {sentence}."));
    }
    if for_systemd && let Err(error) = reload::units() {
        say(out, format!("Note: systemd has not read its files again: {error}."));
    }
    for file in [None].into_iter().chain(sshd_configs.iter().map(|file| Some(file.as_path()))) {
        match Sshd::find(file).and_then(|sshd| reload::sshd(&sshd)) {
            Ok(sentence) => say(out, sentence),
            Err(error) => say(out, format!("Note: sshd was not reloaded: {error}.")),
        }
    }
    if for_syslog {
        say(out, reload::rsyslog());
    }
    Ok(kept.is_empty())
}

/// `--undo`. `force`: also while members are logged in.
pub(super) fn run(force: bool, out: &mut impl Write) -> Result<(), Error> {
    let state = State::open(IfLocked::Refuse)?;
    let result = match state.journal()? {
        None => {
            say(out, "Nothing to undo: `sftpjail setup` has changed nothing on this machine.");
            Ok(())
        }
        Some(mut journal) => {
            if !force {
                refuse_if_logged_in()?;
            }
            journal.settled = 0;
            let config = Config::load(None).unwrap_or_default();
            // An error is no reason to stop: undo has to work without a user directory that is gone for good.
            let members = groups::all_members(config.groups());
            restore_unsettled(&state, journal, out).map(|is_all| {
                let what = if is_all { "Everything" } else { "Everything else" };
                say(out, format!("{what} is as it was before."));
                match members {
                    Ok(members) if members.is_empty() => {}
                    Ok(members) => {
                        say(
                            out,
                            format!("No longer jailed, so they get their shells: {}.", listed(&members)),
                        );
                    }
                    Err(error) => say(out, format!("Note: who is no longer jailed is unknown: {error}.")),
                }
            })
        }
    };
    state.close();
    result
}

/// The error: members are logged in.
fn refuse_if_logged_in() -> Result<(), Error> {
    let failed = |refusal: pam_sftpjail::error::Refusal| Error::new(&refusal, refusal.fix());
    let mut users = Vec::new();
    if let Some(registry) = Registry::existing().map_err(failed)? {
        for user in registry.users().map_err(failed)? {
            if !registry.live(&user).map_err(failed)?.is_empty() {
                users.push(user.to_string());
            }
        }
    }
    if users.is_empty() {
        return Ok(());
    }
    let what = format!(
        "{} logged in: {}",
        if users.len() == 1 { "a member is" } else { "members are" },
        users.join(", ")
    );
    Err(Error::new(
        what,
        "wait until they have logged out (sftpjail list), or use --force, which lets their sessions go on",
    ))
}
