//! Putting back: `--undo`, and whatever could not be finished.

use super::journal::{Journal, Patience, State, Step};
use super::sshd::ask::Sshd;
use super::trouble::Trouble;
use super::{group, reload, restore, say, syslog, user_manager};
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::registry::Registry;
use std::io::Write;
use std::path::Path;

/// Puts back what is not settled, and lets the daemons know. Gives whether all of it is as it was.
pub(super) fn put_back(state: &State, journal: Journal, out: &mut impl Write) -> Result<bool, Trouble> {
    let is_about = |concerns: fn(&Path) -> bool| {
        let is_so = |step: &Step| matches!(step, Step::File { path, .. } if concerns(path));
        journal.unsettled().iter().any(is_so)
    };
    let (for_syslog, for_systemd) = (is_about(syslog::concerns), is_about(user_manager::concerns));
    let kept = restore::unsettled(state, journal)?;
    for what in &kept {
        say(out, format!("Note: {what}."));
    }
    if for_systemd && let Err(trouble) = reload::units() {
        say(out, format!("Note: systemd was not told to read its files: {trouble}."));
    }
    match Sshd::find().and_then(|sshd| reload::sshd(&sshd)) {
        Ok(what) => say(out, what),
        Err(trouble) => say(out, format!("Note: sshd was not told to reload: {trouble}.")),
    }
    if for_syslog {
        say(out, reload::rsyslog());
    }
    Ok(kept.is_empty())
}

/// `--undo`. `force`: though members are logged in.
pub(super) fn run(force: bool, out: &mut impl Write) -> Result<(), Trouble> {
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
            let freed = group::all_members(config.groups());
            put_back(&state, journal, out).map(|is_all| {
                let what = if is_all { "Everything" } else { "Everything else" };
                say(out, format!("{what} is as it was before."));
                match freed {
                    Ok(freed) if freed.is_empty() => {}
                    Ok(freed) => {
                        let freed: Vec<_> = freed.iter().map(|name| escaped(name).to_string()).collect();
                        say(out, format!("Jailed no more, so mind their shells: {}.", freed.join(", ")));
                    }
                    Err(trouble) => say(out, format!("Note: who is jailed no more is not known: {trouble}.")),
                }
            })
        }
    };
    state.close();
    done
}

fn nobody_is_in() -> Result<(), Trouble> {
    let failed = |refusal: pam_sftpjail::error::Refusal| Trouble::new(&refusal, refusal.fix());
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
    Err(Trouble::new(what, "wait until they are gone (sftpjail list), or use --force; their sessions go on"))
}
