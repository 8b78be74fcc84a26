//! `sftpjail grant`: gives a user a folder.

use super::account::{self, NewAccount};
use super::change::Change;
use super::end::End;
use super::file::GrantsFile;
use super::key::GivenKey;
use super::letter::Letter;
use super::options::GrantOptions;
use super::{Failure, edit, key_file, live, named, served, spec, trial, who};
use crate::host::sshd::effective::Settings;
use crate::host::zone;
use crate::report::json::{VERSION, document};
use crate::report::terminal::Mark;
use crate::report::{Error, Status};
use pam_sftpjail::config::Config;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Name};
use pam_sftpjail::grants::Grant;
use pam_sftpjail::name::UserName;
use serde::Serialize;
use std::io::Write;
use std::path::Path;
use std::rc::Rc;

#[derive(Serialize)]
struct Report<'r> {
    version: u32,
    user: &'r str,
    /// Whether it was written, and not only shown.
    written: bool,
    /// Whether the account was missing.
    new_account: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    diff: Option<String>,
    notes: &'r [String],
    send: &'r Letter,
}

pub(super) fn run(config: &Config, options: &GrantOptions, out: &mut impl Write) -> Result<Status, Failure> {
    let how = &options.how;
    let now = zone::now();
    let until = options.until.as_deref().map(|text| End::parse(text, &now)).transpose()?;
    let key = options.key.as_deref().map(GivenKey::read).transpose()?;
    let fingerprint = key.as_ref().map(|key| key.fingerprint.as_str());
    let (text, grant) = spec::of_options(options, &now, until.as_ref(), fingerprint)?;
    let new = NewAccount::find(&options.user, options.create, config)?;
    let user = named(&options.user)?;
    let file = GrantsFile::read(&user)?;
    refuse_second(&user, &grant, &file)?;
    let all: Vec<_> = file.grants.iter().chain([&grant]).cloned().collect();
    let is_let_in = key.as_ref().is_some_and(|key| key.public.is_some());
    let login =
        Login { config, sshd_config: options.sshd.path(), user: &user, grants: &all, new: &grant, is_let_in };
    let mut settings = if new.is_none() { login.examine()? } else { None };
    if new.is_some() && is_let_in {
        key_file::must_be_named(options.sshd.path(), &user)?;
    }
    let after = edit::verified(edit::added(&file.text(), &text), &all, file.path())?;
    let is_guest = new.is_some() || account::is_guest(&user, config);
    // Also for what another key opens from now on: the end of its line goes by all grants.
    let has_key = all.iter().any(|grant| grant.key.is_some());
    let of_key = has_key.then(|| key_file::edit(&user, &all, key.as_ref(), is_guest)).transpose()?;
    let change = Change::of([Some(file.edit(after)), of_key].into_iter().flatten());
    let mut notes = notes(until.as_ref(), new.as_ref());
    notes.extend(live::note(&user, &live::Keeps::Jail)?);
    let is_wanted = change.is_wanted(how, &notes, out)?;
    if is_wanted {
        if let Some(new) = &new {
            settings = add(new, &login)?;
        }
        change.make().map_err(|error| without_account(error, new.as_ref()))?;
        who::log("grant", &format!("has granted {} to {user}", described(&grant, until.as_ref())));
    } else if !how.dry_run {
        return Ok(Status::Problems);
    }
    let at = grant.at.absolute();
    let letter = Letter::new(settings.as_deref(), user.as_str(), &at, until.as_ref().map(End::shown));
    if how.json {
        let report = Report {
            version: VERSION,
            user: user.as_str(),
            written: is_wanted,
            new_account: new.is_some(),
            diff: change.diff(),
            notes: &notes,
            send: &letter,
        };
        document(&report, out)?;
    } else if is_wanted {
        let folder = escaped(&grant.folder.absolute()).to_string();
        writeln!(out, "{} {folder} is granted to {user}", Mark::Good)?;
        letter.print(out)?;
        let check = Command::new("sftpjail check").arg(Name(user.as_str()));
        // A new account has no other way in.
        match new.is_some() && !is_let_in {
            true => {
                let passwd = Command::new("passwd").arg(Name(user.as_str()));
                writeln!(out, "Next: give {user} a password ({passwd}) or a key, then {check}")?;
            }
            false => writeln!(out, "Next: {check}")?,
        }
    }
    Ok(Status::Ok)
}

