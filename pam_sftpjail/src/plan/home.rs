//! The home directory: its spelling, the way to it, and its owner.

use super::system::forbidden;
use super::unmounted::{self, Unmounted};
use super::{Check, Observer, noted, shown_home, walk};
use crate::account::Account;
use crate::error::Refusal;
use crate::escape::{escaped, word};
use crate::path::Normalised;
use crate::sys::limit_fix;
use nix::errno::Errno;
use std::fmt::{self, Display};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

/// Checks the home; gives where it goes in the jail (relative), and the directory itself.
pub(super) fn check(
    jail_root: &Normalised,
    account: &Account,
    observe: Observer<'_>,
) -> Result<(PathBuf, OwnedFd), Refusal> {
    let spelt = noted(Check::HomeSpelling, spelling(jail_root, account).map(Spelt), observe)?.0;
    let opened = noted(Check::HomePath, open(jail_root, account, &spelt), observe)?;
    noted(Check::HomeOwner, owner(account, &opened), observe)?;
    Ok((spelt.relative(), opened.directory))
}

struct Spelt(Normalised);

impl Display for Spelt {
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
        .map_err(|why| Refusal::HomeSpelling { home: account.home.clone(), why, name: account.name.clone() })
}

fn open(jail_root: &Normalised, account: &Account, spelt: &Normalised) -> Result<Opened, Refusal> {
    let refuse = |component: PathBuf, why: String, fix: String| Refusal::HomePath {
        home: shown_home(account),
        component: if component == spelt.absolute() { "it".into() } else { escaped(&component).to_string() },
        why,
        fix,
    };
    let walked = walk::to(spelt).map_err(|stop| {
        let fix = match stop.why {
            walk::Why::Denied(by) => {
                return Refusal::Denied { path: escaped(&stop.at).to_string(), by };
            }
            walk::Why::Errno(Errno::ENOENT) => {
                if let Some(Unmounted { why, fix }) = unmounted::above(&spelt.absolute(), &stop.at) {
                    return refuse(stop.at, why, fix);
                }
                let (name, home) = (word(&account.name), word(&account.home));
                let command = format!("install -d -m 0700 -o {name} -g {} {home}", account.gid);
                pasteable(&account.home, command)
            }
            walk::Why::Errno(errno) => limit_fix(errno).unwrap_or("see that root can reach it").into(),
            walk::Why::NotDirectory => "move it away and make a directory there".into(),
            walk::Why::LastIsSymlink => {
                format!(
                    "give the account the link's target as its home: usermod -d TARGET {}",
                    word(&account.name)
                )
            }
            walk::Why::Replaceable | walk::Why::NotRootsAlone | walk::Why::TooManySymlinks => {
                "replace the symlink by a directory, or let the home be spelt without it".into()
            }
        };
        refuse(stop.at, stop.why.to_string(), fix)
    })?;
    // A symlink of root's may still lead into the system or the jail root.
    if let Some(why) = forbidden(jail_root, &walked.real) {
        return Err(refuse(walked.real.absolute(), why, "change the symlink that leads there".into()));
    }
    let evidence = if walked.real == *spelt {
        "no symlink on the way".to_owned()
    } else {
        format!("by a symlink of root's: {}", escaped(&walked.real.absolute()))
    };
    Ok(Opened { directory: walked.directory, owner: walked.stat.st_uid, evidence })
}

/// A command that root may paste to change `path`; with a warning where others than root could put
/// something else there first, and may want root to run it on just that.
pub fn pasteable(path: &Path, command: String) -> String {
    match Normalised::parse(path.as_os_str()).map(|path| walk::parent(&path)) {
        Ok(Ok(_)) => command,
        // Of several missing components, the first one counts.
        Ok(Err(stop)) if stop.why == walk::Why::Errno(Errno::ENOENT) && stop.at != path => {
            pasteable(&stop.at, command)
        }
        _ => format!("look first, for others than root can put something else there; then {command}"),
    }
}

fn owner(account: &Account, opened: &Opened) -> Result<String, Refusal> {
    match opened.owner {
        0 => Ok("root".into()),
        uid if uid == account.uid.as_raw() => Ok(escaped(&account.name).to_string()),
        uid => {
            let command = format!("chown -h {} {}", word(&account.name), word(&account.home));
            Err(Refusal::HomeOwner {
                fix: pasteable(&account.home, command),
                home: account.home.clone(),
                owner: uid,
                name: account.name.clone(),
                uid: account.uid.as_raw(),
            })
        }
    }
}
