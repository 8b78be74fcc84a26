//! Finds sessions of sshd that are in no jail: those of users who were no members yet when they logged in.

use crate::host::sshd::running::{is_same_root, was_started_by_root};
use procfs::process::all_processes;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// A process of sshd that serves a user in no jail.
pub(crate) struct Unjailed {
    pub(crate) pid: i32,
    /// The user, by the title that sshd gives the process: several users may have its uid. `None`: it has no such
    /// title.
    pub(crate) user: Option<String>,
}

/// The processes of sshd that serve a user and have this program's root directory, by uid. sshd becomes the user after
/// it has chrooted. Without being root, none is known.
pub(crate) fn unjailed() -> BTreeMap<u32, Vec<Unjailed>> {
    let mut found: BTreeMap<u32, Vec<Unjailed>> = BTreeMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(status) = process.status() else { continue };
        // A user can give a program of the user's any name, and cannot write the file that sshd executes.
        let directory = PathBuf::from(format!("/proc/{}", process.pid));
        if status.name.starts_with("sshd")
            && status.ruid != 0
            && status.ruid == status.euid
            && is_same_root(&directory)
            && was_started_by_root(&directory)
        {
            let title = process.cmdline().ok().and_then(|words| words.into_iter().next());
            let user = title.as_deref().and_then(user).map(str::to_owned);
            found.entry(status.ruid).or_default().push(Unjailed { pid: process.pid, user });
        }
    }
    found
}

/// A process outside of jails.
pub(crate) struct Outside {
    pub(crate) pid: i32,
    /// The name of its program, which it may have chosen itself.
    pub(crate) name: String,
}

/// All processes that have this program's root directory, by uid, root's aside.
pub(crate) fn outside() -> BTreeMap<u32, Vec<Outside>> {
    let mut found: BTreeMap<u32, Vec<Outside>> = BTreeMap::new();
    for process in all_processes().into_iter().flatten().flatten() {
        let Ok(status) = process.status() else { continue };
        if status.ruid != 0 && is_same_root(&PathBuf::from(format!("/proc/{}", process.pid))) {
            found.entry(status.ruid).or_default().push(Outside { pid: process.pid, name: status.name });
        }
    }
    found
}

/// The user in a title such as `sshd: anna@pts/0`: do_child and session_proctitle of OpenSSH's session.c.
fn user(title: &str) -> Option<&str> {
    let (_, whose) = title.split_once(": ")?;
    Some(whose.rsplit_once('@')?.0)
}

#[cfg(test)]
mod tests {
    use super::user;

    #[test]
    fn the_title_of_a_session_names_its_user() {
        for (title, expected) in [
            ("sshd: anna@notty", Some("anna")),
            ("sshd-session: anna@example.org@pts/0,pts/1", Some("anna@example.org")),
            ("sshd: anna [priv]", None),
            ("sshd: /usr/sbin/sshd -D [listener] 0 of 10-100 startups", None),
            ("sshd", None),
        ] {
            assert_eq!(user(title), expected, "{title}");
        }
    }
}
