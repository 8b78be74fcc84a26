//! `sftpjail kick`.

use crate::host::child::is_ready_by;
use crate::host::sessions::{self, Session};
use crate::report::Status;
use crate::report::json::{VERSION, document};
use crate::report::suggestion::nearest;
use crate::report::terminal::Mark;
use pam_sftpjail::escape::escaped;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// How long sshd may take to end a session; it waits for nothing but its own processes.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whose sessions are to end.
pub(crate) enum Whom<'a> {
    User(&'a OsStr),
    /// The one session of which that is a process.
    Pid(i32),
}

#[derive(Serialize)]
struct Report {
    version: u32,
    sessions: Vec<Kicked>,
}

#[derive(Serialize)]
struct Kicked {
    /// Escaped.
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rhost: Option<String>,
    /// The one that was told to end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    gone: bool,
}

/// Tells the processes of the sessions to end, and waits until they are gone; with `force`, kills
/// those that are not.
pub(crate) fn run(whom: &Whom<'_>, force: bool, json: bool, out: &mut impl Write) -> io::Result<Status> {
    let mut sessions = sessions::live()?;
    let users: Vec<_> = sessions.iter().map(|session| session.user.as_str().to_owned()).collect();
    sessions.retain(|session| match whom {
        Whom::User(user) => AsRef::<OsStr>::as_ref(&session.user) == *user,
        Whom::Pid(pid) => session.holders.contains(pid) || session.others.contains(pid),
    });
    // All are told before any is waited for.
    let told: Vec<_> = sessions.iter().map(Told::tell).collect();
    let deadline = Instant::now() + PATIENCE;
    let kicked: Vec<_> =
        sessions.iter().zip(told).map(|(session, told)| told.wait(session, deadline, force)).collect();
    let status = match &kicked[..] {
        [] => Status::InNoProfile,
        kicked if kicked.iter().all(|session| session.gone) => Status::Ok,
        _ => Status::Problems,
    };
    let written = if json {
        document(&Report { version: VERSION, sessions: kicked }, out)
    } else {
        print(whom, &users, &kicked, out)
    };
    status.after(written, out)
}

fn print(whom: &Whom<'_>, users: &[String], kicked: &[Kicked], out: &mut impl Write) -> io::Result<()> {
    for session in kicked {
        let from = session.rhost.as_ref().map_or_else(String::new, |rhost| format!(" from {rhost}"));
        let user = &session.user;
        match (session.gone, session.pid) {
            (true, Some(pid)) => {
                writeln!(out, "{} the session of {user}{from} has ended (process {pid})", Mark::Good)?
            }
            (false, Some(pid)) => {
                writeln!(out, "{} the session of {user}{from} goes on (process {pid})", Mark::Bad)?;
                writeln!(out, "  → kill it: sftpjail kick --force --pid {pid}")?;
            }
            (true, None) => writeln!(out, "{} the session of {user}{from} has ended meanwhile", Mark::Good)?,
            (false, None) => {
                writeln!(
                    out,
                    "{} the session of {user}{from} goes on: its processes are not seen here",
                    Mark::Bad
                )?;
                writeln!(out, "  → run this where sshd runs, for all that share /run with it")?;
            }
        }
    }
    if kicked.is_empty() {
        match whom {
            Whom::User(user) => {
                write!(out, "{} has no live session", escaped(user))?;
                match nearest(&user.to_string_lossy(), users.iter().map(String::as_str)) {
                    Some(other) => writeln!(out, "; {} has.", escaped(other))?,
                    None => writeln!(out, ".")?,
                }
            }
            Whom::Pid(pid) => writeln!(out, "{pid} is no process of a live session.")?,
        }
    }
    Ok(())
}

/// The processes of one session, by descriptors for which no other process can come to stand.
struct Told {
    /// Those that have its record open.
    holders: Vec<(i32, OwnedFd)>,
    /// internal-sftp, which ends when its sshd does.
    others: Vec<OwnedFd>,
}

impl Told {
    /// Tells the monitor, which passes it on and then closes the session; or whoever is left of a
    /// session without one.
    fn tell(session: &Session) -> Self {
        let open = |pid: &i32| pidfd_open(Pid::from_raw(*pid)?, PidfdFlags::empty()).ok();
        let mut holders: Vec<_> = session.holders.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        let others: Vec<_> = session.others.iter().filter_map(|pid| Some((*pid, open(pid)?))).collect();
        // A pid may have been given out again before it was opened: ask once more.
        let still = session.holders_now();
        holders.retain(|(pid, _)| still.contains(pid));
        let others = sessions::descendants(others, &still);
        let monitor = session.monitor().filter(|monitor| still.contains(monitor));
        for (pid, process) in &holders {
            if monitor.is_none_or(|monitor| monitor == *pid) {
                let _gone = pidfd_send_signal(process, Signal::TERM);
            }
        }
        Self { holders, others }
    }

    fn wait(self, session: &Session, deadline: Instant, force: bool) -> Kicked {
        let ended = |deadline| {
            let mut all = self.holders.iter().map(|(_, process)| process).chain(&self.others);
            all.all(|process| is_ready_by(process, deadline))
        };
        let mut gone = ended(deadline);
        if !gone && force {
            // internal-sftp, too: one that somebody stopped does not see that its sshd has ended.
            for process in self.holders.iter().map(|(_, process)| process).chain(&self.others) {
                let _gone = pidfd_send_signal(process, Signal::KILL);
            }
            gone = ended(Instant::now() + PATIENCE);
        }
        Kicked {
            user: session.user.to_string(),
            rhost: session.record.as_ref().ok().map(|record| record.rhost.clone()),
            pid: session.monitor().or_else(|| session.holders.first().copied()),
            // Whoever has the record open where no process is to be seen from here, such as in another
            // container, was not told.
            gone: gone && !session.is_live(),
        }
    }
}
