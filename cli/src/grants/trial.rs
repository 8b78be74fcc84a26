//! Makes the checks of a login with a grant that is not written yet, in a child: the filesystem of the folder may not
//! answer. It changes nothing.

use crate::desired::membership;
use crate::host::unanswered;
use crate::host::workers::{self, Work};
use crate::report::Error;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::{Command, Fix, Name};
use pam_sftpjail::grants::{self, Address, Circumstances, Grant, Keys, Moment};
use pam_sftpjail::nss::User;
use pam_sftpjail::plan::{Check, CheckResult, root_path, unmounted};
use pam_sftpjail::policy::NotJailed;
use pam_sftpjail::session::{Membership, examine_with};
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::Path;

/// The check of one grant.
struct Trial<'t> {
    config: &'t Config,
    grants: &'t [Grant],
    new: &'t Grant,
}

impl Work for Trial<'_> {
    /// The error: what, and its fix.
    type Result = Result<(), (String, Fix)>;

    fn check(&mut self, user: &str) -> Self::Result {
        let Self { config, grants, new } = *self;
        examine_here(config, user, grants, new).map_err(|error| (error.what, error.fix))
    }

    fn give_up(&mut self, _user: &str, why: &str) -> Self::Result {
        Err((why.to_owned(), unanswered::FIX.into()))
    }
}

/// Makes those of the login for which `new` is meant, once it has begun. `grants`: all of the user's, with the new one.
/// The error: that login would be refused, or would have another jail, or that is not known.
pub(super) fn examine(config: &Config, user: &str, grants: &[Grant], new: &Grant) -> Result<(), Error> {
    let mut made = None;
    let mut trial = Trial { config, grants, new };
    let ran = workers::run(&[user.to_owned()], &mut trial, |_, result| made = Some(result));
    let made = made.unwrap_or_else(|| {
        let why = ran.err().map_or_else(String::new, |error| format!(": {error}"));
        let what = format!("the checks of a login could not be made, because no child can be started{why}");
        Err((what, "raise the limits on processes and memory".into()))
    });
    made.map_err(|(what, fix)| Error::new(what, fix))
}

/// The same in this process, which is such a child.
pub(super) fn examine_here(config: &Config, user: &str, grants: &[Grant], new: &Grant) -> Result<(), Error> {
    // Its file has this name, so none like it is meant.
    if User::by_name(user)?.is_none() {
        let revoke = Command::new("sftpjail revoke").arg(Name(user)).arg("--all");
        let fix = Fix::from(revoke).explained("add it again, or remove what is granted to it");
        return Err(Error::new(format!("there is no account {} any more", escaped(user)), fix));
    }
    must_exist(user, new)?;
    let network = new.networks();
    let address = network.split(['/', ',']).next().filter(|_| !new.from.is_empty()).map(OsString::from);
    let login = Circumstances {
        now: new.since.map_or(i64::MIN, Moment::epoch).max(grants::now()),
        address: Address::Of(address.as_deref()),
        keys: Keys::Of(new.key.into_iter().collect()),
    };
    let mut warned = None;
    let membership = examine_with(config, user, &login, grants, &mut |check, result| {
        if let (Check::Grant, CheckResult::Warned(evidence, fix)) = (check, result) {
            warned = Some(Error::new(evidence, fix()));
        }
    });
    let refused = |refusal: Refusal| Error::new(&refusal, refusal.fix());
    match membership.map_err(refused)? {
        Membership::NotJailed { why, name } => Err(not_jailed(why, &name, config)),
        Membership::Member(member) => {
            member.check_owners().map_err(refused)?;
            let folder = new.folder.absolute();
            let is_held = member.plan.grants().iter().any(|held| held.folder == folder);
            match warned.filter(|_| !is_held) {
                Some(error) => Err(error),
                None => Ok(()),
            }
        }
    }
}

/// The error: the folder of a grant is missing, and not because its filesystem is not mounted.
fn must_exist(user: &str, new: &Grant) -> Result<(), Error> {
    let folder = new.folder.absolute();
    let is_missing =
        |path: &&Path| path.symlink_metadata().is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let Some(first) = folder.ancestors().take_while(is_missing).last() else { return Ok(()) };
    if unmounted::above(&folder, first).is_some() {
        return Ok(());
    }
    let words = "correct its path, or make it";
    let make = root_path(&folder).map(|path| match new.owner.as_deref() {
        Some(owner) => Command::new("install -d -o").arg(Name(owner)).arg(&path),
        None => Command::new("install -d").arg(&path),
    });
    let fix = match make {
        // The user's own folder is no command: with --create, there is no account yet that could own it.
        _ if new.owner.is_none() && !new.read_only => format!("{words}, owned by {}", escaped(user)).into(),
        Some(make) => Fix::from(make).explained(words),
        None => words.into(),
    };
    Err(Error::new(format!("there is no folder {} to grant", escaped(&folder)), fix))
}

/// Nothing can be granted to who has no jail.
fn not_jailed(why: NotJailed, user: &str, config: &Config) -> Error {
    let shown = escaped(user);
    let (what, otherwise) = match why {
        NotJailed::Root => {
            (format!("{shown} is root, who is never jailed and can use every folder"), "name another user")
        }
        NotJailed::Exempt => (
            format!("{shown} is in a group of exempt_groups, so is never jailed, and sees the whole host"),
            "name another user, or remove this one from that group",
        ),
        NotJailed::NoProfile => (
            format!("{shown} is in no profile, so is never jailed"),
            "put the user into the group of a profile",
        ),
    };
    Error::new(what, membership::into_a_profile(why, user, config).unwrap_or_else(|| otherwise.into()))
}
