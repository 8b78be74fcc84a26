//! `sftpjail review`: who has access to what, with which keys, since when nobody has used it, and what else runs as
//! them. It reads, and changes nothing but the file that it is told to write.

mod access;
mod examine;
mod file;
mod html;
mod member;
mod moment;
mod options;
mod sheet;
mod text;
mod transfers;

use crate::host::accounts::{self, Accounts};
use crate::host::candidates::Candidates;
use crate::host::process_table::Found;
use crate::host::sessions::{self, outside};
use crate::host::sshd::logins::Sshd;
use crate::host::syslog::logins::{self, Logins};
use crate::host::{configuration, shadow, systemd, workers};
use crate::report::error::AS_ROOT;
use crate::report::json::{VERSION, document};
use crate::report::{Error, Status};
use examine::Reviewer;
use member::{Member, Unused};
use moment::Moment;
use nix::unistd::geteuid;
pub(crate) use options::Options;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::grants::Fingerprint;
use pam_sftpjail::nss::User;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::io::{self, Write};
use std::path::Path;
use transfers::{Audit, Moved};

/// How many names of the logs are remembered, of which NSS was asked whose they are.
const MAX_NAMES: usize = 100_000;

/// A review: the document of `--json`.
#[derive(Serialize)]
struct Review {
    version: u32,
    status: Status,
    host: String,
    made: Moment,
    logs: Logs,
    /// By name.
    members: Vec<Member>,
    /// What could not be read that concerns no member alone: sentences.
    problems: Vec<String>,
}

/// How much the logs say.
#[derive(Serialize)]
struct Logs {
    /// Where those of logins begin. `None`: there is none.
    begin: Option<Moment>,
    /// How many kinds of gaps that of transfers has.
    gaps: usize,
}

/// Reviews, and writes the review to `out`. The error is that it cannot be made at all.
pub(crate) fn run(config: Option<&Path>, options: &Options, out: &mut impl Write) -> io::Result<Status> {
    let used = configuration::load(config)
        .map_err(|unusable| io::Error::other(Error::from(unusable).to_string()))?;
    if !geteuid().is_root() {
        return Err(io::Error::other(format!("only root can read keys and logs of others; {AS_ROOT}")));
    }
    let user = options.user.as_deref().map(|typed| named(typed, &used)).transpose()?;
    if user.as_ref().is_some_and(Option::is_none) {
        let name = options.user.as_deref().unwrap_or_default();
        let look = Command::new("sftpjail check").arg(Name(name));
        writeln!(out, "{} is in no profile; to see why: {look}", escaped(name))?;
        return Ok(Status::InNoProfile);
    }
    let review = make(config, &used, user.flatten().as_deref())?;
    let written = match options {
        Options { html: Some(path), .. } => {
            return file::replace(path, html::document(&review).as_bytes()).map(|()| review.status);
        }
        Options { json: true, .. } => document(&review, out),
        Options { csv: true, .. } => sheet::write(&review, out),
        _ => text::print(&review, out),
    };
    review.status.after(written, out)
}

/// The name of a user as NSS spells it; `None`: in no profile.
fn named(typed: &str, config: &Config) -> io::Result<Option<String>> {
    use pam_sftpjail::policy::{Decision, decide};
    let account = Account::lookup(typed, config).map_err(|refusal| {
        let fix = match accounts::suggested(typed) {
            Some(other) => format!("did you mean {}?", escaped(&other)).into(),
            None => refusal.fix(),
        };
        io::Error::other(Error::new(&refusal, fix).to_string())
    })?;
    Ok((!matches!(decide(config, &account), Decision::NotJailed(_))).then_some(account.name))
}

