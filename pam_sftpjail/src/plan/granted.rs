//! The grants of a user → volumes, beside those of the profile.
//!
//! A grant never makes writable what the profile's jail has read-only.

use super::volume::{Advice, CheckedVolume, Outcome, Place, Volumes, Wanted};
use super::{Check, CheckResult, Observer};
use crate::account::Account;
use crate::config::{HomeAccess, Profile};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::grants::{self, Circumstances, Grant, Moment, Standing};
use crate::path::Normalised;
use crate::sys::mount_table::{Mount, MountTable};
use crate::sys::{SysError, process_fix};
use std::ffi::OsStr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;

const ADVICE: Advice = Advice {
    target: "give it another place in the jail, such as at = \"/media\" (grant --at /media)",
    source: "grant another folder",
    apart: "give one of the two a place outside of the other, such as at = \"/media\" (grant --at /media)",
    is_granted: true,
};

/// The grants of a user, and the login that asks for them.
#[derive(Clone, Copy)]
pub struct Granted<'a> {
    pub grants: &'a [Grant],
    pub login: &'a Circumstances<'a>,
}

/// A grant whose folder is in the jail. One for which the home has no directory counts as well: a session beside this
/// one may have it in the jail that both share, or make that directory meanwhile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The folder on the host.
    pub folder: PathBuf,
    pub until: Option<Moment>,
}

/// What the grants come to.
#[derive(Default)]
pub(super) struct Found {
    pub(super) held: Vec<Held>,
    /// Whether one depends on what is not known yet.
    pub(super) undecided: bool,
    /// The last end of those that have ended.
    ended: Option<Moment>,
    /// Why others cannot be used: sentences.
    barred: Vec<String>,
}

/// A directory of the jail that is read-only by the profile.
struct Protected<'a> {
    at: PathBuf,
    directory: &'a OwnedFd,
    /// Its name in `directory`, if the first login makes it there.
    name: Option<&'a OsStr>,
}

/// Checks every grant, and adds the volumes of those that can be used. `home`: if the profile has one and its check
/// passed.
pub(super) fn check(
    granted: Granted<'_>,
    profile: &Profile,
    place: &Place<'_>,
    home: Option<&OwnedFd>,
    volumes: &mut Volumes,
    observe: Observer<'_>,
) -> Result<Found, Refusal> {
    let mut found = Found::default();
    let (mut first, mut depending) = (None, Vec::new());
    let mut all: Vec<_> = granted.grants.iter().map(|grant| (grant, grant.standing(granted.login))).collect();
    // What can be used comes first: what depends on the login must not take its place.
    all.sort_by_key(|(_, standing)| *standing == Standing::Depends);
    let of_profile = volumes.checked.len();
    for (grant, standing) in all {
        let folder = grant.folder.absolute();
        let depends = match standing {
            Standing::Ended(until) => {
                found.ended = found.ended.filter(|other| other.epoch() >= until.epoch()).or(Some(until));
                let evidence = format!(
                    "{} is not granted any more: that ended on {}",
                    escaped(&folder),
                    until.with_zone()
                );
                observe(Check::Grant, CheckResult::Passed(&evidence));
                continue;
            }
            Standing::Barred(why) => {
                let evidence = format!("{} {why}", escaped(&folder));
                observe(Check::Grant, CheckResult::Passed(&evidence));
                found.barred.push(evidence);
                continue;
            }
            Standing::Depends => true,
            Standing::Holds => false,
        };
        found.undecided |= depends;
        // The session phase looks at it: until then, nothing of it may refuse a login with another key.
        if depends && granted.login.is_of_user() {
            continue;
        }
        if depends && depending.iter().any(|other: &&Normalised| other.overlaps(&grant.at)) {
            let evidence = format!("{}, in place of a grant above", terms(grant));
            observe(Check::Grant, CheckResult::Passed(&evidence));
            continue;
        }
        let (of_profile, _) = volumes.checked.split_at_checked(of_profile).unwrap_or_default();
        let protected = protected(profile, place.account, home, of_profile);
        let outcome = place.check(wanted(grant), &volumes.checked);
        let outcome = outcome.and_then(|outcome| not_widened(grant, outcome, &protected));
        match outcome {
            Err(refusal) if depends => {
                observe(Check::Grant, CheckResult::Warned(&refusal, &|| refusal.fix()));
            }
            outcome => {
                if depends {
                    depending.push(&grant.at);
                }
                if matches!(outcome, Ok(Outcome::Mount(..))) {
                    found.held.push(Held { folder, until: grant.until });
                }
                if let Err(refusal) = volumes.add(Check::Grant, outcome, observe) {
                    first.get_or_insert(refusal);
                }
            }
        }
    }
    first.map_or(Ok(found), Err)
}

