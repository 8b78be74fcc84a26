//! What there is on the model's host: users, profiles, grants, a clock and sessions.

use crate::step::{Group, Home, Key, Namespace, Outage, Step};
use std::collections::{BTreeMap, BTreeSet};

pub(crate) const USERS: [&str; 3] = ["anna", "ben", "cleo"];
/// The account that owns the folders on disk.
pub(crate) const OWNER: &str = "web";
/// What can be granted; the last two are volumes of profiles, too: read-only, and writable.
pub(crate) const FOLDERS: [&str; 4] = ["/srv/a", "/srv/b", "/srv/docs", "/srv/vol"];
/// Where profiles have the last two, and whether they can be written.
pub(crate) const VOLUMES: [(&str, &str, bool); 2] =
    [("/docs", "/srv/docs", false), ("/vol", "/srv/vol", true)];

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Model {
    /// In minutes.
    pub(crate) now: u32,
    pub(crate) outage: Option<Outage>,
    pub(crate) config: Config,
    pub(crate) users: [User; 3],
    pub(crate) sessions: BTreeMap<u32, Session>,
    /// What is mounted at /jail/USER of the host. A killed session leaves it.
    pub(crate) mounted: [Option<Jail>; 3],
    /// Whether there is a record of a killed session that had it.
    pub(crate) has_dead_record: [bool; 3],
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Config {
    pub(crate) broken: bool,
    pub(crate) namespace: Namespace,
    /// The first that has one of the user's groups counts.
    pub(crate) profiles: Vec<Profile>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    pub(crate) group: Group,
    pub(crate) listed: bool,
    pub(crate) home: Home,
    pub(crate) volumes: [bool; 2],
    pub(crate) max: Option<u32>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct User {
    pub(crate) groups: BTreeSet<Group>,
    /// Which of the two homes the account has, and which of them are there.
    pub(crate) home: usize,
    pub(crate) gone: [bool; 2],
    pub(crate) grants: BTreeMap<usize, Grant>,
    pub(crate) grants_broken: bool,
}

/// Of one folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Grant {
    pub(crate) writable: bool,
    pub(crate) owned: bool,
    pub(crate) since: Option<u32>,
    pub(crate) until: Option<u32>,
    pub(crate) near_only: bool,
    pub(crate) key: Option<Key>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Session {
    pub(crate) user: usize,
    /// `None`: not jailed.
    pub(crate) jail: Option<Jail>,
    pub(crate) kind: Kind,
    pub(crate) orphan: bool,
    /// The folders that were granted, and the first end.
    pub(crate) granted: BTreeSet<usize>,
    pub(crate) until: Option<u32>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Private,
    Host,
    /// In no profile any more, and sent by sshd into the jail of older sessions: without a record. Or not jailed.
    Unrecorded,
}

/// Whose it is, and what is where: the folder, whether it can be written, and to whom it belongs then.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Jail {
    pub(crate) profile: Group,
    pub(crate) places: BTreeMap<String, (String, bool, bool)>,
    /// Whether the host's jail was unmounted under a session without a record: then nothing is in its places.
    pub(crate) detached: bool,
}

/// The home of a user.
pub(crate) fn home(user: usize, which: usize) -> String {
    format!("{}/{}", ["/home", "/srv/homes"][which], USERS[user])
}

impl Model {
    pub(crate) fn new(namespace: Namespace) -> Self {
        let profile = |group, home| Profile { group, listed: true, home, volumes: [false; 2], max: None };
        let profiles = vec![
            profile(Group::Sftp, Home::ReadWrite),
            profile(Group::Guest, Home::None),
            profile(Group::Partners, Home::ReadOnly),
        ];
        let in_group = |group| User { groups: BTreeSet::from([group]), ..User::default() };
        Self {
            now: 0,
            outage: None,
            config: Config { broken: false, namespace, profiles },
            users: [in_group(Group::Sftp), in_group(Group::Guest), in_group(Group::Partners)],
            sessions: BTreeMap::new(),
            mounted: [const { None }; 3],
            has_dead_record: [false; 3],
        }
    }

    /// Whose jails the host has.
    pub(crate) fn mounts(&self) -> BTreeSet<String> {
        let users = USERS.iter().zip(&self.mounted).filter(|(_, jail)| jail.is_some());
        users.map(|(user, _)| format!("/jail/{user}")).collect()
    }

    /// The n-th session, if there are any.
    pub(crate) fn at(&self, n: usize) -> Option<u32> {
        self.sessions.keys().nth(n.checked_rem(self.sessions.len())?).copied()
    }

    fn profile(&mut self, group: Group) -> &mut Profile {
        self.config.profiles.iter_mut().find(|profile| profile.group == group).expect("each has one")
    }

    /// Does a step that no session notices.
    pub(crate) fn set(&mut self, step: &Step) {
        match step {
            Step::Wait(minutes) => self.now += minutes,
            Step::Join(user, group) => drop(self.users[*user].groups.insert(*group)),
            Step::Leave(user, group) => drop(self.users[*user].groups.remove(group)),
            Step::MoveHome(user, which) => self.users[*user].home = *which,
            Step::HomeGone(user, which, gone) => self.users[*user].gone[*which] = *gone,
            Step::Grant(user, folder, grant) => drop(self.users[*user].grants.insert(*folder, *grant)),
            Step::Extend(user, folder, until) => {
                let grant = self.users[*user].grants.get_mut(folder);
                grant.into_iter().for_each(|grant| grant.until = Some(self.now + until));
            }
            Step::Withdraw(user, folder) => drop(self.users[*user].grants.remove(folder)),
            Step::BreakGrants(user, broken) => self.users[*user].grants_broken = *broken,
            Step::Namespace(namespace) => self.config.namespace = *namespace,
            Step::BreakConfig(broken) => self.config.broken = *broken,
            Step::Swap(n) => self.config.profiles.swap(*n, (*n + 1) % 3),
            Step::List(group, listed) => {
                // One stays.
                let others = self.config.profiles.iter().any(|it| it.listed && it.group != *group);
                self.profile(*group).listed = *listed || !others;
            }
            Step::ProfileHome(group, home) => self.profile(*group).home = *home,
            Step::ProfileVolume(group, n, has) => self.profile(*group).volumes[*n] = *has,
            Step::ProfileMax(group, max) => self.profile(*group).max = *max,
            Step::Outage(outage) => self.outage = *outage,
            other => panic!("{other:?} is not for the admin's files"),
        }
    }

    /// Whether there is something that can be revoked.
    pub(crate) fn can_revoke(&self, user: usize, folder: usize) -> bool {
        !self.users[user].grants_broken && self.users[user].grants.contains_key(&folder)
    }

    pub(crate) fn revoke(&mut self, user: usize, folder: usize) {
        if self.can_revoke(user, folder) {
            self.users[user].grants.remove(&folder);
        }
    }
}

impl Session {
    pub(crate) fn new(user: usize, jail: Option<Jail>, kind: Kind) -> Self {
        Self { user, jail, kind, orphan: false, granted: BTreeSet::new(), until: None }
    }
}
