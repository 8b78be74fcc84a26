//! Makes the checks of a login with a grant that is not written yet. It changes nothing.

use super::account;
use crate::desired::membership;
use crate::report::Error;
use pam_sftpjail::config::Config;
use pam_sftpjail::error::Refusal;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{self, Address, Circumstances, Grant, Keys, Moment};
use pam_sftpjail::plan::{Check, CheckResult};
use pam_sftpjail::policy::NotJailed;
use pam_sftpjail::session::{Member, Membership, examine_with};
use std::ffi::OsString;

/// The member, in the login for which `new` is meant, once it has begun. `grants`: all of the user's, with the new one.
/// The error: that login would be refused, or would have another jail.
pub(super) fn examine(config: &Config, user: &str, grants: &[Grant], new: &Grant) -> Result<Member, Error> {
    let otherwise = "take it back with `sftpjail revoke`, or add the account";
    if let Some(missing) = account::missing(user, otherwise)? {
        return Err(missing);
    }
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
                None => Ok(*member),
            }
        }
    }
}

/// Nothing can be granted to who has no jail.
fn not_jailed(why: NotJailed, user: &str, config: &Config) -> Error {
    let shown = escaped(user);
    let (what, otherwise) = match why {
        NotJailed::Root => {
            (format!("{shown} is root, who has no jail and every folder"), "name another user")
        }
        NotJailed::Exempt => (
            format!("{shown} is in a group of exempt_groups, so never jailed, and has the whole host"),
            "name another user, or remove this one from that group",
        ),
        NotJailed::NoProfile => {
            (format!("{shown} is in no profile, so never jailed"), "put the user into the group of a profile")
        }
    };
    Error::new(what, membership::into_a_profile(why, user, config).unwrap_or_else(|| otherwise.into()))
}