/// Two grants of one folder would be two places in the jail, or a fault.
fn refuse_second(user: &UserName, new: &Grant, file: &GrantsFile) -> Result<(), Error> {
    let is_same = |grant: &&Grant| grant.folder == new.folder;
    match file.grants.iter().find(is_same) {
        None => Ok(()),
        Some(grant) => Err(Error::new(
            format!(
                "{} is granted to {user} already, in line {} of {}",
                escaped(&new.folder.absolute()),
                grant.line,
                escaped(file.path())
            ),
            "change its end with sftpjail extend, or revoke it first with sftpjail revoke",
        )),
    }
}

/// What is to be said before it is written.
fn notes(until: Option<&End>, new: Option<&NewAccount>) -> Vec<String> {
    let end = match until {
        Some(end) => format!("It ends on {}", end.shown()),
        None => "It has no end".to_owned(),
    };
    let of_end = until.and_then(|end| end.note.clone());
    let unchecked = "its login is checked once the account exists";
    let account = new.map(|new| format!("The account {}; {unchecked}", new.sentence()));
    [Some(end), of_end, account].into_iter().flatten().collect()
}

/// The login for which a grant is meant.
struct Login<'l> {
    config: &'l Config,
    sshd_config: Option<&'l Path>,
    user: &'l UserName,
    /// With the new one.
    grants: &'l [Grant],
    new: &'l Grant,
    /// Whether its key is to be let in.
    is_let_in: bool,
}

impl Login<'_> {
    /// Makes its checks. Gives sshd's settings for it.
    fn examine(&self) -> Result<Option<Rc<Settings>>, Error> {
        trial::examine(self.config, self.user.as_str(), self.grants, self.new)?;
        let settings = served::settings(self.sshd_config, self.user);
        served::must_jail(self.user, settings.as_deref())?;
        match self.is_let_in {
            true => key_file::must_be_read(self.user, self.config, settings.as_deref()).map(|()| settings),
            false => Ok(settings),
        }
    }
}

/// Adds the account, and makes the checks that need one.
fn add(new: &NewAccount, login: &Login<'_>) -> Result<Option<Rc<Settings>>, Error> {
    new.add()?;
    let checked = login.examine().and_then(|settings| new.unless_interrupted().map(|()| settings));
    checked.map_err(|error| without_account(error, Some(new)))
}

/// Removes an account that was added for nothing.
fn without_account(error: Error, new: Option<&NewAccount>) -> Error {
    match new {
        Some(new) => error.and(new.remove()),
        None => error,
    }
}

/// For the log.
fn described(grant: &Grant, until: Option<&End>) -> String {
    let access = if grant.read_only { "read-only" } else { "read-write" };
    let at = Some(&grant.at).filter(|at| **at != grant.folder);
    let parts = [
        at.map(|at| format!("at {}", escaped(&at.absolute()))),
        grant.owner.as_ref().map(|owner| format!("as {}", escaped(owner))),
        until.map(|until| format!("until {}", until.written())),
        (!grant.from.is_empty()).then(|| format!("from {}", grant.networks())),
        grant.key.map(|key| format!("with the key {key}")),
        grant.note.as_ref().map(|note| format!("note {}", escaped(note))),
    ];
    let folder = escaped(&grant.folder.absolute()).to_string();
    [folder, access.to_owned()].into_iter().chain(parts.into_iter().flatten()).collect::<Vec<_>>().join(", ")
}
