//! [`Config`] + [`Account`] → [`Decision`]. It is a pure function: it reads nothing and asks nobody.
#![forbid(unsafe_code)]

mod never_used;

use crate::account::Account;
use crate::config::{Config, Profile};
use crate::error::Refusal;
pub use never_used::{NeverUsed, never_used};
use thiserror::Error;

/// What to do with a user. It is an enum, so that no caller can mix up yes and no.
#[derive(Debug)]
#[must_use]
pub enum Decision<'c> {
    /// The module ignores this user.
    NotJailed(NotJailed),
    /// The user is a member.
    Jail {
        /// The first profile that matches.
        used: Match<'c>,
        /// Those of further groups of the user's, in the order of the file: they are not used.
        unused: Vec<Match<'c>>,
    },
    /// The user is a member, but is refused, whatever is on the disk.
    Refuse(Refusal),
}

/// A profile, and the groups by which it is for a user.
#[derive(Debug)]
pub struct Match<'c> {
    pub profile: &'c Profile,
    /// Those that no earlier profile has.
    pub groups: Vec<&'c str>,
}

/// Why a user is not jailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotJailed {
    #[error("uid 0 is never jailed")]
    Root,
    #[error("in a group of exempt_groups, so never jailed")]
    Exempt,
    #[error("in no profile")]
    NoProfile,
}

/// Decides about a user. The first profile of the configuration that has one of the user's groups matches.
pub fn decide<'c>(config: &'c Config, account: &Account) -> Decision<'c> {
    if account.uid.is_root() {
        return Decision::NotJailed(NotJailed::Root);
    }
    if account.exempt_by.is_some() {
        return Decision::NotJailed(NotJailed::Exempt);
    }
    let mut matches = matches(config, account).into_iter();
    match matches.next() {
        None => Decision::NotJailed(NotJailed::NoProfile),
        Some(used) => match (account.user_name(), unmatched(used.profile, account)) {
            (Err(refusal), _) => Decision::Refuse(refusal),
            (Ok(_), Some(refusal)) => Decision::Refuse(refusal),
            (Ok(_), None) => Decision::Jail { used, unused: matches.collect() },
        },
    }
}

/// The profiles of the user's groups, in the order of the file. A group belongs to the first profile that has it.
fn matches<'c>(config: &'c Config, account: &Account) -> Vec<Match<'c>> {
    let mut matches: Vec<Match<'c>> = Vec::new();
    for profile in &config.profiles {
        let mut groups: Vec<&str> = Vec::new();
        for group in profile.groups.iter().filter(|group| account.member_of.contains(group)) {
            let is_known = matches.iter().any(|earlier| earlier.profile.groups.contains(group));
            if !is_known && !groups.contains(&group.as_str()) {
                groups.push(group);
            }
        }
        if !groups.is_empty() {
            matches.push(Match { profile, groups });
        }
    }
    matches
}

