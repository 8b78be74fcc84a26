//! All users and groups at one moment, for a program that looks up thousands of them. The module never takes one.
//!
//! The C library reads /etc/passwd or /etc/group from its beginning for each look-up. With 20,000 users in them, one
//! look-up each is 400 million lines. A snapshot answers as NSS does where NSS asks nobody but the host's own files and
//! systemd: what those do not list, they do not have either. Of a directory service that is not so, and then there is
//! no snapshot.
#![forbid(unsafe_code)]

use super::switch::Line;
use super::{Group, User};
use nix::unistd::{Gid, Uid};
use std::collections::HashMap;
use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Arc, PoisonError, RwLock};

/// The one that this process has taken.
static TAKEN: RwLock<Option<Arc<Snapshot>>> = RwLock::new(None);

/// Names are byte for byte, as the C library compares them.
#[derive(Default)]
pub(crate) struct Snapshot {
    users: Vec<User>,
    users_by_name: HashMap<Vec<u8>, usize>,
    users_by_uid: HashMap<Uid, usize>,
    groups: Vec<Group>,
    groups_by_name: HashMap<Vec<u8>, usize>,
    groups_by_gid: HashMap<Gid, usize>,
    /// The groups that list a user.
    gids: HashMap<Vec<u8>, Vec<Gid>>,
}

/// Lets this process answer look-ups from these lists from now on, which are what `getent passwd` and `getent group`
/// print. Does nothing where they may be incomplete: then NSS is asked as ever.
pub fn answer_from(passwd: &[u8], group: &[u8]) {
    if Line::all_are_listed() {
        let snapshot = Snapshot::parse(passwd, group);
        let files = [("/etc/passwd", &snapshot.users_by_name), ("/etc/group", &snapshot.groups_by_name)];
        // getent(1) reports no error if it could not read a file to its end.
        if files.iter().all(|(file, names)| fs::read(file).is_ok_and(|text| has_all_names(names, &text))) {
            *TAKEN.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(snapshot));
        }
    }
}

/// Lets NSS be asked again: before this process adds users or groups.
pub fn forget() {
    *TAKEN.write().unwrap_or_else(PoisonError::into_inner) = None;
}

pub(crate) fn taken() -> Option<Arc<Snapshot>> {
    TAKEN.read().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Whether the names of all lines are known, and there are some.
fn has_all_names(names: &HashMap<Vec<u8>, usize>, file: &[u8]) -> bool {
    let is_known =
        |line: &[u8]| line.split(|byte| *byte == b':').next().is_some_and(|n| names.contains_key(n));
    !names.is_empty() && lines(file).filter(|line| line.contains(&b':')).all(is_known)
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty() && !line.starts_with(b"#"))
}

impl Snapshot {
    /// Parses lines of passwd(5) and group(5). Of several entries with a name or number, the first counts.
    pub(crate) fn parse(passwd: &[u8], group: &[u8]) -> Self {
        let mut all = Self::default();
        for line in lines(passwd) {
            let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
            let [name, _, uid, gid, _, home, shell] = fields[..] else { continue };
            let (Some(uid), Some(gid)) = (number(uid), number(gid)) else { continue };
            let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
            let path = |bytes| OsStr::from_bytes(bytes).into();
            all.users_by_name.entry(name.to_owned()).or_insert(all.users.len());
            all.users_by_uid.entry(uid).or_insert(all.users.len());
            all.users.push(User { name: text(name), uid, gid, home: path(home), shell: path(shell) });
        }
        for line in lines(group) {
            let fields: Vec<_> = line.split(|byte| *byte == b':').collect();
            let [name, _, gid, members] = fields[..] else { continue };
            let Some(gid) = number(gid).map(Gid::from_raw) else { continue };
            let members: Vec<_> =
                members.split(|byte| *byte == b',').filter(|name| !name.is_empty()).collect();
            for member in &members {
                all.gids.entry((*member).to_owned()).or_default().push(gid);
            }
            let members: Arc<[String]> = members.into_iter().map(text).collect();
            all.groups_by_name.entry(name.to_owned()).or_insert(all.groups.len());
            all.groups_by_gid.entry(gid).or_insert(all.groups.len());
            all.groups.push(Group { name: text(name), gid, members });
        }
        all
    }

