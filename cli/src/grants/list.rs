//! `sftpjail grants`: which folders were given to whom, and whether each can be used. It changes nothing.
//!
//! Children look at the folders: one on a filesystem that does not answer keeps nobody waiting for the others.

use super::options::ListOptions;
use super::{Failure, account, named, trial};
use crate::host::unanswered;
use crate::host::workers::{self, Work};
use crate::host::zone::{minute, moment};
use crate::report::json::{VERSION, document};
use crate::report::terminal::{self, Mark, wrapped};
use crate::report::text::duration;
use crate::report::{Error, Outside, Status, table};
use jiff::Timestamp;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{DIRECTORY, Grant, Moment, has_directory, load, now};
use pam_sftpjail::name::UserName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

/// In seconds.
const DAY: u64 = 86_400;

#[derive(Serialize)]
struct Report {
    version: u32,
    grants: Vec<Entry>,
    /// Files that cannot be read, or that no login reads.
    problems: Vec<String>,
}

/// What was given to one user.
#[derive(Serialize, Deserialize)]
struct Given {
    grants: Vec<Entry>,
    problem: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    user: String,
    folder: String,
    /// Where it appears in the jail.
    at: String,
    access: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    owner: Option<String>,
    /// RFC 3339, in UTC. `None`: when it was given is not on record.
    #[serde(skip_serializing_if = "Option::is_none")]
    since: Option<String>,
    /// RFC 3339, in UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    from: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    state: State,
    /// Why it cannot be used, and what to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Usable,
    /// It has not begun.
    Later,
    Ended,
    /// A login for which it is meant would be refused, or go without it.
    Unusable,
    /// Whether it can be used has not been found out in time.
    Unknown,
}

pub(super) fn run(config: &Config, options: &ListOptions, out: &mut impl Write) -> Result<Status, Failure> {
    let mut report = Report { version: VERSION, grants: Vec::new(), problems: Vec::new() };
    let users = match &options.user {
        Some(user) => vec![named(user)?],
        None => users(&mut report.problems).map_err(Failure::Unchecked)?,
    };
    let names: Vec<_> = users.iter().map(|user| user.as_str().to_owned()).collect();
    let mut all = BTreeMap::new();
    let ran = workers::run(&names, &mut Looking(config), |at, given| drop(all.insert(at, given)));
    for given in all.into_values() {
        report.grants.extend(given.grants);
        report.problems.extend(given.problem);
    }
    report.problems.extend(ran.err().map(|error| format!("not all grants could be read: {error}")));
    if let (Some(user), true) = (&options.user, report.grants.is_empty() && report.problems.is_empty()) {
        match account::missing(user, "see sftpjail grants")? {
            Some(missing) => return Err(Failure::Problem(missing)),
            None if !options.json => {
                writeln!(out, "Nothing is granted to {}.", Outside::new(user))?;
                return Ok(Status::Ok);
            }
            None => {}
        }
    }
    let is_unusable = |entry: &Entry| matches!(entry.state, State::Unusable | State::Unknown);
    let is_fine = report.problems.is_empty() && !report.grants.iter().any(is_unusable);
    let status = if is_fine { Status::Ok } else { Status::Problems };
    if options.json {
        document(&report, out)?;
    } else {
        report.print(out)?;
    }
    Ok(status)
}

/// Those who have a file. Of other entries, only hidden ones may be there: what an editor has open, or what this
/// program was killed at.
fn users(problems: &mut Vec<String>) -> Result<Vec<UserName>, Error> {
    let directory = Path::new(DIRECTORY);
    let failed = |error: io::Error| Error::with(directory, "be read", &error);
    match has_directory() {
        Ok(true) => {}
        Ok(false) => return Ok(Vec::new()),
        Err(error) => {
            problems.push(Error::new(&error, error.fix()).to_string());
            return Ok(Vec::new());
        }
    }
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut users = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let user = name.to_str().and_then(|name| UserName::parse(name.strip_suffix(".toml")?).ok());
        match user {
            Some(user) if !user.as_str().starts_with('.') => users.push(user),
            _ if name.as_encoded_bytes().starts_with(b".") => {}
            _ => problems.push(format!(
                "no login reads {}: its name is not USER.toml",
                escaped(&directory.join(name))
            )),
        }
    }
    users.sort();
    Ok(users)
}

/// Looks at the grants of one user.
struct Looking<'c>(&'c Config);

impl Work for Looking<'_> {
    type Result = Given;

    fn check(&mut self, user: &str) -> Given {
        let Self(config) = self;
        Given::of(user, |all, grant| match trial::examine_here(config, user, all, grant) {
            Ok(()) if grant.since.is_some_and(|since| since.epoch() > now()) => (State::Later, None),
            Ok(()) => (State::Usable, None),
            Err(error) => (State::Unusable, Some(error.to_string())),
        })
    }

    fn give_up(&mut self, user: &str, why: &str) -> Given {
        Given::of(user, |_, _| (State::Unknown, Some(format!("{why}; {}", unanswered::FIX))))
    }
}

