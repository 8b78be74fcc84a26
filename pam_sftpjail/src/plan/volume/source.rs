//! Opens the source of a volume, or finds out whether the first session may make it. It makes nothing
//! itself.

use super::value;
use crate::account::Account;
use crate::config::{Config, Template, Volume};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::{Command, Fix};
use crate::nss::{Group, LookupError, User};
use crate::path::Normalised;
use crate::plan::unmounted::{self, Unmounted};
use crate::plan::{Source, root_path, system, walk};
use crate::sys::access_fix;
use crate::sys::directory::{self, NewDirectory};
use nix::errno::Errno;
use std::path::PathBuf;

const ELSEWHERE: &str = "make the source yourself, or choose one below directories that only root can write";

pub(super) enum SourceError {
    Refusal(Refusal),
    /// The component at fault, why, and the fix.
    Unusable(PathBuf, String, Fix),
    /// The same, but others than root, such as the member, may have caused it.
    ByOthers(PathBuf, String, Fix),
}

/// The source, and whether the first session still has to make it.
pub(super) fn open(
    config: &Config,
    path: &Normalised,
    volume: &Volume,
    account: &Account,
) -> Result<(Source, bool), SourceError> {
    let failed = |error: walk::WalkError| {
        let is_missing = error.why == walk::Why::Errno(Errno::ENOENT);
        if is_missing && let Some(Unmounted { why, fix }) = unmounted::above(&path.absolute(), &error.at) {
            return SourceError::Unusable(error.at, why, fix);
        }
        let fix = match error.why {
            walk::Why::Denied(by) => {
                return SourceError::Refusal(Refusal::Denied { path: escaped(&error.at).to_string(), by });
            }
            walk::Why::Errno(Errno::ENOENT) => {
                // Where others can write, no source is made.
                match root_path(&path.absolute()).filter(|_| !error.others_can_write) {
                    Some(path) => Command::new("install -d").arg(&path).into(),
                    None => ELSEWHERE.into(),
                }
            }
            walk::Why::Errno(errno) => access_fix(errno).into(),
            walk::Why::NotRootControlled => ELSEWHERE.into(),
            _ => "make the source a plain directory".into(),
        };
        let is_by_others = error.others_can_write && (is_missing || is_replaced(&error.why));
        let source_error = if is_by_others { SourceError::ByOthers } else { SourceError::Unusable };
        source_error(error.at, error.why.to_string(), fix)
    };
    let allowed = |real: &Normalised| match system::forbidden(&config.jail_root, real) {
        None => Ok(()),
        Some(why) => {
            Err(SourceError::Unusable(real.absolute(), why, "change the symlink that leads there".into()))
        }
    };
    let (create, is_missing) = match (walk::to(path), &volume.create) {
        (Ok(walked), create) => {
            allowed(&walked.real)?;
            match create {
                // Mode 0: perhaps a login was killed after it made the source, and before it set the owner.
                Some(create) if directory::is_closed(&walked.directory).unwrap_or(false) => (create, false),
                _ => return Ok((Source::Open(walked.directory), false)),
            }
        }
        (Err(error), Some(create))
            if error.why == walk::Why::Errno(Errno::ENOENT)
                && !error.others_can_write
                && unmounted::above(&path.absolute(), &error.at).is_none() =>
        {
            (create, true)
        }
        (Err(error), create) => {
            return Err(match (failed(error), create, walk::parent(path)) {
                (SourceError::ByOthers(at, why, _), Some(_), Err(error))
                    if error.why == walk::Why::NotRootControlled =>
                {
                    let above = escaped(&error.at);
                    let why = format!("{why}; it is not made, because {above} {}", error.why);
                    SourceError::ByOthers(at, why, ELSEWHERE.into())
                }
                (error, ..) => error,
            });
        }
    };
    let (parent, name) = walk::parent(path).map_err(failed)?;
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

/// Whether something else is in the place of the source.
fn is_replaced(why: &walk::Why) -> bool {
    matches!(why, walk::Why::NotDirectory | walk::Why::LastIsSymlink | walk::Why::Replaceable)
}

/// The user or group that is to own the source at `path`.
fn named<T>(
    path: &Normalised,
    kind: &str,
    template: &Template,
    account: &Account,
    look_up: impl Fn(&str) -> Result<Option<T>, LookupError>,
) -> Result<T, SourceError> {
    let name = template.expand(|variable| value(account, variable)).map_err(SourceError::Refusal)?;
    match name.to_str().map_or(Ok(None), look_up) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(SourceError::Unusable(
            path.absolute(),
            format!("should be owned by the {kind} {}, which does not exist", escaped(&name)),
            format!("add the {kind}, or name another one").into(),
        )),
        Err(error) => Err(SourceError::Refusal(error.into())),
    }
}
