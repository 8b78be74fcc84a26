//! What the jails of sessions showed of the host, by the entries that pam_sftpjail wrote when they were opened.
//!
//! The configuration and the account may be others since. An entry of an earlier version does not say it.

use super::host_path::View;
use crate::host::syslog::session_entry::{self, Entry, Kind, fields};
use jiff::Timestamp;
use pam_sftpjail::escape::unescaped;
use std::collections::HashMap;
use std::path::PathBuf;
use std::rc::Rc;

mod views;
use views::Views;

/// How many users are remembered. Beyond this all are forgotten: what follows in the log is about sessions that are
/// opened later.
const MAX_USERS: usize = 10_000;

/// How many entries may wait for further ones with their volumes.
const MAX_INCOMPLETE: usize = 100;

/// By host and user, as pam_sftpjail spells the name.
#[derive(Debug, Default)]
pub(crate) struct Openings {
    users: HashMap<(u64, String), Views>,
    /// By host and sshd's pid.
    incomplete: HashMap<(u64, u32), Opening>,
}

/// What the entry of a session says.
#[derive(Debug)]
struct Opening {
    time: Timestamp,
    user: String,
    jail: PathBuf,
    home: Option<PathBuf>,
    /// How many volumes there are; not all may be known yet.
    count: usize,
    volumes: Vec<(PathBuf, PathBuf)>,
}

impl Openings {
    /// An entry of pam_sftpjail.
    pub(crate) fn line(&mut self, (host, pid, time): (u64, u32, Timestamp), message: &[u8]) {
        let Some(Entry { kind, user, rest }) =
            std::str::from_utf8(message).ok().and_then(session_entry::parse)
        else {
            return;
        };
        let opening = match (kind, self.incomplete.remove(&(host, pid))) {
            // An earlier version did not write this field.
            (Kind::Opened, _) if value(rest, "home_access").is_none() => {
                return self.opened((host, pid, time), user, None);
            }
            (Kind::Opened, _) => match first(time, user, rest) {
                Some(opening) => opening,
                None => {
                    return self.opened((host, pid, time), user, Some(Rc::new(View::Unknown)));
                }
            },
            (Kind::Continued, Some(mut opening)) if opening.user == user => {
                opening.volumes.extend(volumes(rest));
                opening
            }
            (Kind::Continued, _) => return,
            (Kind::Closed, _) => {
                if let Some(views) = self.users.get_mut(&(host, user.to_owned())) {
                    views.closed(pid, time);
                }
                return;
            }
        };
        if opening.volumes.len() < opening.count {
            // Until the others are read, or for ever, its paths are unknown.
            self.opened((host, pid, opening.time), user, Some(Rc::new(View::Unknown)));
            if self.incomplete.len() < MAX_INCOMPLETE {
                self.incomplete.insert((host, pid), opening);
            }
            return;
        }
        let Opening { time, jail, home, volumes, .. } = opening;
        self.opened((host, pid, time), user, Some(Rc::new(View::jail(jail, home, volumes))));
    }

    /// What the paths of a session mean that began then. `None`: no entry says it.
    pub(crate) fn view(&self, host: u64, user: &str, began: Timestamp) -> Option<Rc<View>> {
        let user = pam_sftpjail::escape::escaped(user).to_string();
        self.users.get(&(host, user))?.at(began)
    }

    fn opened(&mut self, (host, pid, time): (u64, u32, Timestamp), user: &str, view: Option<Rc<View>>) {
        if self.users.len() >= MAX_USERS {
            self.users.clear();
        }
        self.users.entry((host, user.to_owned())).or_default().opened(pid, time, view);
    }
}

/// `None`: a path has lost its middle, because it was too long, or the entry its end.
fn first(time: Timestamp, user: &str, rest: &str) -> Option<Opening> {
    let path = |name: &str| Some(PathBuf::from(unescaped(value(rest, name)?)?));
    let home = match value(rest, "home_access")? {
        "none" => None,
        _ => Some(path("home")?),
    };
    let (jail, count) = (path("jail")?, value(rest, "volumes")?.parse().ok()?);
    Some(Opening { time, user: user.to_owned(), jail, home, count, volumes: volumes(rest).collect() })
}

/// The value of a field.
fn value<'r>(rest: &'r str, name: &str) -> Option<&'r str> {
    fields(rest).find_map(|(field, value)| (field == name).then_some(value))
}

