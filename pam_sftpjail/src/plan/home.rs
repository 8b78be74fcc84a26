//! Checks the home directory: its path as NSS gives it, every component on the way, and its owner.

mod fixes;

use super::owner::OnDisk;
use super::system::forbidden;
use super::unmounted::{self, Unmounted};
use super::{Check, CheckResult, Observer, observed, walk};
use crate::account::Account;
use crate::config::Profile;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::fix::Fix;
use crate::path::Normalised;
use crate::sys::access_fix;
use nix::errno::Errno;
use nix::sys::stat::lstat;
use nix::unistd::Uid;
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::PathBuf;

/// A checked home.
pub(super) struct Home {
    /// Its path relative to the jail.
    pub(super) at: PathBuf,
    pub(super) directory: OwnedFd,
    pub(super) on_disk: OnDisk,
}

pub(super) fn check(
    jail_root: &Normalised,
    profile: &Profile,
    account: &Account,
    observe: Observer<'_>,
) -> Result<Home, Refusal> {
    let home = observed(Check::HomeSpelling, spelling(jail_root, account).map(Spelling), observe)?.0;
    let opened = observed(Check::HomePath, open(jail_root, account, &home), observe)?;
    let owner = profile.home_owner.as_deref();
    let on_disk = OnDisk::find(owner, account, &home.absolute());
    let on_disk = on_disk.inspect_err(|refusal| observe(Check::HomeOwner, CheckResult::Failed(refusal)))?;
    let owner =
        owner.map_or_else(|| owned(account, &opened), |name| owned_by(name, on_disk, account, &opened));
    observed(Check::HomeOwner, owner, observe)?;
    Ok(Home { at: home.relative(), directory: opened.directory, on_disk })
}

struct Spelling(Normalised);

impl Display for Spelling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        escaped(&self.0.absolute()).fmt(f)
    }
}

struct Opened {
    directory: OwnedFd,
    owner: u32,
    evidence: String,
}

impl Display for Opened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.evidence)
    }
}

fn spelling(jail_root: &Normalised, account: &Account) -> Result<Normalised, Refusal> {
    Normalised::parse(account.home.as_os_str())
        .map_err(str::to_owned)
        .and_then(|home| match forbidden(jail_root, &home) {
            Some(why) => Err(why),
            None => Ok(home),
        })
        .map_err(|why| {
            let fix = fixes::elsewhere(jail_root, account);
            Refusal::HomeSpelling { home: account.home.clone(), why, fix }
        })
}

fn open(jail_root: &Normalised, account: &Account, home: &Normalised) -> Result<Opened, Refusal> {
    let refuse = |component: PathBuf, why: String, fix: Fix| Refusal::HomePath {
        home: escaped(&account.home).to_string(),
        component: if component == home.absolute() { "it".into() } else { escaped(&component).to_string() },
        why,
        fix,
    };
    let walked = walk::to(home).map_err(|stop| {
        let fix = match stop.why {
            walk::Why::Denied(by) => {
                return Refusal::Denied { path: escaped(&stop.at).to_string(), by };
            }
            walk::Why::Errno(Errno::ENOENT) => {
                if let Some(Unmounted { why, fix }) = unmounted::above(&home.absolute(), &stop.at) {
                    return refuse(stop.at, why, fix);
                }
                fixes::missing(account)
            }
            walk::Why::Errno(errno) => access_fix(errno).into(),
            walk::Why::NotDirectory => "move it away and make a directory there".into(),
            walk::Why::LastIsSymlink if is_roots_symlink(&stop) => {
                "give the account the link's target as its home (usermod -d)".into()
            }
            walk::Why::LastIsSymlink => {
                let name = escaped(&account.name);
                format!("find out who made the symlink, and replace it with a directory that {name} owns")
                    .into()
            }
            walk::Why::Replaceable | walk::Why::NotRootControlled => {
                "find out who made the symlink, and replace it with a directory".into()
            }
            walk::Why::TooManySymlinks => {
                "replace the symlink with a directory, or set the account's home to a path without it".into()
            }
        };
        refuse(stop.at, stop.why.to_string(), fix)
    })?;
    // A symlink that root made may still lead into the system or the jail root.
    if let Some(why) = forbidden(jail_root, &walked.real) {
        return Err(refuse(walked.real.absolute(), why, "change the symlink that leads there".into()));
    }
    let evidence = if walked.real == *home {
        "no symlink on the way".to_owned()
    } else {
        format!("by a symlink that root owns, to {}", escaped(&walked.real.absolute()))
    };
    Ok(Opened { directory: walked.directory, owner: walked.stat.st_uid, evidence })
}

/// Whether only root can have made the symlink at the end. Otherwise somebody else may have chosen where it leads.
fn is_roots_symlink(stop: &walk::WalkError) -> bool {
    !stop.others_can_write && lstat(&stop.at).is_ok_and(|link| link.st_uid == 0)
}

fn owned(account: &Account, opened: &Opened) -> Result<String, Refusal> {
    match opened.owner {
        0 => Ok("root".into()),
        uid if uid == account.uid.as_raw() => Ok(escaped(&account.name).to_string()),
        uid => Err(Refusal::HomeOwner {
            fix: fixes::of_another(account, Uid::from_raw(uid)),
            home: account.home.clone(),
            owner: uid,
            name: account.name.clone(),
            uid: account.uid.as_raw(),
        }),
    }
}

/// The same with `home_owner`, the account `name`.
fn owned_by(name: &str, on_disk: OnDisk, account: &Account, opened: &Opened) -> Result<String, Refusal> {
    let uid = on_disk.owner.uid.as_raw();
    let (name, shown) = (name.to_owned(), escaped(&account.name));
    match opened.owner {
        0 => Ok("root".into()),
        owner if owner == uid => Ok(format!("{}, whose files {shown} sees as its own", escaped(&name))),
        owner => Err(Refusal::HomeOwner {
            fix: format!(
                "give the home to {0} (chown), or remove home_owner from the profile",
                escaped(&name)
            )
            .into(),
            home: account.home.clone(),
            owner,
            name,
            uid,
        }),
    }
}
