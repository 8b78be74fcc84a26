//! What a member reaches: the home and the volumes of the profile, and the grants; each with rights and owner.

use super::member::{Access, Folder, FolderKind, GrantStanding, Granted};
use super::moment::Moment;
use crate::host::zone::moment;
use crate::report::Outside;
use nix::sys::stat::fstat;
use nix::unistd::Uid;
use pam_sftpjail::account::Account;
use pam_sftpjail::config::{HomeAccess, Profile, Variable, Volume};
use pam_sftpjail::grants::{self, Circumstances, Grant, Standing};
use pam_sftpjail::nss::{Group, User};
use pam_sftpjail::plan::Plan;
use std::ffi::OsString;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};

/// The home and the volumes of the profile. `plan`: what a login gets; `None`: it gets nothing, so that this is what
/// the profile says.
pub(super) fn folders(profile: &Profile, account: &Account, plan: Option<&Plan>) -> Vec<Folder> {
    let mut folders = Vec::new();
    if profile.home != HomeAccess::None {
        let access = Access::of(profile.home == HomeAccess::ReadOnly);
        let owner = profile.home_owner.clone().or_else(|| owner_in(plan, &account.home));
        folders.push(folder(FolderKind::Home, &account.home, &account.home, access, owner));
    }
    for volume in &profile.volumes {
        let Volume { source, target, read_only, owner, .. } = volume;
        let [source, target] = [source, target].map(|template| PathBuf::from(expanded(template, account)));
        // One that is left out is in no jail.
        if plan.is_some_and(|plan| !plan.volumes().iter().any(|volume| volume.target == target)) {
            continue;
        }
        let owner = owner.clone().or_else(|| owner_in(plan, &target));
        folders.push(folder(FolderKind::Volume, &target, &source, Access::of(*read_only), owner));
    }
    folders
}

fn folder(kind: FolderKind, path: &Path, source: &Path, access: Access, owner: Option<String>) -> Folder {
    Folder {
        kind,
        path: path.to_string_lossy().into_owned(),
        source: source.to_string_lossy().into_owned(),
        source_bytes: Outside::new(source).bytes(),
        access,
        owner,
    }
}

/// A path of the profile, as the module expands it. Where the group has no name, the module refuses the member.
fn expanded(template: &pam_sftpjail::config::Template, account: &Account) -> OsString {
    let value = |variable| {
        Ok::<OsString, std::convert::Infallible>(match variable {
            Variable::User => account.name.clone().into(),
            Variable::Uid => account.uid.to_string().into(),
            Variable::Home => account.home.clone().into(),
            Variable::Group => Group::by_gid(account.gid)
                .ok()
                .flatten()
                .map_or_else(|| "%g".into(), |group| group.name.into()),
        })
    };
    template.expand(value).unwrap_or_default()
}

/// The owner of what a login gets at this path of the jail.
fn owner_in(plan: Option<&Plan>, path: &Path) -> Option<String> {
    let at = path.strip_prefix("/").ok()?;
    let (.., source) = plan?.directories().find(|(found, ..)| *found == at)?;
    owner(source?)
}

fn owner(directory: BorrowedFd<'_>) -> Option<String> {
    let uid = fstat(directory).ok()?.st_uid;
    let user = User::by_uid(Uid::from_raw(uid)).ok().flatten();
    Some(user.map_or_else(|| uid.to_string(), |user| user.name))
}

/// The grants of a member. The error: a sentence about their file.
pub(super) fn grants(account: &Account, plan: Option<&Plan>, now: Moment) -> Result<Vec<Granted>, String> {
    // Who is refused for the name has no file of that name.
    let Ok(user) = account.user_name() else { return Ok(Vec::new()) };
    let grants = grants::load(&user).map_err(|error| format!("{error}; {}", error.fix()))?;
    let login = Circumstances { now: now.epoch(), ..Circumstances::of_no_login() };
    Ok(grants.iter().map(|grant| granted(grant, plan, &login)).collect())
}

fn granted(grant: &Grant, plan: Option<&Plan>, login: &Circumstances<'_>) -> Granted {
    let (folder, at) = (grant.folder.absolute(), grant.at.absolute());
    // Where the login is refused, nothing is known of the single folder.
    let is_left_out = plan.is_some_and(|plan| !plan.grants().iter().any(|held| held.folder == folder));
    Granted {
        folder: folder.to_string_lossy().into_owned(),
        at: at.to_string_lossy().into_owned(),
        access: Access::of(grant.read_only),
        owner: grant.owner.clone().or_else(|| owner_in(plan, &at)),
        since: grant.since.map(|since| moment(since.epoch()).into()),
        until: grant.until.map(|until| moment(until.epoch()).into()),
        standing: match grant.standing(login) {
            Standing::Ended(_) => GrantStanding::Ended,
            _ if grant.since.is_some_and(|since| since.epoch() > login.now) => GrantStanding::Later,
            _ if is_left_out => GrantStanding::Unusable,
            Standing::Holds => GrantStanding::Holds,
            Standing::Depends | Standing::Barred(_) => GrantStanding::Depends,
        },
        from: grant.from.iter().map(ToString::to_string).collect(),
        key: grant.key.map(|key| key.to_string()),
        note: grant.note.clone(),
    }
}
