//! Keeps a record of a connection that the session hook refused but sshd keeps.
//!
//! sshd goes on where pam_open_session fails (auth-pam.c: do_pam_session). If nothing stands at
//! `/jail/USER`, its child ends in safely_chroot. But beside other sessions with a jail in the host's
//! namespace, a connection without a channel (`ssh -N`) stays for as long as the client likes. It can do
//! nothing, but admins must be able to see it: with a record, `list` shows it and `kick` ends it. It counts
//! as no session and has no share in a jail.

use super::Login;
use super::member::load;
use crate::config::{Config, Namespace};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::nss::User;
use crate::registry::{OwnRecord, Record, Registry};
use crate::sys::directory;

/// Keeps the record live until it is dropped.
pub(crate) struct RefusedConnection {
    _record: OwnRecord,
}

impl RefusedConnection {
    /// Records the connection, if sshd would keep it. `None`: it is not recorded; the refusal stands.
    pub(crate) fn record(login: &Login<'_>, refusal: &Refusal) -> Option<Self> {
        // Recording would wait for the lock that could not be taken, or fail as it just did.
        if matches!(refusal, Refusal::Locked { .. } | Refusal::Registry { .. } | Refusal::Sessions { .. }) {
            return None;
        }
        let user = User::by_name(login.user.to_str()?).ok()??;
        let name = UserName::parse(&user.name).ok()?;
        let config = load(login.arguments.config.as_deref()).ok();
        if config.as_ref().is_some_and(|config| !can_chroot(config, &name)) {
            return None;
        }
        let jail = config.as_ref().map(|config| config.jail_root.absolute().join(&name));
        let record = Record {
            namespace: config.map_or(Namespace::Host, |config| config.namespace),
            jail: jail.map_or_else(String::new, |jail| escaped(&jail).to_string()),
            refused: true,
            ..login.record(&user.name, user.uid)
        };
        let record = Registry::open().and_then(|registry| registry.lock(&name)?.enter(&record)).ok()?;
        Some(Self { _record: record })
    }
}

/// Whether sshd finds something to chroot into.
fn can_chroot(config: &Config, user: &UserName) -> bool {
    let root = directory::open_without_symlinks(&config.jail_root.absolute());
    root.and_then(|root| directory::open_entry(root, user.as_ref())).is_ok()
}
