//! Who may see what: what README.md promises, as a machine that knows nothing of PAM, mounts, records or locks. The test
//! does each step to it and to a real host, and compares.

use crate::step::{Group, Home, Login, Namespace, Outage, Step};
use crate::world::{FOLDERS, Grant, Jail, Kind, Model, Profile, Session, USERS, VOLUMES, home};
use std::collections::BTreeMap;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    Refused,
    Free,
    Jailed,
}

enum Decision {
    Refused,
    /// `true`: and a jail from before is removed.
    NotJailed(bool),
    Jail(Session, Option<u32>),
}

impl Model {
    /// The step that is a login gives its answer. `id`: of the session.
    pub(crate) fn step(&mut self, step: &Step, id: u32) -> Option<Answer> {
        match step {
            Step::Login(login) => return Some(self.log_in(login, id)),
            Step::Sftp(user) => {
                let answer = self.log_in(&Login::by_sftp(*user), id);
                self.end(id, true);
                return Some(answer);
            }
            Step::Logout(n) => self.at(*n).into_iter().for_each(|id| self.end(id, true)),
            Step::Kill(n) => self.at(*n).into_iter().for_each(|id| self.end(id, false)),
            Step::KillMonitor(n) => {
                let id = self.at(*n);
                id.and_then(|id| self.sessions.get_mut(&id)).into_iter().for_each(|it| it.orphan = true);
            }
            Step::Revoke(..) | Step::Kick(_) | Step::Expire => {
                self.end_all(&self.due(step));
                if let Step::Revoke(user, folder) = step {
                    self.revoke(*user, *folder);
                }
            }
            // It needs the configuration for the jail root.
            Step::Reap if !self.config.broken => (0..USERS.len()).for_each(|user| self.clean_up(user)),
            Step::Reap => {}
            Step::Reboot => {
                self.sessions.clear();
                self.mounted = [const { None }; 3];
                self.has_dead_record = [false; 3];
            }
            other => self.set(other),
        }
        None
    }

    pub(crate) fn log_in(&mut self, login: &Login, id: u32) -> Answer {
        let user = login.user;
        // sshd goes by the groups that it is told of, whatever does not answer.
        let jailed_by_sshd = self.users[user].groups.iter().any(|group| match group {
            Group::Admins => false,
            Group::Partners => self.outage.is_none(),
            Group::Sftp | Group::Guest => self.outage != Some(Outage::GroupFile),
        });
        match self.decide(login) {
            Decision::Refused => Answer::Refused,
            Decision::NotJailed(cleans_up) => {
                if cleans_up {
                    self.clean_up(user);
                }
                if jailed_by_sshd && self.mounted[user].is_none() {
                    return Answer::Refused;
                }
                let jail = self.mounted[user].clone().filter(|_| jailed_by_sshd);
                let answer = if jail.is_some() { Answer::Jailed } else { Answer::Free };
                self.sessions.insert(id, Session::new(user, jail, Kind::Unrecorded));
                answer
            }
            Decision::Jail(session, max) => {
                let live = self.live(user).count();
                let shared = self.live(user).any(|it| it.kind == Kind::Host);
                let differs = shared && (session.kind != Kind::Host || session.jail != self.mounted[user]);
                if differs || max.is_some_and(|max| live >= max as usize) {
                    return Answer::Refused;
                }
                self.clean_up(user);
                self.has_dead_record[user] = false;
                if session.kind == Kind::Host {
                    self.mounted[user] = session.jail.clone();
                }
                self.sessions.insert(id, session);
                Answer::Jailed
            }
        }
    }

    /// What the module makes of a login, before it looks at other sessions.
    fn decide(&self, login: &Login) -> Decision {
        let (config, user) = (&self.config, &self.users[login.user]);
        if config.broken {
            let on_record =
                self.has_dead_record[login.user] || self.live(login.user).any(|it| it.kind == Kind::Host);
            return if on_record { Decision::Refused } else { Decision::NotJailed(false) };
        }
        let asks_directory = config.profiles.iter().any(|it| it.listed && it.group == Group::Partners);
        match self.outage {
            Some(Outage::GroupFile) => return Decision::Refused,
            _ if user.groups.contains(&Group::Admins) => return Decision::NotJailed(true),
            Some(Outage::Directory) if asks_directory => return Decision::Refused,
            _ => {}
        }
        let mut profiles = config.profiles.iter().filter(|it| it.listed && user.groups.contains(&it.group));
        let Some(profile) = profiles.next() else { return Decision::NotJailed(true) };
        let kind = if config.namespace == Namespace::Host { Kind::Host } else { Kind::Private };
        self.jail(profile, login, kind).map_or(Decision::Refused, |it| Decision::Jail(it, profile.max))
    }

