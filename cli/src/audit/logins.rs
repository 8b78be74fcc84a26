//! Sessions as pam_sftpjail logs them, held against internal-sftp's: one that internal-sftp says
//! nothing of, not even that it began, is a gap.

use super::gaps::{Gaps, Kind};
use jiff::Timestamp;
use pam_sftpjail::escape::escaped;
use std::collections::HashMap;

/// More that are open at once are not told apart any more.
const MAX_OPEN: usize = 10_000;

/// Sessions that are open, by host and user as pam_sftpjail spells it.
#[derive(Debug, Default)]
pub(crate) struct Logins {
    open: HashMap<(u64, String), Vec<Login>>,
    count: usize,
}

#[derive(Debug)]
struct Login {
    /// sshd's, which is not internal-sftp's.
    pid: u32,
    began: Timestamp,
    is_logged: bool,
}

impl Logins {
    /// internal-sftp began a session of this user.
    pub(crate) fn logged(&mut self, host: u64, user: &str) {
        if self.count == 0 {
            return;
        }
        let key = (host, escaped(user).to_string());
        if let Some(login) =
            self.open.get_mut(&key).and_then(|logins| logins.iter_mut().find(|login| !login.is_logged))
        {
            login.is_logged = true;
        }
    }

    /// A line of pam_sftpjail's. `wanted` says of which user's gaps to tell.
    pub(crate) fn line(
        &mut self,
        (host, pid, time): (u64, u32, Timestamp),
        message: &[u8],
        wanted: impl FnOnce(&str) -> bool,
        gaps: &mut Gaps,
    ) {
        let Some((event, user)) = parse(message) else { return };
        let key = (host, user);
        match event {
            Event::Opened => {
                if self.count >= MAX_OPEN {
                    // Nothing is said of them then, rather than something wrong.
                    self.open.clear();
                    self.count = 0;
                }
                self.count += 1;
                self.open.entry(key).or_default().push(Login { pid, began: time, is_logged: false });
            }
            Event::Closed => {
                let Some(logins) = self.open.get_mut(&key) else { return };
                let Some(at) = logins.iter().position(|login| login.pid == pid) else { return };
                let login = logins.remove(at);
                self.count -= 1;
                if logins.is_empty() {
                    self.open.remove(&key);
                }
                if !login.is_logged && wanted(&key.1) {
                    let began = login.began;
                    gaps.during((began, time), Kind::Silent, |clock| {
                        format!("{}, sshd's pid {pid}, {}", key.1, clock.shown(began))
                    });
                }
            }
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

    fn gaps(lines: &[(u32, &str)]) -> u64 {
        let (mut logins, mut gaps) = (Logins::default(), Gaps::between(None, None, jiff::tz::TimeZone::UTC));
        for (pid, line) in lines {
            match line.strip_prefix("internal ") {
                Some(user) => logins.logged(0, user),
                None => {
                    let at = (0, *pid, Timestamp::UNIX_EPOCH);
                    let line = format!("pam_sftpjail(sshd:session): {line}");
                    logins.line(at, line.as_bytes(), |user| user != "nobody", &mut gaps);
                }
            }
        }
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
        let other = "session opened for user nobody(uid=1): ";
        assert_eq!(gaps(&[(1, other), (1, &other.replace("opened", "closed"))]), 0);
    }

    #[test]
    fn odd_names_are_spelled_as_pam_sftpjail_spells_them() {
        let opened = "session opened for user \"a b\"(uid=1): home=/x";
        assert_eq!(gaps(&[(1, opened), (1, "internal a b"), (1, &opened.replace("opened", "closed"))]), 0);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        crate::audit::noise::noise(|bytes| {
            let mut gaps = Gaps::between(None, None, jiff::tz::TimeZone::UTC);
            let mut logins = Logins::default();
            let line = [b"pam_sftpjail(", bytes].concat();
            logins.line((0, 0, Timestamp::UNIX_EPOCH), &line, |_| true, &mut gaps);
        });
    }
}