impl Given {
    /// `state`: of a grant that has not ended, among all of the user's.
    fn of(user: &str, state: impl Fn(&[Grant], &Grant) -> (State, Option<String>)) -> Self {
        let user = match UserName::parse(user) {
            Ok(user) => user,
            Err(why) => return Self { grants: Vec::new(), problem: Some(why.to_owned()) },
        };
        let all = match load(&user) {
            Ok(all) => all,
            Err(error) => {
                let problem = Some(Error::new(&error, error.fix()).to_string());
                return Self { grants: Vec::new(), problem };
            }
        };
        let has_ended = |grant: &Grant| grant.until.is_some_and(|until| until.epoch() <= now());
        let entry = |grant: &Grant| match has_ended(grant) {
            true => Entry::of(&user, grant, (State::Ended, None)),
            false => Entry::of(&user, grant, state(&all, grant)),
        };
        Self { grants: all.iter().map(entry).collect(), problem: None }
    }
}

impl Entry {
    fn of(user: &UserName, grant: &Grant, (state, why): (State, Option<String>)) -> Self {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self {
            user: user.as_str().to_owned(),
            folder: text(&grant.folder.absolute()),
            at: text(&grant.at.absolute()),
            access: if grant.read_only { "read-only" } else { "read-write" }.to_owned(),
            owner: grant.owner.clone(),
            since: text_of(grant.since),
            until: text_of(grant.until),
            from: grant.from.iter().map(ToString::to_string).collect(),
            key: grant.key.map(|key| key.to_string()),
            note: grant.note.clone(),
            state,
            why,
        }
    }

    fn row(&self) -> [String; 9] {
        let or_none = |text: &Option<String>| {
            text.as_ref().map_or_else(|| "-".to_owned(), |text| Outside::new(text).to_string())
        };
        let state = match self.state {
            State::Usable => "usable".to_owned(),
            State::Later => {
                format!("from {}", epoch(&self.since).map(moment).map(minute).unwrap_or_default())
            }
            State::Ended => "ended".to_owned(),
            State::Unusable => "unusable".to_owned(),
            State::Unknown => "unknown".to_owned(),
        };
        [
            Outside::new(&self.user).to_string(),
            Outside::new(&self.folder).to_string(),
            self.access.clone(),
            self.ends(),
            state,
            or_none(&self.owner),
            if self.from.is_empty() { "-".to_owned() } else { self.from.join(",") },
            or_none(&self.key),
            or_none(&self.note),
        ]
    }

    fn ends(&self) -> String {
        let Some(end) = epoch(&self.until) else { return "-".to_owned() };
        let at = minute(moment(end));
        // From ten days on, nobody counts hours.
        let rest = |left: u64| if left < 10 * DAY { 0 } else { left % DAY };
        match u64::try_from(end.saturating_sub(now())).map(|left| left - rest(left)) {
            Ok(left) if left > 0 => format!("{at} (in {})", duration(Duration::from_secs(left))),
            _ => at,
        }
    }
}

fn text_of(at: Option<Moment>) -> Option<String> {
    at.map(|at| moment(at.epoch()).to_string())
}

/// Of what [`text_of`] has made.
fn epoch(text: &Option<String>) -> Option<i64> {
    Some(text.as_ref()?.parse::<Timestamp>().ok()?.as_second())
}

impl Report {
    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        if self.grants.is_empty() && self.problems.is_empty() {
            return writeln!(out, "Nothing is granted.");
        }
        let header = ["USER", "FOLDER", "ACCESS", "END", "STATE", "OWNER", "FROM", "KEY", "NOTE"];
        let rows = self.grants.iter().map(Entry::row);
        let rows: Vec<_> = std::iter::once(header.map(str::to_owned)).chain(rows).collect();
        let widths = table::widths(&rows);
        let shown = table::fitting(&widths, terminal::columns().unwrap_or(usize::MAX));
        for row in rows.iter().filter(|_| !self.grants.is_empty()) {
            writeln!(out, "{}", table::line(row, shown).trim_end())?;
        }
        for entry in &self.grants {
            if let Some(why) = &entry.why {
                let (user, folder) = (Outside::new(&entry.user), Outside::new(&entry.folder));
                let what = match entry.state {
                    State::Unknown => format!("whether {user} can use {folder} is unknown: {why}"),
                    _ => format!("{user} cannot use {folder}: {why}"),
                };
                writeln!(out, "{} {}", Mark::Attention, wrapped(&what, 2))?;
            }
        }
        self.problems
            .iter()
            .try_for_each(|problem| writeln!(out, "{} {}", Mark::Attention, wrapped(problem, 2)))
    }
}