    /// What a login gets. `None`: it is refused.
    fn jail(&self, profile: &Profile, login: &Login, kind: Kind) -> Option<Session> {
        let user = &self.users[login.user];
        let (mut places, home) = (BTreeMap::new(), home(login.user, user.home));
        let mut session = Session::new(login.user, None, kind);
        if profile.home != Home::None {
            places.insert(home.clone(), (home, profile.home == Home::ReadWrite, false));
        }
        for ((at, folder, writable), _) in VOLUMES.iter().zip(profile.volumes).filter(|(_, has)| *has) {
            places.insert((*at).into(), ((*folder).into(), *writable, false));
        }
        let holds = |grant: &Grant| {
            grant.since.is_none_or(|since| since <= self.now)
                && grant.until.is_none_or(|until| until > self.now)
                && (!grant.near_only || login.near)
                && (grant.key.is_none() || grant.key == login.key)
        };
        for (folder, grant) in user.grants.iter().filter(|(_, grant)| holds(grant)) {
            // Nothing becomes writable that the profile has read-only.
            if grant.writable && FOLDERS[*folder] == VOLUMES[0].1 && profile.volumes[0] {
                return None;
            }
            places.insert(FOLDERS[*folder].into(), (FOLDERS[*folder].into(), grant.writable, grant.owned));
            session.granted.insert(*folder);
            session.until = session.until.into_iter().chain(grant.until).min();
        }
        let is_missing = profile.home != Home::None && user.gone[user.home];
        session.jail = Some(Jail { profile: profile.group, places, detached: false });
        let is_empty = session.jail.as_ref().is_some_and(|jail| jail.places.is_empty());
        (!user.grants_broken && !is_missing && !is_empty).then_some(session)
    }

    /// The live sessions of a user that are on record.
    fn live(&self, user: usize) -> impl Iterator<Item = &Session> {
        self.sessions.values().filter(move |it| it.user == user && it.kind != Kind::Unrecorded)
    }

    /// Removes what killed sessions have left, unless others have it.
    fn clean_up(&mut self, user: usize) {
        if !self.live(user).any(|it| it.kind == Kind::Host) {
            self.has_dead_record[user] = false;
            self.mounted[user] = None;
            for other in
                self.sessions.values_mut().filter(|it| it.user == user && it.kind == Kind::Unrecorded)
            {
                other.jail.iter_mut().for_each(|jail| jail.detached = true);
            }
        }
    }

    /// `closed`: by its monitor, if that lives.
    fn end(&mut self, id: u32, closed: bool) {
        let Some(session) = self.sessions.remove(&id).filter(|it| it.kind == Kind::Host) else { return };
        self.has_dead_record[session.user] |= true;
        if closed && !session.orphan {
            self.clean_up(session.user);
            self.has_dead_record[session.user] = false;
        }
    }

    /// The sessions that `sftpjail` ends.
    pub(crate) fn due(&self, step: &Step) -> Vec<u32> {
        let is_over = |it: &Session| it.until.is_some_and(|until| until <= self.now);
        let shares = |one: &Session, it: &Session| {
            one.kind == Kind::Host && it.kind == Kind::Host && one.user == it.user
        };
        let is_due = |it: &Session| match step {
            Step::Kick(user) => it.user == *user,
            Step::Revoke(user, folder) => {
                self.can_revoke(*user, *folder) && it.user == *user && it.granted.contains(folder)
            }
            // What shares a jail ends together.
            Step::Expire => is_over(it) || self.sessions.values().any(|one| is_over(one) && shares(one, it)),
            _ => false,
        };
        let due = self.sessions.iter().filter(|(_, it)| it.kind != Kind::Unrecorded && is_due(it));
        due.map(|(id, _)| *id).collect()
    }

    fn end_all(&mut self, due: &[u32]) {
        let (first, others): (Vec<u32>, Vec<u32>) = due.iter().partition(|id| self.sessions[*id].orphan);
        first.into_iter().chain(others).for_each(|id| self.end(id, true));
    }
}
