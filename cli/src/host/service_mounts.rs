//! Finds the mount namespaces besides this program's in which jails "of the host's namespace" are, and lets a child
//! look into them: those of sshds with one of their own, and those of live sessions that such an sshd has left behind.

use super::child;
use super::mount_namespace::{is_elsewhere, of};
use super::process_table::Found;
use super::sessions::{self, Session};
use super::sshd::running;
use crate::report::Error;
use pam_sftpjail::confinement::{Confinement, Part, Process as Identity};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::io;

/// A process in each of them. Sessions that end meanwhile are left out.
pub(crate) fn others() -> Found<Vec<Identity>> {
    let Found { found: sshds, mut unseen } = running::all();
    let sshds = sshds.into_iter().map(|sshd| sshd.process);
    let live = sessions::live().unwrap_or_else(|error| {
        let what = format!("which sessions are live is not known: {error}");
        unseen.get_or_insert(Error::new(what, "see what `sftpjail list` says"));
        Vec::new()
    });
    let of_sessions = live.iter().filter(|session| session.shares_its_jail()).filter_map(Session::process);
    let elsewhere = sshds.chain(of_sessions).filter(|process| is_elsewhere(process.pid()));
    let by_namespace: BTreeMap<_, _> =
        elsewhere.filter_map(|process| Some((of(process.pid())?, process))).collect();
    Found { found: by_namespace.into_values().collect(), unseen }
}

/// Does `work` in the mount namespace of a process, in a child, which has none of this program's open files: it must
/// open all that it needs. `None`: the process has ended. The error: it runs, and that could not be done.
pub(crate) fn within<T: Serialize + DeserializeOwned>(
    process: &Identity,
    work: impl FnOnce() -> T,
) -> io::Result<Option<T>> {
    let parts = [Part::Mounts];
    let done = Confinement::of(process, &Default::default(), &parts).map_err(io::Error::other);
    let done = done.and_then(|confinement| {
        child::forked("what looks into another mount namespace", || {
            confinement.assume(&parts, false).map_err(io::Error::other)?;
            Ok(work())
        })
    });
    match done {
        Err(_) if !process.exists() => Ok(None),
        done => done.map(Some),
    }
}
