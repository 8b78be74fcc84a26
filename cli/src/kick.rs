//! `sftpjail kick`: ends live sessions, and says what became of each.

use crate::host::accounts::Accounts;
use crate::host::accounts::suggested;
use crate::host::sessions::{self, Session};
use crate::host::shadow::{Lapse, Shadow, today};
use crate::report::json::{VERSION, document};
use crate::report::terminal::{Mark, advice, wrapped};
use crate::report::{Outside, Status};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::nss::User;
use pam_sftpjail::suggestion::nearest;
use serde::Serialize;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{self, Write};

/// The sessions that are to end.
pub(crate) enum Target<'a> {
    /// All sessions of this user.
    User(&'a OsStr),
    /// The one session that this process belongs to.
    Pid(i32),
}

#[derive(Serialize)]
struct Report {
    version: u32,
    sessions: Vec<Kicked>,
}

#[derive(Serialize)]
struct Kicked {
    user: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    /// sshd's monitor, or where that is dead another process of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    ended: bool,
    /// Why it is not known whether it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip)]
    became: &'static str,
    #[serde(skip)]
    fix: Option<Fix>,
}

/// Asks the sessions to end, and waits until they have ended. With `force`, kills what has not ended in time. The
/// error is a registry that cannot be read.
pub(crate) fn run(target: &Target<'_>, force: bool, json: bool, out: &mut impl Write) -> io::Result<Status> {
    let mut sessions = sessions::live()?;
    let unseen = sessions.iter().find_map(|session| session.unseen.clone());
    let users: Vec<_> = sessions.iter().map(|session| session.user.as_str().to_owned()).collect();
    sessions.retain(|session| match target {
        Target::User(user) => AsRef::<OsStr>::as_ref(&session.user) == *user,
        Target::Pid(pid) => session.holders.contains(pid) || session.others.contains(pid),
    });
    if let (Target::Pid(pid), true, Some(why)) = (target, sessions.is_empty(), unseen) {
        let what = format!("whether {pid} is a process of a live session is not known: {why}");
        return Err(io::Error::other(what));
    }
    let ended = sessions::end(&sessions, force);
    let kicked: Vec<_> = sessions.iter().zip(ended).map(|(session, ended)| kicked(session, ended)).collect();
    let status = match &kicked[..] {
        [] => Status::InNoProfile,
        kicked if kicked.iter().all(|session| session.ended) => Status::Ok,
        _ => Status::Problems,
    };
    let written = if json {
        document(&Report { version: VERSION, sessions: kicked }, out)
    } else {
        print(target, &users, &kicked, out)
    };
    status.after(written, out)
}

/// What became of a session.
fn kicked(session: &Session, ended: bool) -> Kicked {
    let record = session.record.as_ref().ok();
    let unseen = session.unseen.as_ref().filter(|_| !ended);
    Kicked {
        user: session.user.as_str().to_owned(),
        address: record.map(|record| Outside::of_escaped(&record.rhost).plain().into_owned()),
        pid: session.monitor().or_else(|| session.holders.first().copied()),
        ended,
        problem: unseen.map(|why| why.what.clone()),
        became: session.became(ended),
        fix: unseen.map(|why| why.fix.clone()),
    }
}

