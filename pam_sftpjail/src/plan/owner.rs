//! Says which ids change places in a mount with `owner`: what belongs to that account on disk is the member's in the
//! jail, and what the member makes there belongs to it.

use crate::account::Account;
use crate::error::Refusal;
use crate::escape::escaped;
use crate::nss::User;
use crate::sys::identity::Owner;
use crate::sys::idmap::Swap;
use std::path::Path;

/// To whom the member's files in a mount belong on disk.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnDisk {
    pub(super) owner: Owner,
    /// `None`: to the member.
    pub(super) ids: Option<Swap>,
}

impl OnDisk {
    /// As it is without `owner`.
    pub(super) fn of(account: &Account) -> Self {
        Self { owner: Owner { uid: account.uid, gid: account.gid }, ids: None }
    }

    /// With `owner`, for what appears at `target`. root is refused: the user could make programs there that run as
    /// root.
    pub(super) fn find(owner: Option<&str>, account: &Account, target: &Path) -> Result<Self, Refusal> {
        let own = Self::of(account);
        let Some(name) = owner else { return Ok(own) };
        let refuse = |why: String, fix: &str| Refusal::Owner {
            target: escaped(target).to_string(),
            why,
            fix: fix.into(),
        };
        let shown = escaped(name);
        let User { uid, gid, .. } = User::by_name(name)?.ok_or_else(|| {
            refuse(
                format!("{shown}, an account that does not exist"),
                "add the account, or name another owner",
            )
        })?;
        if uid.is_root() || gid.as_raw() == 0 {
            let why =
                format!("{shown}, who is root or has root's group: the user could make programs that run so");
            return Err(refuse(why, "name an owner without root's rights"));
        }
        let swapped = |a: u32, b: u32| (a != b).then_some((a, b));
        let ids = Swap {
            uids: swapped(account.uid.as_raw(), uid.as_raw()),
            gids: swapped(account.gid.as_raw(), gid.as_raw()),
        };
        let is_same = ids.uids.is_none() && ids.gids.is_none();
        Ok(Self { owner: Owner { uid, gid }, ids: (!is_same).then_some(ids) })
    }
}