/// A refusal if sshd's `Match Group` matches none of the profile's groups: then sshd would not jail the
/// member.
fn unmatched(profile: &Profile, account: &Account) -> Option<Refusal> {
    let mut first = None;
    for group in profile.groups.iter().filter(|group| account.member_of.contains(group)) {
        match account.unmatched_by_sshd.iter().find(|unmatched| unmatched.group == *group) {
            None => return None,
            Some(found) => first = first.or(Some(found)),
        }
    }
    first.map(|found| Refusal::UnmatchedBySshd {
        name: account.name.clone(),
        group: found.group.clone(),
        sshd_name: found.sshd_name.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::UnmatchedGroup;
    use crate::account::tests::account;

    pub(super) fn config(profiles: &[(&str, &[&str])]) -> Config {
        let mut config = Config::default();
        let template = config.profiles.remove(0);
        config.profiles = profiles
            .iter()
            .map(|(name, groups)| Profile {
                name: (*name).into(),
                groups: groups.iter().map(|g| (*g).to_owned()).collect(),
                ..template.clone()
            })
            .collect();
        config
    }

    #[test]
    fn the_first_profile_with_one_of_the_groups_wins() {
        let config = config(&[("a", &["x", "y"]), ("b", &["z"]), ("c", &["y"])]);
        for (groups, expected) in [(&["y"][..], "a"), (&["z", "y"], "a"), (&["z"], "b")] {
            match decide(&config, &account("joe", 1000, groups)) {
                Decision::Jail { used, .. } => assert_eq!(used.profile.name, expected),
                other => panic!("{groups:?}: {other:?}"),
            }
        }
    }

    #[test]
    fn the_profiles_of_further_groups_are_named_and_not_used() {
        let config = config(&[("a", &["x", "y"]), ("b", &["z", "y"]), ("c", &["y"]), ("d", &["w", "z"])]);
        let of = |groups: &[&str]| match decide(&config, &account("joe", 1000, groups)) {
            Decision::Jail { used, unused } => {
                let all = [used].into_iter().chain(unused);
                all.map(|found| format!("{} by {}", found.profile.name, found.groups.join("+"))).collect()
            }
            other => vec![format!("{other:?}")],
        };
        assert_eq!(of(&["y"]), ["a by y"]);
        assert_eq!(of(&["z", "y", "x"]), ["a by x+y", "b by z"]);
        assert_eq!(of(&["w", "z"]), ["b by z", "d by w"]);
        assert_eq!(of(&["w", "x", "z"]), ["a by x", "b by z", "d by w"]);
    }

    #[test]
    fn uid_0_is_never_jailed_under_any_name() {
        let config = Config::default();
        for name in ["root", "toor", ".."] {
            let decision = decide(&config, &account(name, 0, &["sftp"]));
            assert!(matches!(decision, Decision::NotJailed(NotJailed::Root)), "{decision:?}");
        }
    }

    #[test]
    fn a_user_in_no_profile_is_not_jailed_whatever_the_name() {
        let config = Config::default();
        for name in ["joe", "a/b", "-x"] {
            let decision = decide(&config, &account(name, 1000, &[]));
            assert!(matches!(decision, Decision::NotJailed(NotJailed::NoProfile)), "{decision:?}");
        }
    }

    #[test]
    fn an_exempt_user_is_not_jailed_whatever_the_other_groups() {
        let exempt = Account { exempt_by: Some("sudo".into()), ..account("joe", 1000, &["sftp"]) };
        let config = Config::default();
        let decision = decide(&config, &exempt);
        assert!(matches!(decision, Decision::NotJailed(NotJailed::Exempt)), "{decision:?}");
    }

    #[test]
    fn a_member_is_refused_if_sshd_matches_no_group_of_the_profile() {
        let config = config(&[("a", &["x", "y"]), ("b", &["z"])]);
        let of = |groups: &[&str], unmatched: &[&str]| {
            let unmatched =
                unmatched.iter().map(|group| UnmatchedGroup { group: (*group).into(), sshd_name: None });
            let account = Account { unmatched_by_sshd: unmatched.collect(), ..account("joe", 1000, groups) };
            match decide(&config, &account) {
                Decision::Jail { used, .. } => used.profile.name.clone(),
                Decision::Refuse(Refusal::UnmatchedBySshd { group, .. }) => format!("refused for {group}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of(&["x"], &["x"]), "refused for x");
        assert_eq!(of(&["x", "y"], &["x"]), "a");
        assert_eq!(of(&["x", "y"], &["x", "y"]), "refused for x");
        // sshd may jail them for the other profile, but that is not the one that matches.
        assert_eq!(of(&["x", "z"], &["x"]), "refused for x");
        assert_eq!(of(&["x", "z"], &["z"]), "a");
    }

    #[test]
    fn names_that_are_paths_or_options_are_refused() {
        let config = Config::default();
        let long = "x".repeat(256);
        for name in ["", ".", "..", "a/b", "/", "-x", "a\nb", "a\x7fb", "a\u{fffd}", &long] {
            let decision = decide(&config, &account(name, 1000, &["sftp"]));
            assert!(matches!(decision, Decision::Refuse(Refusal::Name { .. })), "{name:?}: {decision:?}");
        }
    }

    #[test]
    fn odd_but_valid_names_are_jailed() {
        let config = Config::default();
        for name in ["a.b", ".x", "joe@example.org", "DOM\\joe", "web$", "j\u{f6}rg", "a b", &"x".repeat(255)]
        {
            let decision = decide(&config, &account(name, 1000, &["sftp"]));
            assert!(matches!(decision, Decision::Jail { .. }), "{name:?}: {decision:?}");
        }
    }
}
