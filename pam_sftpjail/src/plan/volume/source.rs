//! Opens the source of a volume, or finds out whether the first session may make it. It makes nothing
//! itself.

use super::value;
use crate::account::Account;
use crate::config::{Config, Create, Template};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::{Command, Fix, Mode, Name};
use crate::nss::{Group, LookupError, User};
use crate::path::Normalised;
use crate::plan::unmounted::{self, Unmounted};
use crate::plan::{Source, root_path, system, walk};
use crate::sys::access_fix;
use crate::sys::directory;
use crate::sys::new_directory::NewDirectory;
use nix::errno::Errno;
use std::path::{Path, PathBuf};

const ELSEWHERE: &str = "make the source yourself, or choose one below directories that only root can write";

pub(super) enum SourceError {
    Refusal(Refusal),
    /// The component at fault, why, and the fix.
    Unusable(PathBuf, String, Fix),
    /// The same, but others than root, such as the member, may have caused it.
    ByOthers(PathBuf, String, Fix),
}

/// The source and, if the first session still has to make it, with which owner and mode. `to_make`: how a missing one
/// is made.
pub(super) fn open(
    config: &Config,
    path: &Normalised,
    to_make: Option<&Create>,
    read_only: bool,
    account: &Account,
) -> Result<(Source, Option<String>), SourceError> {
    let failed = |error: walk::WalkError| {
        let is_missing = error.why == walk::Why::Errno(Errno::ENOENT);
        if is_missing {
            if let Some(Unmounted { why, fix }) = unmounted::above(&path.absolute(), &error.at) {
                return SourceError::Unusable(error.at, why, fix);
            }
        }
        let fix = match error.why {
            walk::Why::Denied(by) => {
                return SourceError::Refusal(Refusal::Denied { path: escaped(&error.at).to_string(), by });
            }
            // Where others can write, no source is made.
            walk::Why::Errno(Errno::ENOENT) if error.others_can_write => ELSEWHERE.into(),
            walk::Why::Errno(Errno::ENOENT) => match (root_path(&path.absolute()), to_make) {
                (None, _) => ELSEWHERE.into(),
                (Some(path), Some(create)) => match owner(path.as_path(), create, account) {
                    // Directories above it that are missing, too, are root's, with mode 0755.
                    Ok((user, group)) => {
                        let make = Command::new("install -d -o").arg(Name(&user.name)).arg("-g");
                        make.arg(Name(&group.name)).arg("-m").arg(Mode(create.mode)).arg(&path).into()
                    }
                    Err(error) => return error,
                },
                (Some(path), None) if read_only => Command::new("install -d").arg(&path).into(),
                (Some(_), None) => {
                    "correct its path, or make it with an owner, a group and a mode that let the user write"
                        .into()
                }
            },
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
    let (create, is_missing) = match (walk::to(path), to_make) {
        (Ok(walked), create) => {
            allowed(&walked.real)?;
            match create {
                // Mode 0: perhaps a login was killed after it made the source, and before it set the owner.
                Some(create) if directory::is_closed(&walked.directory).unwrap_or(false) => (create, false),
                _ => return Ok((Source::Open(walked.directory), None)),
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
    let (user, group) = owner(&path.absolute(), create, account)?;
    let new =
        NewDirectory { parent: parent.directory, name, owner: user.uid, group: group.gid, mode: create.mode };
    let made = || format!("{}:{}, mode {:04o}", escaped(&user.name), escaped(&group.name), create.mode);
    Ok((Source::Missing(new), is_missing.then(made)))
}

/// Whether something else is in the place of the source.
fn is_replaced(why: &walk::Why) -> bool {
    matches!(why, walk::Why::NotDirectory | walk::Why::LastIsSymlink | walk::Why::Replaceable)
}

/// The user and the group that are to own the source at `path`.
fn owner(path: &Path, create: &Create, account: &Account) -> Result<(User, Group), SourceError> {
    Ok((
        named(path, "user", &create.owner, account, User::by_name)?,
        named(path, "group", &create.group, account, Group::by_name)?,
    ))
}

fn named<T>(
    path: &Path,
    kind: &str,
    template: &Template,
    account: &Account,
    look_up: impl Fn(&str) -> Result<Option<T>, LookupError>,
) -> Result<T, SourceError> {
    let name = template.expand(|variable| value(account, variable)).map_err(SourceError::Refusal)?;
    match name.to_str().map_or(Ok(None), look_up) {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(SourceError::Unusable(
            path.to_owned(),
            format!("should be owned by the {kind} {}, which does not exist", escaped(&name)),
            format!("add the {kind}, or name another one").into(),
        )),
        Err(error) => Err(SourceError::Refusal(error.into())),
    }
}