/// Reads all of it. `user`: of one member only.
fn make(path: Option<&Path>, config: &Config, user: Option<&str>) -> io::Result<Review> {
    let mut problems = Vec::new();
    let audit = Audit::start(path, user).map_err(|error| {
        problems.push(format!("transfers are unknown: sftpjail audit cannot be run: {error}"))
    });
    accounts::remember();
    shadow::remember();
    let names: Vec<String> = match user {
        Some(user) => vec![user.to_owned()],
        None => {
            let accounts = Accounts::list().unwrap_or_else(|error| {
                problems.push(format!("NSS does not list its users: {error}"));
                Accounts::default()
            });
            Candidates::find(&accounts, config).names.into_iter().collect()
        }
    };
    if let Err(error) = accounts::is_complete() {
        problems.push(format!("NSS may not list all users: {error}; {}", error.fix()));
    }
    let mut sshd = match Sshd::find(None) {
        Ok(sshd) => Some(sshd),
        Err(_) => {
            problems.push("keys are unknown: sshd does not answer; see `sftpjail check`".to_owned());
            None
        }
    };
    if let Some(sshd) = &mut sshd {
        // What it does not answer is said for each member.
        let _ = sshd.ask_for_all(&names);
        problems.extend(sshd.daemon.unseen().map(Error::to_string));
    }
    let managers = systemd::is_booted().then(systemd::managers).transpose().unwrap_or_else(|error| {
        problems.push(format!("which user managers run is unknown: {error}"));
        None
    });
    let now = Moment::now();
    let Found { found: outside, unseen } = outside();
    problems.extend(
        unseen.map(|why| format!("which processes run outside of jails is not known for certain: {why}")),
    );
    let mut reviewer = Reviewer { config, sshd, managers: managers.unwrap_or_default(), outside, now };
    let mut found = BTreeMap::new();
    let ran = workers::run(&names, &mut reviewer, |at, member: Option<Member>| {
        found.extend(member.map(|member| (at, member)));
    });
    if let Err(error) = ran {
        problems.push(format!("not all users could be read: {error}"));
    }
    let mut members: Vec<_> = found.into_values().collect();
    let logins = read_logins(&members);
    let moved = audit.map_or_else(|()| Moved::default(), Audit::finish);
    problems.extend(logins.unread.iter().cloned());
    problems.extend(moved.problems.iter().cloned());
    let begin = logins.begin.map(Moment::from);
    add_uses(&mut members, &logins, begin, now);
    if let Err(error) = add_sessions(&mut members, now) {
        problems.push(error.to_string());
    }
    for member in &mut members {
        member.transfers = moved.users.get(&member.user).copied();
    }
    let is_ok = problems.is_empty() && members.iter().all(|member| member.problems.is_empty());
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default().trim().to_owned();
    Ok(Review {
        version: VERSION,
        status: if is_ok { Status::Ok } else { Status::Problems },
        host,
        made: now,
        logs: Logs { begin, gaps: moved.gaps },
        members,
        problems,
    })
}

/// Reads the logs for these members. Who has typed the name in another way is found by NSS.
fn read_logins(members: &[Member]) -> Logins {
    let mut known: HashMap<String, Option<String>> =
        members.iter().map(|member| (member.user.clone(), Some(member.user.clone()))).collect();
    let names: std::collections::HashSet<_> = members.iter().map(|member| member.user.clone()).collect();
    logins::read(&mut |typed| {
        if let Some(known) = known.get(typed) {
            return known.clone();
        }
        let spelt =
            User::by_name(typed).ok().flatten().map(|user| user.name).filter(|name| names.contains(name));
        if known.len() < MAX_NAMES {
            known.insert(typed.to_owned(), spelt.clone());
        }
        spelt
    })
}

/// Adds when members logged in last, and when their keys were used.
fn add_uses(members: &mut [Member], logins: &Logins, begin: Option<Moment>, now: Moment) {
    for member in members {
        let seen = logins.users.get(&member.user);
        member.last_login = seen.and_then(|seen| seen.last).map(Moment::from);
        member.unused = Unused::since(member.last_login, begin, now);
        for key in &mut member.keys {
            let used = seen.zip(key.fingerprint.as_ref()).and_then(|(seen, digest)| seen.keys.get(digest));
            key.last_used = used.copied().map(Moment::from);
            key.unused = Unused::since(key.last_used, begin, now);
        }
    }
}

/// Adds what live sessions say, which may have begun before the logs do.
fn add_sessions(members: &mut [Member], now: Moment) -> io::Result<()> {
    let live = sessions::live()?;
    let records =
        live.iter().filter_map(|session| session.record.as_ref().ok()).filter(|record| !record.refused);
    for record in records {
        let Some(member) = members.iter_mut().find(|member| member.user == record.user) else { continue };
        let since = i64::try_from(record.since).ok().and_then(Moment::of_epoch);
        member.live_sessions += 1;
        member.last_login = member.last_login.max(since);
        // It is in use.
        member.unused = Unused { days: Some(0), at_least: false };
        let used = Fingerprint::of_login(&record.authentication.join("\n"));
        for key in &mut member.keys {
            if used.iter().any(|used| Some(used.to_string()) == key.fingerprint) {
                key.last_used = key.last_used.max(since);
                key.unused = Unused::since(key.last_used, None, now);
            }
        }
    }
    Ok(())
}
