//! A connection that was refused in the session phase, and that sshd keeps all the same.
//!
//! sshd goes on where pam_open_session fails (auth-pam.c: do_pam_session). Its child ends in safely_chroot
//! where nothing stands at `/jail/USER`; else, beside other sessions with a jail in the host's namespace,
//! one without a channel (`ssh -N`) stays as long as the client likes. It can do nothing, but it must not
//! be out of sight: a record makes `list` show it and `kick` end it. It counts as no session and has no
//! share in a jail.

use super::{Caller, load};
use crate::config::{Config, Namespace};
use crate::error::Refusal;
use crate::escape::escaped;
use crate::name::UserName;
use crate::nss::User;
use crate::registry::{Entry, Record, Registry};
use crate::sys::directory;
use std::time::SystemTime;

/// Keeps the record of such a connection live, for as long as it is kept.
pub(crate) struct Refused {
    _entry: Entry,
}

/// Records the connection, if sshd would keep it. One that cannot be recorded is no less refused.
pub(crate) fn keep(caller: &Caller<'_>, refusal: &Refusal) -> Option<Refused> {
    // It holds the lock that would be waited for, or the records cannot be had.
    if matches!(refusal, Refusal::Locked { .. } | Refusal::Registry { .. } | Refusal::Sessions { .. }) {
        return None;
    }
    let user = User::by_name(caller.login.to_str()?).ok()??;
    let name = UserName::parse(&user.name).ok()?;
    let config = load(caller.arguments.config.as_deref()).ok();
    if config.as_ref().is_some_and(|config| !stands(config, &name)) {
        return None;
    }
    let jail = config.as_ref().map(|config| config.jail_root.absolute().join(&name));
    let record = Record {
        version: Record::VERSION,
        user: user.name.clone(),
        uid: user.uid.as_raw(),
        pid: std::process::id(),
        since: SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs()),
        rhost: caller.remote_shown(),
        service: caller.service.to_owned(),
        profile: String::new(),
        namespace: config.map_or(Namespace::Host, |config| config.namespace),
        jail: jail.map_or_else(String::new, |jail| escaped(&jail).to_string()),
        home: String::new(),
        authentication: caller.methods(),
        refused: true,
    };
    let entry = Registry::open().and_then(|registry| registry.lock(&name)?.enter(&record)).ok()?;
    Some(Refused { _entry: entry })
}

/// Whether sshd finds something to chroot into.
fn stands(config: &Config, user: &UserName) -> bool {
    let root = directory::open_without_symlinks(&config.jail_root.absolute());
    root.and_then(|root| directory::open_entry(root, user.as_ref())).is_ok()
}
