//! [`Config`] + [`Account`] → [`Decision`]. Pure: it asks nobody.
#![forbid(unsafe_code)]

use crate::account::Account;
use crate::config::{Config, Profile};
use crate::error::Refusal;
use thiserror::Error;

/// What is to become of a user. An enum and not a bool, so that no caller can get it backwards.
#[derive(Debug)]
#[must_use]
pub enum Decision<'c> {
    /// The module has no business with this user.
    NotJailed(NotJailed),
    /// The first profile that has one of the user's groups.
    Jail(&'c Profile),
    /// A member who cannot be let in, whatever the disk says.
    Refuse(Refusal),
}

/// Why a user is not jailed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotJailed {
    #[error("uid 0 is never jailed")]
    Root,
    #[error("in a group of exempt_groups, so never jailed")]
    Exempt,
    #[error("in no group of any profile")]
    NoProfile,
}

/// Decides. Profiles are tried in the order of the configuration.
pub fn decide<'c>(config: &'c Config, account: &Account) -> Decision<'c> {
    if account.uid.is_root() {
        return Decision::NotJailed(NotJailed::Root);
    }
    if account.exempt_by.is_some() {
        return Decision::NotJailed(NotJailed::Exempt);
    }
    let has = |group: &String| account.member_of.contains(group);
    match config.profiles.iter().find(|profile| profile.groups.iter().any(has)) {
        None => Decision::NotJailed(NotJailed::NoProfile),
        Some(profile) => match (account.user_name(), unseen(profile, account)) {
            (Err(refusal), _) => Decision::Refuse(refusal),
            (Ok(_), Some(refusal)) => Decision::Refuse(refusal),
            (Ok(_), None) => Decision::Jail(profile),
        },
    }
}

/// Why sshd would not jail the member, if so: it sees them in none of the profile's groups.
fn unseen(profile: &Profile, account: &Account) -> Option<Refusal> {
    let mut unseen = None;
    for group in profile.groups.iter().filter(|group| account.member_of.contains(group)) {
        match account.unmatched_by_sshd.iter().find(|unseen| unseen.group == *group) {
            None => return None,
            Some(found) => unseen = unseen.or(Some(found)),
        }
    }
    unseen.map(|found| Refusal::UnmatchedBySshd {
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

    fn config(profiles: &[(&str, &[&str])]) -> Config {
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
                Decision::Jail(profile) => assert_eq!(profile.name, expected),
                other => panic!("{groups:?}: {other:?}"),
            }
        }
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
    fn who_is_in_no_group_is_none_of_our_business_whatever_the_name() {
        let config = Config::default();
        for name in ["joe", "a/b", "-x"] {
            let decision = decide(&config, &account(name, 1000, &[]));
            assert!(matches!(decision, Decision::NotJailed(NotJailed::NoProfile)), "{decision:?}");
        }
    }

    #[test]
    fn who_is_exempt_is_not_jailed_whatever_the_other_groups() {
        let exempt = Account { exempt_by: Some("sudo".into()), ..account("joe", 1000, &["sftp"]) };
        let config = Config::default();
        let decision = decide(&config, &exempt);
        assert!(matches!(decision, Decision::NotJailed(NotJailed::Exempt)), "{decision:?}");
    }

    #[test]
    fn a_member_whom_sshd_sees_in_no_group_of_the_profile_is_refused() {
        let config = config(&[("a", &["x", "y"]), ("b", &["z"])]);
        let of = |groups: &[&str], unseen: &[&str]| {
            let unseen =
                unseen.iter().map(|group| UnmatchedGroup { group: (*group).into(), sshd_name: None });
            let account = Account { unmatched_by_sshd: unseen.collect(), ..account("joe", 1000, groups) };
            match decide(&config, &account) {
                Decision::Jail(profile) => profile.name.clone(),
                Decision::Refuse(Refusal::UnmatchedBySshd { group, .. }) => format!("refused for {group}"),
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(of(&["x"], &["x"]), "refused for x");
        assert_eq!(of(&["x", "y"], &["x"]), "a");
        assert_eq!(of(&["x", "y"], &["x", "y"]), "refused for x");
        // sshd may well jail them for the other profile, but that is not the one that counts.
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
    fn odd_but_sound_names_are_jailed() {
        let config = Config::default();
        for name in ["a.b", ".x", "joe@example.org", "DOM\\joe", "web$", "j\u{f6}rg", "a b", &"x".repeat(255)]
        {
            let decision = decide(&config, &account(name, 1000, &["sftp"]));
            assert!(matches!(decision, Decision::Jail(_)), "{name:?}: {decision:?}");
        }
    }
}
