//! Compares the sessions that pam_sftpjail logged with those that internal-sftp logged: one without any log
//! entry of internal-sftp is a gap.
//!
//! With the drop-in each of the two has its own socket, and rsyslog reads each in its own thread. So their
//! entries may be in the wrong order, and nothing is concluded before the log has ended.

use super::gaps::{self, Gaps};
use crate::host::syslog::record::{REFUSED, is_chroot_failure};
use crate::host::syslog::session_entry::{self, Entry, Kind, NO_ADDRESS, fields};
use jiff::{SignedDuration, Timestamp};
use pam_sftpjail::escape::escaped;
use std::collections::{HashMap, VecDeque};

/// How many sessions are compared at a time.
const MAX_LOGINS: usize = 10_000;

/// How many beginnings of one user may wait for the entry of pam_sftpjail.
const MAX_EARLY: usize = 64;

/// How many of the latest sessions of all users sshd may just have failed to chroot.
const MAX_LATEST: usize = 64;

/// A refused command may be logged so much before the beginning of its session, or after the end.
const CLOSE: SignedDuration = SignedDuration::from_secs(1);

/// How far a time stamp may be from the truth.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What is known so far, by host and by user as pam_sftpjail spells the name.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    users: HashMap<(u64, String), User>,
    count: usize,
    /// The hosts and users of the latest sessions.
    latest: VecDeque<(u64, String)>,
}

#[derive(Debug, Default)]
struct User {
    /// Sessions of pam_sftpjail without an entry of internal-sftp so far.
    unmatched: Vec<Login>,
    /// When internal-sftp began sessions without an entry of pam_sftpjail so far.
    early: Vec<Timestamp>,
    /// When sshd refused a command, in no session that is known so far.
    early_refusals: Vec<Timestamp>,
}

#[derive(Debug)]
struct Login {
    /// That of sshd's monitor, which is not that of internal-sftp.
    pid: u32,
    began: Timestamp,
    ended: Option<Timestamp>,
    /// It came through a pipe.
    is_probe: bool,
}

impl Login {
    /// Whether internal-sftp may have begun in it at this time.
    fn may_have_begun(&self, time: Timestamp) -> bool {
        self.lasted_at(time, SLACK)
    }

    /// Whether this time is in it, give or take `slack`.
    fn lasted_at(&self, time: Timestamp, slack: SignedDuration) -> bool {
        let after = |earlier: Timestamp, later: Timestamp| earlier.duration_since(later) <= slack;
        after(self.began, time) && self.ended.is_none_or(|ended| after(time, ended))
    }
}

impl Logins {
    /// internal-sftp began a session of this user.
    pub(crate) fn logged(&mut self, host: u64, user: &str, time: Timestamp) {
        // Hosts without entries of pam_sftpjail: only a few beginnings are kept.
        if self.users.len() >= MAX_LOGINS {
            self.users.retain(|_, user| !user.unmatched.is_empty());
        }
        let user = self.users.entry((host, escaped(user).to_string())).or_default();
        let possible = user.unmatched.iter().enumerate().filter(|(_, login)| login.may_have_begun(time));
        // internal-sftp begins at once: it is that of the last session that was open then.
        let best =
            possible.max_by_key(|(_, login)| (login.lasted_at(time, SignedDuration::ZERO), login.began));
        match best.map(|(at, _)| at) {
            Some(at) => {
                user.unmatched.remove(at);
                self.count -= 1;
            }
            None => remember(&mut user.early, time),
        }
    }

    /// A log entry of sshd's; those of pam_sftpjail count, and those that say why nothing ran in a session.
    pub(crate) fn line(&mut self, (host, pid, time): (u64, u32, Timestamp), message: &[u8]) {
        if is_chroot_failure(message) {
            return self.not_chrooted(host, pid, time);
        }
        let Some((event, user)) = parse(message) else { return };
        if self.count >= MAX_LOGINS {
            // Reports nothing about them, rather than something wrong.
            self.users.clear();
            self.count = 0;
        }
        if matches!(event, Event::Opened { .. }) {
            self.latest.truncate(MAX_LATEST - 1);
            self.latest.push_front((host, user.clone()));
        }
        let user = self.users.entry((host, user)).or_default();
        match event {
            Event::Opened { is_probe } => {
                let login = Login { pid, began: time, ended: None, is_probe };
                // A session that began long ago belongs to an earlier entry, which was lost.
                user.early.retain(|early| login.may_have_begun(*early));
                user.early_refusals.retain(|refused| login.lasted_at(*refused, CLOSE));
                if !std::mem::take(&mut user.early_refusals).is_empty() {
                    // It ran no internal-sftp.
                } else if user.early.is_empty() {
                    user.unmatched.push(login);
                    self.count += 1;
                } else {
                    user.early.remove(0);
                }
            }
            Event::Closed => {
                let of_it = |login: &&mut Login| login.pid == pid && login.ended.is_none();
                if let Some(login) = user.unmatched.iter_mut().find(of_it) {
                    login.ended = Some(time);
                }
            }
            Event::Refused => {
                // `ssh HOST COMMAND`, rsync, git or `scp -O`: sshd ran nothing, so there is nothing to log.
                let before = user.unmatched.len();
                user.unmatched.retain(|login| !login.lasted_at(time, CLOSE));
                self.count -= before - user.unmatched.len();
                if before == user.unmatched.len() {
                    remember(&mut user.early_refusals, time);
                }
            }
        }
    }