    pub(super) fn user(&self, name: &str) -> Option<User> {
        self.users.get(*self.users_by_name.get(name.as_bytes())?).cloned()
    }

    pub(super) fn user_of(&self, uid: Uid) -> Option<User> {
        self.users.get(*self.users_by_uid.get(&uid)?).cloned()
    }

    pub(crate) fn group(&self, name: &str) -> Option<Group> {
        self.groups.get(*self.groups_by_name.get(name.as_bytes())?).cloned()
    }

    pub(super) fn group_of(&self, gid: Gid) -> Option<Group> {
        self.groups.get(*self.groups_by_gid.get(&gid)?).cloned()
    }

    /// As getgrouplist(3): `primary`, and each group that lists the user.
    pub(crate) fn gids(&self, user: &str, primary: Gid) -> Vec<Gid> {
        let mut gids = vec![primary];
        for gid in self.gids.get(user.as_bytes()).into_iter().flatten() {
            if !gids.contains(gid) {
                gids.push(*gid);
            }
        }
        gids
    }
}

fn number(field: &[u8]) -> Option<u32> {
    // As getent(1) prints it, and as it is read of a line of the file: never `+27`.
    field.iter().all(u8::is_ascii_digit).then(|| std::str::from_utf8(field).ok()?.parse().ok()).flatten()
}

fn text(field: &[u8]) -> String {
    String::from_utf8_lossy(field).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &[u8] = b"root:x:0:0:root:/root:/bin/bash\nanna:x:1000:100::/home/\xff:/bin/sh\n\
        anna:x:1001:101::/second:/bin/sh\ntwin:x:1000:100::/home/twin:/bin/sh\nj\xf6rg:x:1002:100::/:\n";
    const GROUP: &[u8] =
        b"root:x:0:\nsftp:x:50:anna,j\xf6rg\nsftp:x:51:twin\nalso:x:50:anna,twin\nusers:x:100:anna\n";

    #[test]
    fn the_first_entry_counts_and_every_group_that_lists_the_user() {
        let all = Snapshot::parse(PASSWD, GROUP);
        let anna = all.user("anna").unwrap();
        assert_eq!((anna.uid.as_raw(), anna.home.as_os_str().as_bytes()), (1000, &b"/home/\xff"[..]));
        assert_eq!(all.user_of(Uid::from_raw(1000)).unwrap().name, "anna");
        assert_eq!(all.group_of(Gid::from_raw(50)).unwrap().name, "sftp");
        assert_eq!(*all.group("sftp").unwrap().members, ["anna", "j\u{fffd}rg"]);
        let gids = |name| all.gids(name, Gid::from_raw(100)).into_iter().map(Gid::as_raw).collect::<Vec<_>>();
        assert_eq!(gids("anna"), [100, 50]);
        assert_eq!(gids("twin"), [100, 51, 50]);
        assert_eq!(gids("nobody"), [100]);
    }

    #[test]
    fn a_name_is_compared_byte_for_byte() {
        let all = Snapshot::parse(PASSWD, GROUP);
        for name in ["Anna", "j\u{fffd}rg", "jörg", "", "x"] {
            assert!(all.user(name).is_none(), "{name}");
        }
        assert_eq!(all.gids("j\u{fffd}rg", Gid::from_raw(7)), [Gid::from_raw(7)]);
    }

    #[test]
    fn a_list_that_lacks_a_line_of_the_file_is_not_taken() {
        let all = Snapshot::parse(PASSWD, GROUP);
        assert!(has_all_names(&all.users_by_name, PASSWD));
        assert!(has_all_names(&all.users_by_name, b"# anna:x\n+\nanna:x:1000:100::/:/bin/sh\n"));
        assert!(!has_all_names(&all.users_by_name, b"joe:x:1000:100::/:/bin/sh\n"));
        assert!(!has_all_names(&HashMap::new(), b""));
    }
}
