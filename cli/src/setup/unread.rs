//! Finds the sshds that run and have not read their files as they are, and reloads them though no file needs a change;
//! the kernel gets the rules before that which it does not have.

use super::sshd::Sshd;
use super::{Planned, reload, say, unloaded, verify};
use crate::host::sshd::daemon::Daemon;
use crate::host::sshd::files::SshdConfig;
use crate::host::sshd::running::Reread;
use crate::report::Error;
use crate::report::text::joined;
use std::io::Write;
use std::iter;
use std::thread;
use std::time::{Duration, Instant};

/// How long a reloaded sshd may take to read its files.
const TIMEOUT: Duration = Duration::from_secs(10);

/// An sshd that has not read its files.
pub(super) struct Unread {
    pid: i32,
    /// Whether that is unknown only: without a pid file, a reload is not seen.
    may_have_read: bool,
    reread: Reread,
}

impl Unread {
    /// Those of this configuration. The error: which sshds run is not known.
    pub(super) fn find(sshd: &Sshd) -> Result<Vec<Self>, Error> {
        sshd.daemon.unseen().map_or(Ok(()), |unseen| Err(unseen.clone()))?;
        Ok(of(&sshd.daemon, sshd))
    }

    /// The sentence about it.
    pub(super) fn sentence(&self) -> String {
        let (pid, done) = (self.pid, self.reread.participle());
        match self.may_have_read {
            false => format!(
                "sshd (pid {pid}) has not read its files as they are, so it may not jail members: it has to be {done}."
            ),
            true => format!(
                "sshd (pid {pid}) writes no pid file, so it is not known whether it has read its files as they are: it has \
                 to be {done} once."
            ),
        }
    }
}

fn of(daemon: &Daemon, sshd: &Sshd) -> Vec<Unread> {
    let config = SshdConfig::readable(daemon.main_file());
    let unread = daemon.running().filter_map(|running| {
        let reading = running.reading(sshd.global.get("PidFile"))?;
        reading.changed_since(&config)?;
        Some(Unread { pid: running.pid, may_have_read: reading.may_be_later, reread: Reread::of(running) })
    });
    unread.collect()
}

/// Tries out what the files say, as after a change, and lets the kernel and sshd read them. The error: they have not.
pub(super) fn load_all(planned: &Planned, out: &mut impl Write) -> Result<(), Error> {
    let Planned { choices, sshd, unread, unloaded, .. } = planned;
    for said in unloaded::load(unloaded, iter::empty(), choices)? {
        say(out, said);
    }
    for note in verify::all(choices, sshd)? {
        say(out, note);
    }
    if unread.is_empty() {
        return Ok(());
    }
    say(out, reload::sshd(sshd)?);
    let start = Instant::now();
    loop {
        let daemon = Daemon::find(sshd.daemon.file())?;
        let left = of(&daemon, sshd).into_iter().find(|unread| !unread.may_have_read);
        match left {
            None => break,
            Some(_) if start.elapsed() < TIMEOUT => thread::sleep(Duration::from_millis(50)),
            Some(Unread { pid, .. }) => {
                let what =
                    format!("sshd (pid {pid}) has still not read its files, so it may not jail members");
                return Err(Error::new(
                    what,
                    "see in the system's log why it was not reloaded, and restart it",
                ));
            }
        }
    }
    say(out, format!("Users in the group {} are jailed from now on.", joined(&choices.groups, " or ")));
    Ok(())
}
