//! `sftpjail extend`: gives a grant another end.

use super::change::{Change, chosen};
use super::end::End;
use super::file::GrantsFile;
use super::options::ExtendOptions;
use super::{Failure, account, edit, key_file, live, named, spec, trial, who};
use crate::host::zone;
use crate::report::Status;
use crate::report::json::{VERSION, document};
use crate::report::terminal::Mark;
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::Grant;
use serde::Serialize;
use std::io::Write;

#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    user: &'r str,
    folder: String,
    until: String,
    /// Whether it was written, and not only shown.
    written: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    notes: &'r [String],
}

pub(super) fn run(config: &Config, options: &ExtendOptions, out: &mut impl Write) -> Result<Status, Failure> {
    let how = &options.how;
    let end = End::parse(&options.until, &zone::now())?;
    let until = spec::ending(&end)?.until;
    let user = named(&options.user)?;
    let file = GrantsFile::read(&user)?;
    let folders = chosen(&options.user, &file.grants, options.folder.as_deref(), None)?;
    let is_meant = |grant: &Grant| folders.contains(&grant.folder.absolute());
    let extended = |grant: &Grant| match is_meant(grant) {
        true => Grant { until, ..grant.clone() },
        false => grant.clone(),
    };
    let all: Vec<_> = file.grants.iter().map(extended).collect();
    for grant in all.iter().filter(|grant| is_meant(grant)) {
        trial::examine(config, user.as_str(), &all, grant)?;
    }
    let text = edit::extended(&file.text(), &file.grants, is_meant, &end.written());
    let after = edit::verified(text, &all, file.path())?;
    let has_key = file.grants.iter().any(|grant| grant.key.is_some());
    let of_keys =
        has_key.then(|| key_file::edit(&user, &all, None, account::is_guest(&user, config))).transpose()?;
    let change = Change::of([Some(file.edit(after)), of_keys].into_iter().flatten());
    let live = live::note(&user, &live::Keeps::End(&folders))?;
    let notes: Vec<_> =
        [Some(format!("It ends on {}", end.shown())), end.note.clone(), live].into_iter().flatten().collect();
    let is_wanted = change.is_wanted(how, &notes, out)?;
    let shown = folders.iter().map(|folder| escaped(folder).to_string()).collect::<Vec<_>>().join(", ");
    if is_wanted {
        change.make()?;
        who::log("extend", &format!("has granted {shown} to {user} until {}", end.written()));
    } else if !how.dry_run {
        return Ok(Status::Problems);
    }
    if how.json {
        let folder = folders.first().map_or_else(String::new, |folder| folder.to_string_lossy().into_owned());
        let diff = change.diff();
        let until = end.written();
        let report = Report {
            version: VERSION,
            user: user.as_str(),
            folder,
            until,
            written: is_wanted,
            diff,
            notes: &notes,
        };
        document(&report, out)?;
    } else if is_wanted {
        writeln!(out, "{} {shown} is granted to {user} until {}", Mark::Good, end.shown())?;
    }
    Ok(Status::Ok)
}
