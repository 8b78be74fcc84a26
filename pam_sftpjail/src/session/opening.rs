//! The log entry of a new session, which says what its jail shows of the host. `sftpjail audit` reads it years later,
//! when the configuration and the account may be others.
//!
//! rsyslog cuts lines at 8 KiB. What does not fit into the entry stands in further ones, so that no end is lost.

use super::login::Login;
use crate::account::Account;
use crate::config::{HomeAccess, Profile};
use crate::escape::{escaped, whole};
use crate::plan::{Plan, VolumePaths};
use std::ffi::OsStr;
use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

/// The longest entry, in bytes: with its time, host and tag it stays below 8 KiB.
const MAX_ENTRY: usize = 6 << 10;

/// The longest text that is written as a whole, in bytes. Longer ones lose their middle.
const MAX_WHOLE: usize = 1 << 10;

/// What an entry says of a jail, but for its volumes.
pub(super) struct Opening {
    profile: String,
    home: String,
    home_access: HomeAccess,
    jail: PathBuf,
}

impl Opening {
    pub(super) fn of(plan: &Plan, profile: &Profile, account: &Account) -> Self {
        Self {
            profile: escaped(&profile.name).to_string(),
            home: bounded(account.home.as_ref()),
            home_access: profile.home,
            jail: plan.jail_root.path().join(&plan.user),
        }
    }

    /// Writes the entry, and further ones if there are many volumes. `who`: name and uid.
    pub(super) fn log(&self, login: &Login<'_>, who: &str, volumes: &[VolumePaths], took: Duration) {
        let Self { profile, home, home_access, jail } = self;
        let volume = |volume: &VolumePaths| {
            format!(" volume={} from={}", whole(&volume.target), whole(&volume.source))
        };
        let volumes: Vec<_> = volumes.iter().map(volume).collect();
        let count = volumes.len();
        let mut rest = volumes.iter().map(String::as_str);
        let begin = format!(
            "session opened for user {who}: home={home} rhost={} profile={profile} home_access={home_access} jail={} \
             volumes={count}",
            login.escaped_host(),
            bounded(jail.as_ref()),
        );
        let (first, mut left) = filled(begin, &mut rest);
        login.log.info(format_args!("{first} setup_us={}", took.as_micros()));
        while let Some(volume) = left {
            let begin = format!("session of user {who}:{volume}");
            let (entry, next) = filled(begin, &mut rest);
            // One that is too long alone is counted, and its paths remain unknown.
            if entry.len() <= MAX_ENTRY {
                login.log.info(&entry);
            }
            left = next;
        }
    }
}

/// A text as a whole, unless it is too long.
fn bounded(text: &OsStr) -> String {
    let whole = whole(text).to_string();
    if whole.len() > MAX_WHOLE { escaped(text).to_string() } else { whole }
}

/// Adds volumes while there is room; gives the first that found none.
fn filled<'v>(mut entry: String, volumes: &mut impl Iterator<Item = &'v str>) -> (String, Option<&'v str>) {
    for volume in volumes {
        if entry.len() + volume.len() > MAX_ENTRY {
            return (entry, Some(volume));
        }
        let _ = entry.write_str(volume);
    }
    (entry, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volumes_fill_entries_and_none_is_lost() {
        let volumes: Vec<_> =
            (0..300).map(|n| format!(" volume=/v{n} from=/srv/{}", "x".repeat(n))).collect();
        let mut rest = volumes.iter().map(String::as_str);
        let mut entries = Vec::new();
        let mut begin = "opened".to_owned();
        loop {
            let (entry, left) = filled(begin, &mut rest);
            assert!(entry.len() <= MAX_ENTRY);
            entries.push(entry);
            let Some(volume) = left else { break };
            assert!(entries.iter().all(|entry| entry.len() + volume.len() > MAX_ENTRY), "{volume}");
            begin = format!("more{volume}");
        }
        assert!(entries.len() > 5);
        let all: String =
            entries.iter().map(|entry| entry.get(entry.find(' ').unwrap()..).unwrap()).collect();
        assert_eq!(all, volumes.concat());
    }

    #[test]
    fn the_longest_entry_is_used_to_the_end() {
        let begin = "x".repeat(MAX_ENTRY - 3);
        assert_eq!(filled(begin.clone(), &mut [" /v"].into_iter()).1, None);
        assert_eq!(filled(begin, &mut [" /vo"].into_iter()).1, Some(" /vo"));
    }

    #[test]
    fn a_long_text_is_bounded() {
        assert_eq!(bounded("/a b".as_ref()), "\"/a b\"");
        assert!(bounded("x".repeat(4000).as_ref()).contains("[3488 bytes]"));
        let longest = "x".repeat(MAX_WHOLE);
        assert_eq!(bounded(longest.as_ref()), longest);
    }
}
