//! A live record: whose it is, and which mount namespace has the jail of its session.
//!
//! A jail "in the host's namespace" is in that of the service, and a service may have one of its own (PrivateTmp= of
//! systemd.exec(5) suffices), and another one after a restart, while its sessions live on. So the name of the record
//! has the namespace's number. No other namespace gets it while the record is live: a process of the session is in it.

use super::DIRECTORY;
use crate::config::Namespace;
use crate::jail::Others;
use crate::name::UserName;
use crate::sys::namespace;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// A record that a process has open. This process closes it: there may be more of them than descriptors.
pub struct LiveRecord {
    user: UserName,
    name: OsString,
}

/// The mount namespace that has the jail of a session, as seen from this process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mounts {
    /// One of the session's own.
    Private,
    /// That of this process.
    Here,
    /// Another one that is not the session's own.
    Elsewhere,
}

impl LiveRecord {
    pub(super) fn new(user: &UserName, name: OsString) -> Self {
        Self { user: user.clone(), name }
    }

    /// Its name in the user's directory.
    pub fn name(&self) -> &OsStr {
        &self.name
    }

    pub(super) fn path(&self) -> PathBuf {
        PathBuf::from(DIRECTORY).join(&self.user).join(&self.name)
    }

    /// `ours`: the number of this process's mount namespace, if it is known. Without it, and for a record of an earlier
    /// version, which has no number, the jail counts as one here: then none is mounted beside it, and none is removed.
    fn mounts(&self, ours: Option<u64>) -> Mounts {
        if !is_shared(&self.name) {
            return Mounts::Private;
        }
        match number(&self.name).zip(ours) {
            Some((theirs, ours)) if theirs != ours => Mounts::Elsewhere,
            _ => Mounts::Here,
        }
    }
}

/// Where these sessions have jails that others can share.
pub(crate) fn others(live: &[LiveRecord]) -> Others {
    let mut others = Others::default();
    if live.iter().any(|record| is_shared(&record.name)) {
        let ours = namespace::Namespace::number().ok();
        for record in live {
            match record.mounts(ours) {
                Mounts::Private => {}
                Mounts::Here => others.here = true,
                Mounts::Elsewhere => others.elsewhere = true,
            }
        }
    }
    others
}

/// The beginning of the name of a record of this process's.
pub(super) fn prefix(namespace: Namespace) -> String {
    let number = match namespace {
        Namespace::Host => namespace::Namespace::number().ok(),
        Namespace::Private => None,
    };
    match number {
        Some(number) => format!("{namespace}-{number}-"),
        // Without procfs, as in an earlier version.
        None => format!("{namespace}-"),
    }
}

/// Whether a record of this name is for a session whose jail others can share.
pub(super) fn is_shared(name: &OsStr) -> bool {
    name.to_string_lossy().starts_with(&format!("{}-", Namespace::Host))
}

/// The number of the mount namespace in such a name.
fn number(name: &OsStr) -> Option<u64> {
    let name = name.to_str()?.strip_prefix(&format!("{}-", Namespace::Host))?;
    name.split_once('-')?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_says_which_mount_namespace_has_the_jail() {
        let own = namespace::Namespace::number().unwrap();
        for (name, expected) in [
            ("private-7".to_owned(), Mounts::Private),
            (format!("host-{own}-7"), Mounts::Here),
            (format!("host-{own}-7.2"), Mounts::Here),
            (format!("host-{}-7", own + 1), Mounts::Elsewhere),
            // Of an earlier version.
            ("host-7".to_owned(), Mounts::Here),
            ("host-7.2".to_owned(), Mounts::Here),
        ] {
            let record = LiveRecord::new(&UserName::parse("anna").unwrap(), OsString::from(&name));
            assert_eq!(record.mounts(Some(own)), expected, "{name}");
            let unknown = if expected == Mounts::Private { Mounts::Private } else { Mounts::Here };
            assert_eq!(record.mounts(None), unknown, "{name}");
        }
        assert_eq!(prefix(Namespace::Private), "private-");
        assert_eq!(prefix(Namespace::Host), format!("host-{own}-"));
    }
}
