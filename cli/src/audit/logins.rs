//! Compares the sessions that pam_sftpjail logged with those that internal-sftp logged: one without any log
//! entry of internal-sftp is a gap.
//!
//! With the drop-in each of the two has its own socket, and rsyslog reads each in its own thread. So their
//! entries may be in the wrong order, and nothing is concluded before the log has ended.

use super::entry::{self, Entry, Kind};
use super::gaps::{self, Gaps};
use crate::host::syslog::record::REFUSED;
use jiff::{SignedDuration, Timestamp};
use pam_sftpjail::escape::escaped;
use std::collections::HashMap;

/// How many sessions are compared at a time.
const MAX_LOGINS: usize = 10_000;

/// How many beginnings of one user may wait for the entry of pam_sftpjail.
const MAX_EARLY: usize = 64;

/// A refused command may be logged so much before the beginning of its session, or after the end.
const CLOSE: SignedDuration = SignedDuration::from_secs(1);

/// How far a time stamp may be from the truth.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What is known so far, by host and by user as pam_sftpjail spells the name.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    users: HashMap<(u64, String), User>,
    count: usize,
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

    /// A log entry of sshd's; those of pam_sftpjail count.
    pub(crate) fn line(&mut self, (host, pid, time): (u64, u32, Timestamp), message: &[u8]) {
        let Some((event, user)) = parse(message) else { return };
        if self.count >= MAX_LOGINS {
            // Reports nothing about them, rather than something wrong.
            self.users.clear();
            self.count = 0;
        }
        let user = self.users.entry((host, user)).or_default();
        match event {
            Event::Opened => {
                let login = Login { pid, began: time, ended: None };
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

    /// The log has ended: counts the sessions that ended without an entry of internal-sftp, of every user or of the
    /// one who was asked for.
    pub(crate) fn finish(&mut self, user: Option<&str>, gaps: &mut Gaps) {
        let user = user.map(|user| escaped(user).to_string());
        let mut unmatched: Vec<_> = self
            .users
            .drain()
            .filter(|((_, name), _)| user.as_ref().is_none_or(|user| user == name))
            .flat_map(|((_, name), user)| user.unmatched.into_iter().map(move |login| (login, name.clone())))
            .collect();
        unmatched.sort_by_key(|(login, _)| login.began);
        for (Login { pid, began, ended }, name) in unmatched {
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
    Opened,
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
    let Entry { kind, user, .. } = entry::parse(text)?;
    let event = match kind {
        Kind::Opened => Event::Opened,
        Kind::Continued => return None,
        Kind::Closed => Event::Closed,
    };
    Some((event, user.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The gaps after these lines. Each line is a minute later than the one before, unless it begins with a second of its
    /// own.
    fn found(lines: &[(u32, &str)]) -> Gaps {
        let mut gaps = Gaps::between(None, None, jiff::tz::TimeZone::UTC);
        let mut logins = Logins::default();
        for (minute, (pid, line)) in lines.iter().enumerate() {
            let (second, line) = line
                .split_once('!')
                .map_or((60 * minute as i64, *line), |(second, line)| (second.parse().unwrap(), line));
            let time = Timestamp::from_second(second).unwrap();
            if let Some(line) = line.strip_prefix("sshd ") {
                logins.line((0, *pid, time), line.as_bytes());
                continue;
            }
            match line.strip_prefix("internal ") {
                Some(user) => logins.logged(0, user, time),
                None => {
                    let line = format!("pam_sftpjail(sshd:session): {line}");
                    logins.line((0, *pid, time), line.as_bytes());
                }
            }
        }
        logins.finish(None, &mut gaps);
        gaps
    }

    /// How many there are.
    fn gaps(lines: &[(u32, &str)]) -> u64 {
        found(lines).all().map(|(_, tally)| tally.count).sum()
    }

    #[test]
    fn a_session_without_entries_of_internal_sftp_is_a_gap() {
        let (opened, closed) =
            ("session opened for user mle(uid=1): home=/x", "session closed for user mle(uid=1): d");
        assert_eq!(gaps(&[(1, opened), (1, "internal mle"), (1, closed)]), 0);
        assert_eq!(gaps(&[(1, opened), (1, closed)]), 1);
        assert_eq!(gaps(&[(1, opened), (1, "internal joe"), (1, closed)]), 1);
        assert_eq!(gaps(&[(1, opened), (2, opened), (1, "internal mle"), (2, closed), (1, closed)]), 1);
        // Still open, or opened before the log begins.
        assert_eq!(gaps(&[(1, opened)]), 0);
        assert_eq!(gaps(&[(1, closed)]), 0);
    }

    #[test]
    fn the_gap_is_the_session_that_has_no_entries() {
        let text = |kind: &str, second: u32| format!("{second}!session {kind} for user mle(uid=1): x");
        for (first, second) in [((0, 1), (2, 4)), ((0, 9), (2, 4)), ((2, 4), (0, 9))] {
            let (opened, closed) = (text("opened", first.0), text("closed", first.1));
            let (later, ended) = (text("opened", second.0), text("closed", second.1));
            let began = format!("{}!internal mle", second.0);
            let mut lines = [(334, opened), (334, closed), (348, later), (5, began), (348, ended)];
            lines.sort_by_key(|(_, line)| line.split_once('!').unwrap().0.parse::<u32>().unwrap());
            let lines: Vec<_> = lines.iter().map(|(pid, line)| (*pid, line.as_str())).collect();
            let gaps = found(&lines);
            let named: Vec<_> = gaps.all().flat_map(|(_, tally)| &tally.examples).collect();
            assert!(
                matches!(&named[..], [one] if one.starts_with("mle, sshd's pid 334, ")),
                "{lines:?}: {named:?}"
            );
        }
    }

    #[test]
    fn entries_in_the_wrong_order_are_no_gap() {
        let opened = "0!session opened for user mle(uid=1): home=/x";
        let closed = "10!session closed for user mle(uid=1): d";
        assert_eq!(gaps(&[(1, "1!internal mle"), (1, opened), (1, closed)]), 0);
        assert_eq!(gaps(&[(1, opened), (1, closed), (1, "1!internal mle")]), 0);
        let twice = [
            (1, "1!internal mle"),
            (1, "1!internal mle"),
            (1, opened),
            (2, opened),
            (1, closed),
            (2, closed),
        ];
        assert_eq!(gaps(&twice), 0);
        // At another time, and so in another session.
        let later = "60!session opened for user mle(uid=1): home=/x";
        let ended = "70!session closed for user mle(uid=1): d";
        assert_eq!(gaps(&[(1, "1!internal mle"), (1, later), (1, ended)]), 1);
        assert_eq!(gaps(&[(1, opened), (1, closed), (1, "60!internal mle")]), 1);
    }

    #[test]
    fn a_refused_command_is_no_gap() {
        let opened = "0!session opened for user mle(uid=1): home=/x";
        let closed = "1!session closed for user mle(uid=1): d";
        let refused = "0!sshd error: Connection from user mle ::1 port 4711: refusing non-sftp session";
        assert_eq!(gaps(&[(1, opened), (3, refused), (1, closed)]), 0);
        // In the wrong order; and several of one connection.
        assert_eq!(gaps(&[(3, refused), (1, opened), (1, closed)]), 0);
        assert_eq!(gaps(&[(1, opened), (3, refused), (4, refused), (1, closed)]), 0);
        // That of another user, or of another time.
        let other = refused.replace("mle", "joe");
        assert_eq!(gaps(&[(1, opened), (3, &other), (1, closed)]), 1);
        assert_eq!(gaps(&[(1, opened), (1, closed), (3, &refused.replace("0!", "9!"))]), 1);
        // It explains its own session only.
        let later =
            ["5!session opened for user mle(uid=1): home=/x", "6!session closed for user mle(uid=1): d"];
        assert_eq!(gaps(&[(1, opened), (3, refused), (1, closed), (2, later[0]), (2, later[1])]), 1);
    }

    #[test]
    fn odd_names_are_escaped_as_pam_sftpjail_escapes_them() {
        let opened = "session opened for user \"a b\"(uid=1): home=/x";
        assert_eq!(gaps(&[(1, opened), (1, "internal a b"), (1, &opened.replace("opened", "closed"))]), 0);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut logins = Logins::default();
        crate::host::syslog::noise::noise(|bytes| {
            let line = [b"pam_sftpjail(", bytes].concat();
            logins.line((0, 0, Timestamp::UNIX_EPOCH), &line);
            logins.logged(0, &String::from_utf8_lossy(bytes), Timestamp::MAX);
        });
    }
}
