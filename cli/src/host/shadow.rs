//! Reads the shadow entry of an account: shadow(5).

use super::accounts::getent;
use nix::unistd::geteuid;
use pam_sftpjail::nss::switch::Line;
use std::collections::HashMap;
use std::fmt::{self, Display};
use std::io;
use std::sync::OnceLock;
use std::time::SystemTime;

/// The entries of all users, if they were read at once.
static ALL: OnceLock<HashMap<String, Shadow>> = OnceLock::new();

/// Lets this process answer from what NSS lists now, if that is all.
pub(crate) fn remember() {
    if !geteuid().is_root() || !Line::all_are_listed() {
        return;
    }
    let Ok(listed) = getent("shadow", None) else { return };
    let mut all = HashMap::new();
    for line in listed.lines() {
        if let Some((name, entry)) = line.split(':').next().zip(Shadow::parse(line)) {
            all.entry(name.to_owned()).or_insert(entry);
        }
    }
    // getent(1) reports no error if it could not read the file.
    if !all.is_empty() {
        let _ = ALL.set(all);
    }
}

/// A shadow entry. Days are counted since 1970-01-01; `None`: the field is empty.
#[derive(Clone)]
pub(crate) struct Shadow {
    /// The marks before the hash, or what stands in its place. Of a hash there is an `x` only, and of other text a `?`:
    /// processes that become a user are forked from this one.
    password: String,
    last_change: Option<i64>,
    maximum: Option<i64>,
    inactive: Option<i64>,
    pub(crate) expire: Option<i64>,
}

impl Shadow {
    /// Reads that of a user. Only root can. `None`: NSS has no entry.
    pub(crate) fn of(name: &str) -> io::Result<Option<Self>> {
        if let Some(all) = ALL.get() {
            return Ok(all.get(name).cloned());
        }
        Ok(getent("shadow", Some(name))?.lines().next().and_then(Self::parse))
    }

    /// Whether the field has the mark `!` of usermod -L and of a new account: LOCKED_PASSWD_PREFIX of OpenSSH, which
    /// refuses such accounts without PAM.
    pub(crate) fn is_marked(&self) -> bool {
        self.password.starts_with('!')
    }

    /// What there is to compare a password with.
    pub(crate) fn password(&self) -> Password {
        match (self.password.chars().next_back(), self.password.len()) {
            (None, _) => Password::Empty,
            (Some('x'), 1) => Password::Hash,
            (Some('x'), _) => Password::Locked { by_usermod: self.password == "!x" },
            (Some('?'), 1) => Password::NoHash,
            _ => Password::None,
        }
    }

    /// Whether the time of the account or of its password is over on the day `today`. Mirrors check_shadow_expiry of
    /// pam_unix's passverify.c.
    pub(crate) fn lapse(&self, today: i64) -> Option<Lapse> {
        if let Some(day) = self.expire.filter(|day| today >= *day) {
            // What admins set to close an account at once: chage -E 0, usermod -e 1.
            return Some(Lapse::Account(if day <= 1 {
                Expiry::Epoch(day)
            } else {
                Expiry::Ago(today - day)
            }));
        }
        let changed = self.last_change?;
        if changed == 0 {
            return Some(Lapse::MustChange);
        }
        let maximum = self.maximum.filter(|maximum| today - changed > *maximum)?;
        let ago = today - (changed + maximum + 1);
        Some(match self.inactive.filter(|days| today - changed > maximum + days) {
            Some(days) => Lapse::Inactive { expired: ago, inactive: ago - days },
            None => Lapse::Password(ago),
        })
    }

    /// Parses a line of shadow(5).
    pub(crate) fn parse(line: &str) -> Option<Self> {
        let fields: Vec<_> = line.trim_end().split(':').collect();
        let days = |i: usize| fields.get(i).and_then(|f| f.parse().ok()).filter(|days| *days >= 0);
        Some(Self {
            password: without_hash(fields.get(1)?),
            last_change: days(2),
            maximum: days(4),
            inactive: days(6),
            expire: days(7),
        })
    }
}

/// What the shadow entry of an account has for the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Password {
    Hash,
    /// A hash behind a mark: somebody has locked it. `by_usermod`: the mark is the one `!` of usermod -L, which usermod
    /// -U takes away, and none of others.
    Locked {
        by_usermod: bool,
    },
    /// A mark and no hash, as useradd makes it.
    None,
    /// Nothing: the password is empty.
    Empty,
    /// Text that crypt(5) never makes, such as a password that was given to useradd -p.
    NoHash,
}

/// What keeps a user out whose time is over. As text: what is so, as a clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lapse {
    /// The account has expired: sshd refuses each login.
    Account(Expiry),
    /// The account is inactive, since its password expired so many days ago, and nobody changed it in the days of
    /// grace: sshd refuses each login.
    Inactive { expired: i64, inactive: i64 },
    /// sshd lets the user do nothing but change the password.
    MustChange,
    /// As [`MustChange`](Self::MustChange): the password expired so many days ago.
    Password(i64),
}

