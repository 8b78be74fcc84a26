//! `sftpjail grants`: which folders were given to whom, and whether each can be used. It changes nothing.

use super::options::ListOptions;
use super::{Failure, named, trial};
use crate::host::zone::{moment, zone};
use crate::report::json::{VERSION, document};
use crate::report::terminal::{self, Mark, wrapped};
use crate::report::text::duration;
use crate::report::{Error, Outside, Status, table};
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{DIRECTORY, Grant, Moment, has_directory, load, now};
use pam_sftpjail::name::UserName;
use serde::Serialize;
use std::fs;
use std::io::{self, ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

#[derive(Serialize)]
struct Report {
    version: u32,
    grants: Vec<Entry>,
    /// Files that cannot be read, or that no login reads.
    problems: Vec<String>,
}

#[derive(Serialize)]
struct Entry {
    user: String,
    folder: String,
    /// Where it appears in the jail.
    at: String,
    access: &'static str,
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
    #[serde(skip)]
    begin: Option<i64>,
    #[serde(skip)]
    end: Option<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
enum State {
    Usable,
    /// It has not begun.
    Later,
    Ended,
    /// A login for which it is meant would be refused, or go without it.
    Unusable,
}

pub(super) fn run(config: &Config, options: &ListOptions, out: &mut impl Write) -> Result<Status, Failure> {
    let mut report = Report { version: VERSION, grants: Vec::new(), problems: Vec::new() };
    let users = match &options.user {
        Some(user) => vec![named(user)?],
        None => users(&mut report.problems).map_err(Failure::Unchecked)?,
    };
    for user in users {
        match load(&user) {
            Ok(grants) => {
                report.grants.extend(grants.iter().map(|grant| Entry::of(config, &user, &grants, grant)))
            }
            Err(error) => report.problems.push(Error::new(&error, error.fix()).to_string()),
        }
    }
    let is_unusable = |entry: &Entry| entry.state == State::Unusable;
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

impl Entry {
    fn of(config: &Config, user: &UserName, all: &[Grant], grant: &Grant) -> Self {
        let [begin, end] = [grant.since, grant.until].map(|at| at.map(Moment::epoch));
        let (state, why) = match end {
            Some(end) if end <= now() => (State::Ended, None),
            _ => match trial::examine(config, user.as_str(), all, grant) {
                Ok(_) if begin.is_some_and(|begin| begin > now()) => (State::Later, None),
                Ok(_) => (State::Usable, None),
                Err(error) => (State::Unusable, Some(error.to_string())),
            },
        };
        let text = |path: &Path| path.to_string_lossy().into_owned();
        Self {
            user: user.as_str().to_owned(),
            folder: text(&grant.folder.absolute()),
            at: text(&grant.at.absolute()),
            access: if grant.read_only { "read-only" } else { "read-write" },
            owner: grant.owner.clone(),
            since: begin.map(|begin| moment(begin).to_string()),
            until: end.map(|end| moment(end).to_string()),
            from: grant.from.iter().map(ToString::to_string).collect(),
            key: grant.key.map(|key| key.to_string()),
            note: grant.note.clone(),
            state,
            why,
            begin,
            end,
        }
    }

    fn row(&self) -> [String; 9] {
        let or_none = |text: &Option<String>| {
            text.as_ref().map_or_else(|| "-".to_owned(), |text| Outside::new(text).to_string())
        };
        let state = match self.state {
            State::Usable => "usable".to_owned(),
            State::Later => format!("from {}", self.begin.map(minute).unwrap_or_default()),
            State::Ended => "ended".to_owned(),
            State::Unusable => "unusable".to_owned(),
        };
        [
            Outside::new(&self.user).to_string(),
            Outside::new(&self.folder).to_string(),
            self.access.to_owned(),
            self.ends(),
            state,
            or_none(&self.owner),
            if self.from.is_empty() { "-".to_owned() } else { self.from.join(",") },
            or_none(&self.key),
            or_none(&self.note),
        ]
    }

    fn ends(&self) -> String {
        let Some(end) = self.end else { return "-".to_owned() };
        let at = minute(end);
        match u64::try_from(end.saturating_sub(now())) {
            Ok(left) if left > 0 => format!("{at} (in {})", duration(Duration::from_secs(left))),
            _ => at,
        }
    }
}

/// In the zone of this host.
fn minute(epoch: i64) -> String {
    moment(epoch).to_zoned(zone()).strftime("%F %H:%M").to_string()
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
                let what = format!("{user} cannot use {folder}: {why}");
                writeln!(out, "{} {}", Mark::Attention, wrapped(&what, 2))?;
            }
        }
        self.problems
            .iter()
            .try_for_each(|problem| writeln!(out, "{} {}", Mark::Attention, wrapped(problem, 2)))
    }
}
