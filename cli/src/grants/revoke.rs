//! `sftpjail revoke`: takes folders from a user, and ends the sessions that have them.

use super::change::{Change, chosen, nothing};
use super::file::GrantsFile;
use super::options::RevokeOptions;
use super::{Failure, account, edit, key_file, live, named, who};
use crate::host::sessions::{self, Session};
use crate::report::json::{VERSION, document};
use crate::report::terminal::{Mark, advice, wrapped};
use crate::report::text::listed;
use crate::report::{Error, Outside, Status};
use pam_sftpjail::config::Config;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::grants::Grant;
use pam_sftpjail::name::UserName;
use serde::Serialize;
use std::io::Write;
use std::path::PathBuf;

#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    user: &'r str,
    folders: Vec<String>,
    /// Whether it was written, and not only shown.
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    /// Those that have one of the folders.
    sessions: &'r [Ending],
}

/// A session, and whether it has ended.
#[derive(Serialize)]
struct Ending {
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    ended: bool,
    /// Why it is not known whether it has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    #[serde(skip)]
    became: &'static str,
}

/// `config`: `None`, if it cannot be used.
pub(super) fn run(
    config: Option<&Config>,
    options: &RevokeOptions,
    out: &mut impl Write,
) -> Result<Status, Failure> {
    let how = &options.how;
    let user = named(&options.user)?;
    let file = GrantsFile::read(&user).map_err(|error| with_sessions(error, &user))?;
    if file.grants.is_empty() {
        return Err(with_sessions(nothing(&options.user), &user).into());
    }
    let folders = chosen(&options.user, &file.grants, options.folder.as_deref(), Some(options.all))?;
    let is_gone = |grant: &Grant| folders.contains(&grant.folder.absolute());
    let text = edit::removed(&file.text(), &file.grants, is_gone);
    let left: Vec<_> = file.grants.iter().filter(|grant| !is_gone(grant)).cloned().collect();
    // A file without any text is removed, and no file is none of a login's.
    let after =
        if text.trim().is_empty() { String::new() } else { edit::verified(text, &left, file.path())? };
    let has_key = file.grants.iter().any(|grant| grant.key.is_some());
    let is_guest = config.is_some_and(|config| account::is_guest(&user, config));
    let of_keys = has_key.then(|| key_file::edit(&user, &left, None, is_guest)).transpose()?;
    let change = Change::of([Some(file.edit(after)), of_keys].into_iter().flatten());
    let is_wanted = change.is_wanted(how, &[], out)?;
    let mut ended = Vec::new();
    if is_wanted {
        change.make()?;
        who::log("revoke", &format!("has revoked {} of {user}", listed(&folders)));
        ended = end(&user, &folders)?;
    } else if !how.dry_run {
        return Ok(Status::Problems);
    }
    if how.json {
        let folders = folders.iter().map(|folder| folder.to_string_lossy().into_owned()).collect();
        let (user, diff) = (user.as_str(), change.diff());
        let report = Report { version: VERSION, user, folders, written: is_wanted, diff, sessions: &ended };
        document(&report, out)?;
    } else if is_wanted {
        let are = if folders.len() == 1 { "is" } else { "are" };
        writeln!(out, "{} {} {are} no longer granted to {user}", Mark::Good, listed(&folders))?;
        ended.iter().try_for_each(|session| session.print(&user, out))?;
        let removal = config.filter(|_| left.is_empty()).and_then(|config| account::removal(&user, config));
        if let Some(fix) = removal {
            writeln!(out, "The account {user} stays, and its logins are refused: nothing is granted to it")?;
            writeln!(out, "  {}", advice(&fix.to_string(), fix.command(), 2))?;
        }
    }
    Ok(if ended.iter().all(|session| session.ended) { Status::Ok } else { Status::Problems })
}

/// Where nothing can be revoked, a session may have what was granted when it began.
fn with_sessions(error: Error, user: &UserName) -> Error {
    let has_grants = |session: &Session| {
        session.user == *user && session.record.as_ref().is_ok_and(|record| !record.grants.is_empty())
    };
    match sessions::recorded().map(|sessions| sessions.iter().any(has_grants)) {
        Err(why) => error.and(format!(
            "Whether a live session of {user} goes on with what was granted is not known: {why}"
        )),
        Ok(true) => {
            let kick = Command::new("sftpjail kick").arg(Name(user.as_str()));
            error.and(format!("A live session of {user} goes on with what was granted: end it with `{kick}`"))
        }
        Ok(false) => error,
    }
}

/// Ends the sessions that hold one of the folders, or of which that is unknown. A login that has read the file before it
/// was changed, and has no record yet, reads it again.
fn end(user: &UserName, folders: &[PathBuf]) -> Result<Vec<Ending>, Error> {
    let unknown = |error| {
        let what = format!("it is revoked, but the sessions of {user} are unknown: {error}");
        let kick = Command::new("sftpjail kick").arg(Name(user.as_str()));
        Error::new(what, Fix::after("see why", &kick))
    };
    let mut sessions = sessions::live().map_err(unknown)?;
    sessions.retain(|session| session.user == *user && live::has_one_of(session, folders));
    let ended = sessions::end(&sessions, true);
    Ok(sessions.iter().zip(ended).map(|(session, ended)| Ending::of(session, ended)).collect())
}

impl Ending {
    fn of(session: &Session, ended: bool) -> Self {
        let record = session.record.as_ref().ok();
        Self {
            address: record.map(|record| Outside::of_escaped(&record.rhost).plain().into_owned()),
            pid: session.monitor().or_else(|| session.holders.first().copied()),
            ended,
            problem: session.unseen.as_ref().filter(|_| !ended).map(Error::to_string),
            became: session.became(ended),
        }
    }

    fn print(&self, user: &UserName, out: &mut impl Write) -> std::io::Result<()> {
        let from = self.address.as_ref().map(|address| format!(" from {}", Outside::new(address).address()));
        let process = self.pid.map(|pid| format!(" (process {pid})"));
        let mark = if self.ended { Mark::Good } else { Mark::Bad };
        let (from, process) = (from.unwrap_or_default(), process.unwrap_or_default());
        let problem: String = self.problem.iter().map(|why| format!(": {why}")).collect();
        let what = format!("the session of {user}{from} {}{process}{problem}", self.became);
        writeln!(out, "{mark} {}", wrapped(&what, 2))?;
        match self.ended || self.problem.is_some() {
            true => Ok(()),
            false => writeln!(out, "  → see what the process waits for, and end it"),
        }
    }
}