/// When an account expired.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// On the first or second day that shadow(5) can name.
    Epoch(i64),
    /// So many days ago.
    Ago(i64),
}

impl Lapse {
    /// Whether sshd refuses the login, instead of asking for a new password.
    pub(crate) fn is_refusal(self) -> bool {
        matches!(self, Self::Account(_) | Self::Inactive { .. })
    }
}

impl Display for Lapse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Account(Expiry::Epoch(day)) => {
                write!(f, "the account was closed (its expiry date is 1970-01-0{})", day + 1)
            }
            Self::Account(Expiry::Ago(days)) => write!(f, "the account expired {}", ago(days)),
            Self::Inactive { expired, inactive } => {
                let [expired, inactive] = [expired, inactive].map(ago);
                write!(f, "the password expired {expired}, and so the account became inactive {inactive}")
            }
            Self::MustChange => {
                f.write_str("the password must be changed at the next login, which SFTP cannot do")
            }
            Self::Password(days) => {
                write!(f, "the password expired {}, and SFTP cannot change it", ago(days))
            }
        }
    }
}

/// The number of today, by the clock of this host.
pub(crate) fn today() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    i64::try_from(now / 86_400).unwrap_or(i64::MAX)
}

/// When it was, `days` ago.
fn ago(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

fn without_hash(password: &str) -> String {
    let hash = password.trim_start_matches(['!', '*']);
    let marks = password.strip_suffix(hash).unwrap_or_default();
    let kept = match hash.len() {
        0 => "",
        // The oldest kind of hash has 13 characters, and all others have more.
        1..13 => "?",
        _ => "x",
    };
    format!("{marks}{kept}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_lapse_as_for_pam_unix() {
        let lapse = |line| Shadow::parse(line).unwrap().lapse(20_000);
        for kept in
            ["u:!:19000:0:99999:7:::", "u:!:::::::", "u:x:19000:0:99999:7::20001:", "u:x:19000:0:1000:7:::"]
        {
            assert_eq!(lapse(kept), None, "{kept}");
        }
        for (line, expected) in [
            ("u:x:19000:0:99999:7::20000:", Lapse::Account(Expiry::Ago(0))),
            ("u:x:0:0:999:7:0:1:", Lapse::Account(Expiry::Epoch(1))),
            ("u:x:0:0:99999:7:::", Lapse::MustChange),
            ("u:x:19000:0:999:7:::", Lapse::Password(0)),
            ("u:x:19000:0:990:7:10::", Lapse::Password(9)),
            ("u:x:19000:0:990:7:9::", Lapse::Inactive { expired: 9, inactive: 0 }),
            ("u:x:19000:0:999:7:0::", Lapse::Inactive { expired: 0, inactive: 0 }),
        ] {
            assert_eq!(lapse(line), Some(expected), "{line}");
            let asks = matches!(expected, Lapse::MustChange | Lapse::Password(_));
            assert_eq!(expected.is_refusal(), !asks, "{line}");
        }
        let inactive = Lapse::Inactive { expired: 9, inactive: 1 }.to_string();
        assert_eq!(inactive, "the password expired 9 days ago, and so the account became inactive yesterday");
    }

    #[test]
    fn no_hash_is_kept() {
        for (line, kept) in [
            ("$6$salt$hash-of-86", "x"),
            ("!$6$salt$hash-of-86", "!x"),
            ("secret", "?"),
            ("!secret", "!?"),
            ("!", "!"),
            ("!!", "!!"),
            ("*", "*"),
            ("", ""),
            ("!*", "!*"),
        ] {
            let entry = Shadow::parse(&format!("anna:{line}:1:0:99999:7:::")).unwrap();
            assert_eq!(entry.password, kept, "{line}");
        }
    }

    #[test]
    fn a_password_that_was_locked_differs_from_one_that_never_was() {
        for (line, expected) in [
            ("abJnggxhB/yWI", Password::Hash),
            ("$y$j9T$salt$hash", Password::Hash),
            ("!$y$j9T$salt$hash", Password::Locked { by_usermod: true }),
            ("!!$y$j9T$salt$hash", Password::Locked { by_usermod: false }),
            ("*$y$j9T$salt$hash", Password::Locked { by_usermod: false }),
            ("!", Password::None),
            ("!!", Password::None),
            ("*", Password::None),
            ("!*", Password::None),
            ("*LK*", Password::None),
            ("", Password::Empty),
            ("secret", Password::NoHash),
        ] {
            let entry = Shadow::parse(&format!("anna:{line}:1:0:99999:7:::")).unwrap();
            assert_eq!((entry.password(), entry.is_marked()), (expected, line.starts_with('!')), "{line}");
        }
    }
}
