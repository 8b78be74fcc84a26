//! Finds sessions of sshd that are in no jail: those of users who were no members yet when they logged in.

use crate::host::process_table::{self, Found, Listed};
use crate::host::sshd::running::was_started_by_root;
use crate::report::Error;
use std::collections::BTreeMap;

/// A process of sshd that serves a user in no jail.
pub(crate) struct Unjailed {
    pub(crate) pid: i32,
    /// The user, by the title that sshd gives the process: several users may have its uid. `None`: it has no such
    /// title.
    pub(crate) user: Option<String>,
    /// Why it is not known whether it is one.
    pub(crate) doubt: Option<Error>,
}

/// The processes of sshd that serve a user and have this program's root directory, by uid. sshd becomes the user after
/// it has chrooted.
pub(crate) fn unjailed() -> Found<BTreeMap<u32, Vec<Unjailed>>> {
    by_uid(|process| {
        // A user can give a program of the user's any name, and cannot write the file that sshd executes.
        let [real, effective, _] = process.uids;
        if !process.name.starts_with("sshd") || real != effective {
            return None;
        }
        let is_one = process.has_same_root().and_then(|is_same| {
            Ok(is_same && process.has_its_program_there()? && was_started_by_root(process)?)
        });
        if is_one == Ok(false) {
            return None;
        }
        let title = process.read_file("cmdline").ok().flatten().unwrap_or_default();
        let user = user(&String::from_utf8_lossy(&title)).map(str::to_owned);
        Some(Unjailed { pid: process.pid, user, doubt: is_one.err() })
    })
}

/// A process outside of jails.
pub(crate) struct Outside {
    pub(crate) pid: i32,
    /// The name of its program, which it may have chosen itself.
    pub(crate) name: String,
    /// Why it is not known whether it is one.
    pub(crate) doubt: Option<Error>,
}

/// All processes that have this program's root directory, or may have chosen another one, by uid, root's aside.
pub(crate) fn outside() -> Found<BTreeMap<u32, Vec<Outside>>> {
    by_uid(|process| {
        let is_same = process.has_same_root();
        let is_one = is_same.and_then(|is_same| Ok(is_same || process.has_other_user_namespace()?));
        let (pid, name) = (process.pid, process.name.clone());
        (is_one != Ok(false)).then(|| Outside { pid, name, doubt: is_one.err() })
    })
}

/// What `find` makes of the processes that are not root's, by uid.
fn by_uid<T>(find: impl Fn(&Listed) -> Option<T>) -> Found<BTreeMap<u32, Vec<T>>> {
    let Found { found: all, unseen } = process_table::all();
    let mut found: BTreeMap<u32, Vec<T>> = BTreeMap::new();
    for process in all {
        let [real, ..] = process.uids;
        if let Some(one) = Some(&process).filter(|_| real != 0).and_then(&find) {
            found.entry(real).or_default().push(one);
        }
    }
    Found { found, unseen }
}

/// The user in a title such as `sshd: anna@pts/0`: do_child and session_proctitle of OpenSSH's session.c.
fn user(title: &str) -> Option<&str> {
    // Its arguments were there.
    let title = title.split('\0').next()?;
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