fn print(target: &Target<'_>, users: &[String], kicked: &[Kicked], out: &mut impl Write) -> io::Result<()> {
    for session in kicked {
        let from = session
            .address
            .as_ref()
            .map_or_else(String::new, |address| format!(" from {}", Outside::new(address).address()));
        let user = Outside::new(&session.user);
        let became = session.became;
        if let (Some(problem), Some(fix)) = (&session.problem, &session.fix) {
            let what = format!("the session of {user}{from} {became}: {problem}");
            writeln!(out, "{} {}", Mark::Bad, wrapped(&what, 2))?;
            advise(fix, out)?;
            continue;
        }
        match (session.ended, session.pid) {
            (true, Some(pid)) => {
                let what = format!("the session of {user}{from} {became} (process {pid})");
                writeln!(out, "{} {}", Mark::Good, wrapped(&what, 2))?;
            }
            (false, Some(pid)) => {
                let what = format!("the session of {user}{from} {became} (process {pid})");
                writeln!(out, "{} {}", Mark::Bad, wrapped(&what, 2))?;
                let kill = Command::new("sftpjail kick --force --pid").arg(pid.unsigned_abs());
                advise(&Fix::from(kill).explained("kill it"), out)?;
            }
            (true, None) => writeln!(out, "{} the session of {user}{from} ended by itself", Mark::Good)?,
            (false, None) => {
                let what =
                    format!("the session of {user}{from} {became}: its processes cannot be seen from here");
                writeln!(out, "{} {}", Mark::Bad, wrapped(&what, 2))?;
                advise(&"run this where sshd runs: another container shares /run with it".into(), out)?;
            }
        }
    }
    if kicked.is_empty() {
        match target {
            Target::User(user) => {
                let other = meant(&user.to_string_lossy(), users);
                let end =
                    other.map_or(".".to_owned(), |other| format!("; did you mean {}?", escaped(&other)));
                writeln!(out, "{}", wrapped(&format!("{} has no live session{end}", escaped(user)), 0))?;
            }
            Target::Pid(pid) => writeln!(out, "{pid} is not a process of a live session.")?,
        }
    }
    let ended = kicked.iter().filter(|session| session.ended).map(|session| session.user.as_str());
    ended.collect::<BTreeSet<_>>().into_iter().try_for_each(|user| print_return(user, out))
}

/// Says that the user can log in again, and what prevents that. Nothing is said of an account that has expired.
fn print_return(user: &str, out: &mut impl Write) -> io::Result<()> {
    let shown = Outside::new(user);
    if let Ok(None) = User::by_name(user) {
        let what = format!("there is no account {shown} any more, so nobody can log in with this name");
        return writeln!(out, "{} {}", Mark::Good, wrapped(&what, 2));
    }
    let is_local = Accounts::of_this_host().is_ok_and(|accounts| accounts.uid_of(user).is_some());
    let shadow = Shadow::of(user).ok().flatten();
    if matches!(shadow.as_ref().and_then(|shadow| shadow.lapse(today())), Some(Lapse::Account(_))) {
        return Ok(());
    }
    let what = format!("{shown} can log in again, and some clients do so at once");
    writeln!(out, "{} {}", Mark::Attention, wrapped(&what, 2))?;
    let Some(shadow) = shadow.filter(|_| is_local) else {
        return advise(&"to prevent that, lock the account where it is kept, then kick again".into(), out);
    };
    let kick = Command::new("sftpjail kick").arg(Name(user));
    let lock = Command::new("chage -E 0").arg(Name(user)).and(&kick);
    advise(&Fix::from(lock).explained("to prevent that, let the account expire first"), out)?;
    let unlock = match shadow.expire.and_then(|day| u32::try_from(day).ok()) {
        Some(day) => Command::new("chage -E").arg(day).arg(Name(user)),
        None => Command::new("chage -E -1").arg(Name(user)),
    };
    advise(&Fix::from(unlock).explained("and let it in again later"), out)
}

/// Prints what can be done about it.
fn advise(fix: &Fix, out: &mut impl Write) -> io::Result<()> {
    writeln!(out, "  {}", advice(&fix.to_string(), fix.command(), 2))
}

/// The name that was meant, where there is no user of the name that was typed: of a user with a live session or, if
/// none is similar, of any user.
fn meant(typed: &str, live: &[String]) -> Option<String> {
    let Ok(None) = User::by_name(typed) else { return None };
    let live = nearest(typed, live.iter().map(String::as_str));
    live.map_or_else(|| suggested(typed), |name| Some(name.to_owned()))
}