/// `volume=TARGET from=SOURCE`, any number of times.
fn volumes(rest: &str) -> impl Iterator<Item = (PathBuf, PathBuf)> {
    fields(rest).zip(fields(rest).skip(1)).filter_map(|(first, second)| match (first, second) {
        (("volume", target), ("from", source)) => {
            Some((unescaped(target)?.into(), unescaped(source)?.into()))
        }
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPENED: &str =
        "pam_sftpjail(sshd:session): session opened for user jack(uid=1): home=/home/jack rhost=::1";

    fn read(lines: &[(i64, &str)]) -> Openings {
        let mut openings = Openings::default();
        for (second, line) in lines {
            openings.line((0, 7, Timestamp::from_second(*second).unwrap()), line.as_bytes());
        }
        openings
    }

    fn on_host(openings: &Openings, began: i64, path: &str) -> Option<String> {
        let view = openings.view(0, "jack", Timestamp::from_second(began).unwrap())?;
        let path = view.on_host(path.as_bytes()).unwrap_or_else(|| path.into());
        Some(String::from_utf8(path).unwrap())
    }

    #[test]
    fn a_session_has_the_volumes_of_its_own_entry_whatever_the_next_one_says() {
        let volume = |source: &str| {
            format!(
                "{OPENED} profile=p home_access=none jail=/jail/jack volumes=1 volume=/up from={source} setup_us=4"
            )
        };
        let (old, new) = (volume("/srv/old"), volume("\"/srv/n \\\"w\""));
        let openings = read(&[(10, &old), (20, &old), (30, &new)]);
        assert_eq!(on_host(&openings, 11, "/up/x").unwrap(), "/srv/old/x");
        assert_eq!(on_host(&openings, 25, "up/x").unwrap(), "/srv/old/x");
        assert_eq!(on_host(&openings, 30, "/up/x").unwrap(), "/srv/n \"w/x");
        // Their entries came in the wrong order.
        assert_eq!(on_host(&openings, 9, "/etc").unwrap(), "/jail/jack/etc");
        // Before all that is in the log.
        assert_eq!(on_host(&openings, 5, "/up/x"), None);
        assert!(openings.view(0, "joe", Timestamp::MAX).is_none());
    }

    #[test]
    fn an_entry_of_an_earlier_version_says_nothing() {
        let openings = read(&[(10, &format!("{OPENED} profile=p setup_us=4"))]);
        assert_eq!(on_host(&openings, 11, "/up/x"), None);
    }

    #[test]
    fn where_an_entry_has_lost_a_part_nothing_is_guessed() {
        let cut = "home=xx[4000 bytes]xx rhost=::1 profile=p home_access=read-write jail=/jail/jack volumes=0 setup_us=4";
        for rest in [cut, "home=/x rhost=::1 profile=p home_access=read-write jail=/jail/jack vol"] {
            let line = format!("pam_sftpjail(sshd:session): session opened for user jack(uid=1): {rest}");
            let openings = read(&[(10, &line)]);
            assert_eq!(on_host(&openings, 11, "/up/x").unwrap(), "/up/x");
        }
    }

    #[test]
    fn volumes_that_do_not_fit_into_an_entry_stand_in_the_next() {
        let first = format!(
            "{OPENED} profile=p home_access=read-write jail=/jail/jack volumes=3 volume=/a from=/srv/a setup_us=4"
        );
        let more =
            |volumes: &str| format!("pam_sftpjail(sshd:session): session of user jack(uid=1): {volumes}");
        let rest = more("volume=/b from=/srv/b volume=\"/c c\" from=/srv/c");
        let openings = read(&[(10, &first), (10, &rest)]);
        for (path, real) in [("/a/x", "/srv/a/x"), ("/c c/x", "/srv/c/x"), ("/home/jack/x", "/home/jack/x")] {
            assert_eq!(on_host(&openings, 11, path).unwrap(), real);
        }
        // Where one is missing, nothing is guessed.
        let openings = read(&[(10, &first), (10, &more("volume=/b from=/srv/b"))]);
        assert_eq!(on_host(&openings, 11, "/a/x").unwrap(), "/a/x");
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let mut openings = Openings::default();
        crate::host::syslog::noise::noise(|bytes| {
            for begin in [OPENED, "pam_sftpjail(sshd:session): session of user jack(uid=1): volume=\""] {
                let line = [begin.as_bytes(), b" home_access=read-write jail=", bytes].concat();
                openings.line((0, 7, Timestamp::UNIX_EPOCH), &line);
            }
        });
    }
}