impl Found {
    /// The refusal of a login whose jail would have nothing in it.
    pub(super) fn nothing(self, profile: &Profile, account: &Account) -> Refusal {
        let (name, profile) = (account.name.clone(), profile.name.clone());
        let file = format!("{}/{}.toml", grants::DIRECTORY, account.name);
        let what = match (self.ended, &self.barred[..]) {
            (Some(_), []) => "give the grant another end with `sftpjail extend`".to_owned(),
            (None, []) => "grant a folder with `sftpjail grant`".to_owned(),
            (_, _) => format!("change the terms in {}", escaped(&file)),
        };
        let fix = format!("if {} is to have access, {what}", escaped(&name)).into();
        match (self.ended, &self.barred[..]) {
            (Some(until), []) => {
                Refusal::Ended { name, profile, ended: until.with_zone(), for_user: until.to_string(), fix }
            }
            (None, []) => Refusal::NoGrant { name, profile, why: "there is none".into(), fix },
            (_, barred) => Refusal::NoGrant { name, profile, why: barred.join("; "), fix },
        }
    }
}

fn wanted(grant: &Grant) -> Wanted<'_> {
    Wanted {
        target: grant.at.clone(),
        source: grant.folder.clone(),
        read_only: grant.read_only,
        create: None,
        owner: grant.owner.as_deref(),
        advice: ADVICE,
    }
}

/// What a grant says, but for what its volume says.
fn conditions(grant: &Grant) -> String {
    let until = grant.until.map(|until| format!("; until {}", until.with_zone()));
    let from = (!grant.from.is_empty()).then(|| format!("; only from {}", grant.networks()));
    let key = grant.key.map(|key| format!("; only with the key {key}"));
    let note = grant.note.as_ref().map(|note| format!("; {}", escaped(note)));
    [until, from, key, note].into_iter().flatten().collect()
}

fn terms(grant: &Grant) -> String {
    let access = if grant.read_only { "read-only" } else { "writable" };
    let (at, folder) = (grant.at.absolute(), grant.folder.absolute());
    format!("{} from {}, {access}{}", escaped(&at), escaped(&folder), conditions(grant))
}

fn protected<'a>(
    profile: &Profile,
    account: &Account,
    home: Option<&'a OwnedFd>,
    of_profile: &'a [CheckedVolume],
) -> Vec<Protected<'a>> {
    let home = home.filter(|_| profile.home == HomeAccess::ReadOnly);
    let home = home.map(|directory| Protected { at: account.home.clone(), directory, name: None });
    let volumes = of_profile.iter().filter(|volume| volume.is_read_only()).filter_map(|volume| {
        let (directory, name) = volume.place()?;
        Some(Protected { at: volume.target().absolute(), directory, name })
    });
    home.into_iter().chain(volumes).collect()
}

/// Adds the conditions to the evidence. Refuses a writable folder that shows a part of what is protected, or is a
/// part of it, by whichever mounts of the host.
fn not_widened(grant: &Grant, outcome: Outcome, protected: &[Protected<'_>]) -> Result<Outcome, Refusal> {
    let (volume, evidence) = match outcome {
        Outcome::Mount(volume, evidence) => (volume, evidence + &conditions(grant)),
        left_out @ Outcome::LeaveOut { .. } => return Ok(left_out),
    };
    let refuse = |why: String, fix: Fix| Refusal::Volume {
        target: escaped(&grant.at.absolute()).to_string(),
        why,
        fix,
    };
    if let Some(source) = volume.writable_source().filter(|_| !protected.is_empty()) {
        let unknown = |error: SysError| {
            let why = format!("cannot be granted, since the mounts of this host are unknown: {error}");
            refuse(
                why,
                process_fix(error.errno)
                    .unwrap_or("make sure that root can read /proc/self/mountinfo")
                    .into(),
            )
        };
        let table = MountTable::read().map_err(unknown)?;
        let writable = table.tree(source).map_err(unknown)?;
        for Protected { at, directory, name } in protected {
            let tree = match name {
                None => table.tree(directory),
                Some(name) => table.tree_of_child(directory, name),
            };
            let tree = tree.map_err(unknown)?;
            if writable.iter().filter(|mount| !mount.is_read_only).any(|mount| shares(mount, &tree)) {
                let at = escaped(at);
                let why = format!("would make writable what the profile has read-only at {at}");
                return Err(refuse(why, "write access = \"read-only\", or grant another folder".into()));
            }
        }
    }
    Ok(Outcome::Mount(volume, evidence))
}

/// Whether a mount and one of the others have files in common.
fn shares(mount: &Mount, others: &[Mount]) -> bool {
    others.iter().any(|other| mount.root.below(&other.root).or(other.root.below(&mount.root)).is_some())
}
