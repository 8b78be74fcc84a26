//! Where a volume comes from: the way there, and whether it is to be made.

use super::value;
use crate::account::Account;
use crate::config::{Config, Template, Volume};
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::nss::{Group, LookupError, User};
use crate::path::Normalised;
use crate::plan::unmounted::{self, Unmounted};
use crate::plan::{Source, home, system, walk};
use crate::sys::directory::{self, NewDirectory};
use crate::sys::limit_fix;
use nix::errno::Errno;
use std::path::PathBuf;

pub(super) enum Trouble {
    Refusal(Refusal),
    /// What is in the way, why, and the fix.
    At(PathBuf, String, String),
    /// The same, where it may be the doing of others than root: of the member, for example.
    Theirs(PathBuf, String, String),
}

/// The source, and whether it is still to be made.
pub(super) fn open(
    config: &Config,
    path: &Normalised,
    volume: &Volume,
    account: &Account,
) -> Result<(Source, bool), Trouble> {
    let at = |stop: walk::Stop| {
        let is_missing = stop.why == walk::Why::Errno(Errno::ENOENT);
        if is_missing && let Some(Unmounted { why, fix }) = unmounted::above(&path.absolute(), &stop.at) {
            return Trouble::At(stop.at, why, fix);
        }
        let fix = match stop.why {
            walk::Why::Denied(by) => {
                return Trouble::Refusal(Refusal::Denied { path: escaped(&stop.at).to_string(), by });
            }
            walk::Why::Errno(Errno::ENOENT) => {
                let make = format!("install -d {}", word(&path.absolute()));
                let make = home::pasteable(&path.absolute(), make);
                // Where others can write, nothing is made.
                if stop.others { make } else { format!("{make}; or give the volume a `create`") }
            }
            walk::Why::Errno(errno) => limit_fix(errno).unwrap_or("see that root can reach it").into(),
            walk::Why::NotRootsAlone => {
                "make the source yourself, or choose one below directories of root's".into()
            }
            _ => "let the source be a plain directory".into(),
        };
        let is_theirs = stop.others && (is_missing || is_in_the_way(&stop.why));
        let trouble = if is_theirs { Trouble::Theirs } else { Trouble::At };
        trouble(stop.at, stop.why.to_string(), fix)
    };
    let allowed = |real: &Normalised| match system::forbidden(&config.jail_root, real) {
        None => Ok(()),
        Some(why) => Err(Trouble::At(real.absolute(), why, "change the symlink that leads there".into())),
    };
    let (create, is_missing) = match (walk::to(path), &volume.create) {
        (Ok(walked), create) => {
            allowed(&walked.real)?;
            match create {
                // Perhaps left behind by a login that was killed between making it and giving it away.
                Some(create) if directory::is_closed(&walked.directory).unwrap_or(false) => (create, false),
                _ => return Ok((Source::Open(walked.directory), false)),
            }
        }
        (Err(stop), Some(create))
            if stop.why == walk::Why::Errno(Errno::ENOENT)
                && !stop.others
                && unmounted::above(&path.absolute(), &stop.at).is_none() =>
        {
            (create, true)
        }
        (Err(stop), create) => {
            let trouble = at(stop);
            return Err(match (trouble, create, walk::parent(path)) {
                (Trouble::Theirs(at, why, _), Some(_), Err(above))
                    if above.why == walk::Why::NotRootsAlone =>
                {
                    let above = escaped(&above.at);
                    let why = format!("{why}; it is not made, for {above} does not belong to root alone");
                    let fix = "make the source yourself, or choose one below directories of root's".into();
                    Trouble::Theirs(at, why, fix)
                }
                (trouble, ..) => trouble,
            });
        }
    };
    let (parent, name) = walk::parent(path).map_err(at)?;
    allowed(&Normalised::of(parent.real.components().iter().chain([&name]).cloned()))?;
    let new = NewDirectory {
        parent: parent.directory,
        name,
        owner: named(path, "user", &create.owner, account, User::by_name)?.uid,
        group: named(path, "group", &create.group, account, Group::by_name)?.gid,
        mode: create.mode,
    };
    Ok((Source::Missing(new), is_missing))
}

/// Whether somebody has put something else there.
fn is_in_the_way(why: &walk::Why) -> bool {
    matches!(why, walk::Why::NotDirectory | walk::Why::LastIsSymlink | walk::Why::Replaceable)
}

/// The user or group that the source at `path` is to belong to.
fn named<T>(
    path: &Normalised,
    kind: &str,
    template: &Template,
    account: &Account,
    look_up: impl Fn(&str) -> Result<Option<T>, LookupError>,
) -> Result<T, Trouble> {
    let name = template.expand(|variable| value(account, variable)).map_err(Trouble::Refusal)?;
    match name.to_str().map_or(Ok(None), look_up) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(Trouble::At(
            path.absolute(),
            format!("is to belong to the {kind} {}, which does not exist", escaped(&name)),
            format!("add the {kind}, or name another"),
        )),
        Err(error) => Err(Trouble::Refusal(error.into())),
    }
}
