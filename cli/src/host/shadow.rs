//! Reads the shadow entry of an account: shadow(5).

use super::accounts::getent;
use nix::unistd::geteuid;
use pam_sftpjail::nss::switch::Line;
use std::collections::HashMap;
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
    /// The marks before the hash, or what stands in its place. Of a hash there is an `x` only: processes that
    /// become a user are forked from this one.
    pub(crate) password: String,
    pub(crate) last_change: Option<i64>,
    pub(crate) maximum: Option<i64>,
    pub(crate) inactive: Option<i64>,
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

    /// What is so of an account whose expiry date is `today` or before, as a clause. `None`: it has not expired.
    pub(crate) fn expired(&self, today: i64) -> Option<String> {
        let day = self.expire.filter(|day| today >= *day)?;
        Some(match day {
            // What admins set to close an account at once: chage -E 0, usermod -e 1.
            0 | 1 => format!("the account was closed (its expiry date is 1970-01-0{})", day + 1),
            _ => format!("the account expired {}", ago(today - day)),
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

/// The number of today, by the clock of this host.
pub(crate) fn today() -> i64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs());
    i64::try_from(now / 86_400).unwrap_or(i64::MAX)
}

/// When it was, `days` ago.
pub(crate) fn ago(days: i64) -> String {
    match days {
        0 => "today".to_owned(),
        1 => "yesterday".to_owned(),
        days => format!("{days} days ago"),
    }
}

fn without_hash(password: &str) -> String {
    let hash = password.trim_start_matches(['!', '*']);
    let marks = password.strip_suffix(hash).unwrap_or_default();
    format!("{marks}{}", if hash.is_empty() { "" } else { "x" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hash_is_kept() {
        for (line, kept) in [
            ("$6$salt$hash", "x"),
            ("!$6$salt$hash", "!x"),
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
}
