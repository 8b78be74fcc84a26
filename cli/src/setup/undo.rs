//! Putting back: `--undo`, and whatever could not be finished.

use super::journal::{Journal, Patience, State, Step};
use super::sshd::Sshd;
use super::{reload, restore, say, syslog, user_manager};
use crate::host::groups;
use crate::report::Error;
use crate::report::text::listed;
use pam_sftpjail::config::Config;
use pam_sftpjail::registry::Registry;
use std::io::Write;
use std::path::Path;

/// Puts back what is not settled, and lets the daemons know. Gives whether all of it is as it was.
pub(super) fn put_back(state: &State, journal: Journal, out: &mut impl Write) -> Result<bool, Error> {
    let is_about = |concerns: fn(&Path) -> bool| {
        let is_so = |step: &Step| matches!(step, Step::File { path, .. } if concerns(path));
        journal.unsettled().iter().any(is_so)
    };
    let (for_syslog, for_systemd) = (is_about(syslog::concerns), is_about(user_manager::concerns));
    let kept = restore::unsettled(state, journal)?;
    for what in &kept {
        say(out, format!("Note: {what}."));
    }
    if for_systemd && let Err(error) = reload::units() {
        say(out, format!("Note: systemd was not told to read its files: {error}."));
    }
    match Sshd::find().and_then(|sshd| reload::sshd(&sshd)) {
        Ok(what) => say(out, what),
        Err(error) => say(out, format!("Note: sshd was not told to reload: {error}.")),
    }
    if for_syslog {
        say(out, reload::rsyslog());
    }
    Ok(kept.is_empty())
}

/// `--undo`. `force`: though members are logged in.
pub(super) fn run(force: bool, out: &mut impl Write) -> Result<(), Error> {
    let state = State::open(Patience::Refuse)?;
    let done = match state.journal()? {
        None => {
            say(out, "Nothing to undo: `sftpjail setup` has changed nothing here.");
            Ok(())
        }
        Some(mut journal) => {
            if !force {
                nobody_is_in()?;
            }
            journal.settled = 0;
            let config = Config::load(None).unwrap_or_default();
            // Whoever wants their users' directory gone with it must still be able to undo this.
            let freed = groups::all_members(config.groups());
            put_back(&state, journal, out).map(|is_all| {
                let what = if is_all { "Everything" } else { "Everything else" };
                say(out, format!("{what} is as it was before."));
                match freed {
                    Ok(freed) if freed.is_empty() => {}
                    Ok(freed) => {
                        say(out, format!("No longer jailed, so mind their shells: {}.", listed(&freed)));
                    }
                    Err(error) => say(out, format!("Note: who is jailed no more is not known: {error}.")),
                }
            })
        }
    };
    state.close();
    done
}

fn nobody_is_in() -> Result<(), Error> {
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
    Err(Error::new(what, "wait until they are gone (sftpjail list), or use --force; their sessions go on"))
}