    /// sshd could not chroot the process of a session, and ran nothing in it. The entry has the pid of that process,
    /// and names no user; sshd's monitor, which has opened the session, started it right before.
    fn not_chrooted(&mut self, host: u64, pid: u32, time: Timestamp) {
        let mut found = None;
        for key in self.latest.iter().filter(|(on, _)| *on == host) {
            for login in self.users.get(key).into_iter().flat_map(|user| &user.unmatched) {
                if login.lasted_at(time, CLOSE) {
                    let rank = (
                        login.lasted_at(time, SignedDuration::ZERO),
                        login.pid < pid,
                        login.began,
                        login.pid,
                    );
                    found = found.max(Some((rank, key.clone())));
                }
            }
        }
        let Some(((.., began, monitor), key)) = found else { return };
        if let Some(user) = self.users.get_mut(&key) {
            let before = user.unmatched.len();
            user.unmatched.retain(|login| (login.began, login.pid) != (began, monitor));
            self.count -= before - user.unmatched.len();
        }
    }

    /// The log has ended: counts the sessions that ended without an entry of internal-sftp, of every user or of the
    /// one who was asked for. `probe`: also those of `sftpjail probe`.
    pub(crate) fn finish(&mut self, user: Option<&str>, probe: bool, gaps: &mut Gaps) {
        let user = user.map(|user| escaped(user).to_string());
        let mut unmatched: Vec<_> = self
            .users
            .drain()
            .filter(|((_, name), _)| user.as_ref().is_none_or(|user| user == name))
            .flat_map(|((_, name), user)| user.unmatched.into_iter().map(move |login| (login, name.clone())))
            .collect();
        unmatched.sort_by_key(|(login, _)| login.began);
        for (Login { pid, began, ended, is_probe }, name) in unmatched {
            if is_probe && !probe {
                continue;
            }
            // A session that is still open may be about to get its first entry.
            let Some(ended) = ended else { continue };
            gaps.during((began, ended), gaps::Kind::NotLogged, |clock| {
                format!("{name}, sshd's pid {pid}, {}", clock.shown(began))
            });
        }
    }
}

/// Adds a time to those of the latest events that no session is known for.
fn remember(times: &mut Vec<Timestamp>, time: Timestamp) {
    if times.len() == MAX_EARLY {
        times.remove(0);
    }
    times.push(time);
}

enum Event {
    Opened {
        is_probe: bool,
    },
    Closed,
    /// sshd refused something that is not SFTP.
    Refused,
}

/// An entry of pam_sftpjail about a session, or of sshd itself (session.c, do_child)
/// `error: Connection from user USER ADDRESS port PORT: refusing non-sftp session`. Gives the user as pam_sftpjail
/// spells it.
fn parse(message: &[u8]) -> Option<(Event, String)> {
    let text = std::str::from_utf8(message).ok()?;
    if let Some(rest) = text.strip_prefix(REFUSED.0) {
        let (rest, _port) = rest.strip_suffix(REFUSED.1)?.rsplit_once(" port ")?;
        let (user, _address) = rest.rsplit_once(' ')?;
        return Some((Event::Refused, escaped(user).to_string()));
    }
    let Entry { kind, user, rest } = session_entry::parse(text)?;
    let event = match kind {
        Kind::Opened => Event::Opened { is_probe: fields(rest).any(|field| field == ("rhost", NO_ADDRESS)) },
        Kind::Continued => return None,
        Kind::Closed => Event::Closed,
    };
    Some((event, user.to_owned()))
}

#[cfg(test)]
mod tests;
