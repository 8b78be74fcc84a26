//! What can happen, and a random choice of it. Each step means something wherever it stands, so that a sequence stays one
//! when others are left out of it.

use crate::world::{FOLDERS, Grant, Model, USERS};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    Sftp,
    Guest,
    /// Of the directory, which can be out of reach; the others are in /etc/group.
    Partners,
    /// Exempt.
    Admins,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Home {
    ReadWrite,
    ReadOnly,
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Namespace {
    Private,
    Host,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outage {
    Directory,
    GroupFile,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    One,
    Other,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    pub(crate) user: usize,
    /// Whether it comes from the network of grants that have one.
    pub(crate) near: bool,
    /// `None`: with a password.
    pub(crate) key: Option<Key>,
}

impl Login {
    /// As the sandbox's client logs in.
    pub(crate) fn by_sftp(user: usize) -> Self {
        Self { user, near: false, key: Some(Key::One) }
    }
}

/// Users and folders are numbers; a session is the n-th of those that live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Login(Login),
    /// A whole login with sftp and sshd, from afar and with a key, and the logout.
    Sftp(usize),
    Logout(usize),
    /// Of monitor and child, or of the monitor only: the child lives on.
    Kill(usize),
    KillMonitor(usize),
    /// So many minutes.
    Wait(u32),
    Join(usize, Group),
    Leave(usize, Group),
    MoveHome(usize, usize),
    HomeGone(usize, usize, bool),
    Grant(usize, usize, Grant),
    /// For so many minutes from now.
    Extend(usize, usize, u32),
    /// By hand: nobody ends sessions.
    Withdraw(usize, usize),
    BreakGrants(usize, bool),
    /// `sftpjail revoke`, `kick`, `expire` and `reap`.
    Revoke(usize, usize),
    Kick(usize),
    Expire,
    Reap,
    Reboot,
    Namespace(Namespace),
    BreakConfig(bool),
    /// Exchanges a profile with the next one.
    Swap(usize),
    /// Whether the configuration has the profile.
    List(Group, bool),
    ProfileHome(Group, Home),
    ProfileVolume(Group, usize, bool),
    ProfileMax(Group, Option<u32>),
    Outage(Option<Outage>),
}

impl Step {
    /// The same step, each time with one thing that does not matter for most faults.
    pub(crate) fn simpler(self) -> Vec<Step> {
        match self {
            // Others are not needed then.
            Step::Wait(minutes) if minutes < 60 => vec![Step::Wait(60)],
            Step::Login(login) => {
                [Login { near: true, ..login }, Login { key: None, ..login }].map(Step::Login).into()
            }
            Step::Grant(user, folder, grant) => [
                Grant { since: None, ..grant },
                Grant { until: None, ..grant },
                Grant { near_only: false, ..grant },
                Grant { key: None, ..grant },
                Grant { owned: false, ..grant },
                Grant { writable: true, ..grant },
            ]
            .map(|simpler| Step::Grant(user, folder, simpler))
            .into(),
            _ => Vec::new(),
        }
    }
}

/// A whole login takes as long as thirty other steps.
const SFTP_ONE_IN: usize = 200;

/// Random numbers that are the same wherever they begin with the same seed: splitmix64.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).expect("it is below n")
    }

    fn one_in(&mut self, n: usize) -> bool {
        self.below(n) == 0
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len())]
    }

    /// A step that can happen now. What is out of order does not stay so for long, or nobody could log in.
    pub(crate) fn step(&mut self, model: &Model) -> Step {
        if model.config.broken && self.one_in(3) {
            return Step::BreakConfig(false);
        }
        if model.outage.is_some() && self.one_in(3) {
            return Step::Outage(None);
        }
        // Each step looks at all of them.
        if model.sessions.len() > 6 {
            return self.of(&[Step::Logout, Step::Kill])(self.below(64));
        }
        let user = self.below(USERS.len());
        let it = &model.users[user];
        if it.grants_broken && self.one_in(3) {
            return Step::BreakGrants(user, false);
        }
        if it.gone[it.home] && self.one_in(3) {
            return Step::HomeGone(user, it.home, false);
        }
        if self.one_in(SFTP_ONE_IN) {
            return Step::Sftp(user);
        }
        let session = self.below(64);
        let folder = self.below(FOLDERS.len());
        let group = self.of(&[Group::Sftp, Group::Guest, Group::Partners]);
        match self.below(100) {
            0..30 => Step::Login(self.login(user)),
            30..38 => Step::Logout(session),
            38..42 => Step::Kill(session),
            42..44 => Step::KillMonitor(session),
            44..49 => Step::Wait(u32::try_from(1 + self.below(20)).expect("it is small")),
            49..52 => Step::Join(user, self.of(&[group, group, group, Group::Admins])),
            52..55 => Step::Leave(user, self.of(&[group, Group::Admins])),
            55..56 => Step::MoveHome(user, 1 - it.home),
            56..57 => Step::HomeGone(user, self.below(2), true),
            57..67 => Step::Grant(user, folder, self.grant(model.now)),
            67..69 => Step::Extend(user, folder, u32::try_from(self.below(40)).expect("it is small")),
            69..71 => Step::Withdraw(user, folder),
            71..72 => Step::BreakGrants(user, true),
            72..75 => Step::Revoke(user, it.grants.keys().next().copied().unwrap_or(folder)),
            75..76 => Step::Kick(user),
            76..79 => Step::Expire,
            79..80 => Step::Reap,
            80..81 => Step::Reboot,
            81..83 => Step::Namespace(self.of(&[Namespace::Private, Namespace::Host])),
            83..84 => Step::BreakConfig(true),
            84..86 => Step::Swap(self.below(3)),
            86..88 => Step::List(group, !self.one_in(3)),
            88..91 => Step::ProfileHome(group, self.of(&[Home::ReadWrite, Home::ReadOnly, Home::None])),
            91..95 => Step::ProfileVolume(group, self.below(2), !self.one_in(3)),
            95..97 => Step::ProfileMax(group, self.of(&[None, Some(1), Some(2)])),
            _ => Step::Outage(Some(self.of(&[Outage::Directory, Outage::Directory, Outage::GroupFile]))),
        }
    }

    fn login(&mut self, user: usize) -> Login {
        Login { user, near: !self.one_in(3), key: self.of(&[Some(Key::One), Some(Key::Other), None]) }
    }

    fn grant(&mut self, now: u32) -> Grant {
        let minutes = |n: usize| u32::try_from(n).expect("it is small");
        Grant {
            writable: !self.one_in(3),
            owned: self.one_in(2),
            since: self.one_in(5).then(|| now + minutes(self.below(10))),
            until: (!self.one_in(3)).then(|| now + minutes(self.below(40))),
            near_only: self.one_in(4),
            key: self.of(&[None, None, Some(Key::One)]),
        }
    }
}
