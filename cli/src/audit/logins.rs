//! Sessions as pam_sftpjail logs them, held against internal-sftp's: one that internal-sftp says
//! nothing of, not even that it began, is a gap.
//!
//! With the drop-in, the two have sockets of their own, which rsyslog reads in threads of their own.
//! So their lines may stand in the wrong order, and nothing is concluded before the end.

use super::gaps::{Gaps, Kind};
use jiff::{SignedDuration, Timestamp};
use pam_sftpjail::escape::escaped;
use std::collections::HashMap;

/// More sessions are not told apart.
const MAX_LOGINS: usize = 10_000;

/// Of one user, so many beginnings wait for pam_sftpjail's line.
const MAX_EARLY: usize = 64;

/// How far a stamp may be beside the truth.
const SLACK: SignedDuration = SignedDuration::from_secs(5);

/// What is known so far, by host and user as pam_sftpjail spells it.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    users: HashMap<(u64, String), User>,
    count: usize,
}

#[derive(Debug, Default)]
struct User {
    /// Of which internal-sftp's line is not there yet.
    silent: Vec<Login>,
    /// When internal-sftp began sessions of which pam_sftpjail's line is not there yet.
    early: Vec<Timestamp>,
}

#[derive(Debug)]
struct Login {
    /// sshd's, which is not internal-sftp's.
    pid: u32,
    began: Timestamp,
    ended: Option<Timestamp>,
}

impl Login {
    fn may_be_of(&self, time: Timestamp) -> bool {
        let after = |earlier: Timestamp, later: Timestamp| earlier.duration_since(later) <= SLACK;
        after(self.began, time) && self.ended.is_none_or(|ended| after(time, ended))
    }
}

impl Logins {
    /// internal-sftp began a session of this user.
    pub(crate) fn logged(&mut self, host: u64, user: &str, time: Timestamp) {
        // Of hosts without pam_sftpjail's lines, nothing is kept but a few beginnings.
        if self.users.len() >= MAX_LOGINS {
            self.users.retain(|_, user| !user.silent.is_empty());
        }
        let user = self.users.entry((host, escaped(user).to_string())).or_default();
        match user.silent.iter().position(|login| login.may_be_of(time)) {
            Some(at) => {
                user.silent.remove(at);
                self.count -= 1;
            }
            None => {
                if user.early.len() == MAX_EARLY {
                    user.early.remove(0);
                }
                user.early.push(time);
            }
        }
    }

    /// A line of pam_sftpjail's.
    pub(crate) fn line(&mut self, (host, pid, time): (u64, u32, Timestamp), message: &[u8]) {
        let Some((event, user)) = parse(message) else { return };
        if self.count >= MAX_LOGINS {
            // Nothing is said of them then, rather than something wrong.
            self.users.clear();
            self.count = 0;
        }
        let user = self.users.entry((host, user)).or_default();
        match event {
            Event::Opened => {
                let login = Login { pid, began: time, ended: None };
                // A session that began long ago is that of an earlier line, which was lost.
                user.early.retain(|early| login.may_be_of(*early));
                if user.early.is_empty() {
                    user.silent.push(login);
                    self.count += 1;
                } else {
                    user.early.remove(0);
                }
            }
            Event::Closed => {
                let of_it = |login: &&mut Login| login.pid == pid && login.ended.is_none();
                if let Some(login) = user.silent.iter_mut().find(of_it) {
                    login.ended = Some(time);
                }
            }
        }
    }

    /// The log is over: notes the sessions that ended without a line of internal-sftp's, of every user
    /// or of the one who is asked for.
    pub(crate) fn finish(&mut self, user: Option<&str>, gaps: &mut Gaps) {
        let user = user.map(|user| escaped(user).to_string());
        let mut silent: Vec<_> = self
            .users
            .drain()
            .filter(|((_, name), _)| user.as_ref().is_none_or(|user| user == name))
            .flat_map(|((_, name), user)| user.silent.into_iter().map(move |login| (login, name.clone())))
            .collect();
        silent.sort_by_key(|(login, _)| login.began);
        for (Login { pid, began, ended }, name) in silent {
            // One that is open may be about to begin.
            let Some(ended) = ended else { continue };
            gaps.during((began, ended), Kind::Silent, |clock| {
                format!("{name}, sshd's pid {pid}, {}", clock.shown(began))
            });
        }
    }
}

enum Event {
    Opened,
    Closed,
}

/// `pam_sftpjail(sshd:session): session opened for user USER(uid=1001): …`
fn parse(message: &[u8]) -> Option<(Event, String)> {
    let text = std::str::from_utf8(message).ok()?;
    let (_, text) = text.strip_prefix("pam_sftpjail(")?.split_once("): session ")?;
    let (event, rest) = match text.split_once(" for user ")? {
        ("opened", rest) => (Event::Opened, rest),
        ("closed", rest) => (Event::Closed, rest),
        _ => return None,
    };
    Some((event, rest.split_once("(uid=")?.0.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many gaps there are after these lines, each a minute after the one before unless it begins
    /// with a second of its own.
    fn gaps(lines: &[(u32, &str)]) -> u64 {
        let mut gaps = Gaps::between(None, None, jiff::tz::TimeZone::UTC);
        let mut logins = Logins::default();
        for (minute, (pid, line)) in lines.iter().enumerate() {
            let (second, line) = line
                .split_once('!')
                .map_or((60 * minute as i64, *line), |(second, line)| (second.parse().unwrap(), line));
            let time = Timestamp::from_second(second).unwrap();
            match line.strip_prefix("internal ") {
                Some(user) => logins.logged(0, user, time),
                None => {
                    let line = format!("pam_sftpjail(sshd:session): {line}");
                    logins.line((0, *pid, time), line.as_bytes());
                }
            }
        }
        logins.finish(None, &mut gaps);
        gaps.all().map(|(_, tally)| tally.count).sum()
    }

    #[test]
    fn a_session_of_which_internal_sftp_says_nothing_is_a_gap() {
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
    fn lines_in_the_wrong_order_are_no_gap() {
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
        // Of another time, and so of another session.
        let later = "60!session opened for user mle(uid=1): home=/x";
        let ended = "70!session closed for user mle(uid=1): d";
        assert_eq!(gaps(&[(1, "1!internal mle"), (1, later), (1, ended)]), 1);
        assert_eq!(gaps(&[(1, opened), (1, closed), (1, "60!internal mle")]), 1);
    }

    #[test]
    fn odd_names_are_spelled_as_pam_sftpjail_spells_them() {
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
