//! Finds the profiles that no user can get, because earlier ones have all of their groups.

use crate::config::{Config, Profile};
use crate::escape::escaped;
use crate::fix::Fix;
use std::fmt::{self, Display};

/// A profile that is never used. `Display` is the sentence about it.
#[derive(Debug)]
pub struct NeverUsed<'c> {
    pub profile: &'c Profile,
    /// The earlier profiles that have its groups, in the order of the file.
    pub earlier: Vec<&'c Profile>,
    /// Whether it would be used above them, and they as well.
    helps_to_move: bool,
}

/// All of them, in the order of the file.
pub fn never_used(config: &Config) -> Vec<NeverUsed<'_>> {
    let mut found = Vec::new();
    for (at, profile) in config.profiles.iter().enumerate() {
        let above = config.profiles.get(..at).unwrap_or_default();
        if !is_covered(profile, above) {
            continue;
        }
        let has_one = |earlier: &&Profile| earlier.groups.iter().any(|group| profile.groups.contains(group));
        let earlier: Vec<_> = above.iter().filter(has_one).collect();
        // Above the first of these, the profile would be used. A later one must not lose all of its groups to it.
        let first = above.iter().position(|own| has_one(&own)).unwrap_or_default();
        let helps_to_move = !above.iter().enumerate().skip(first).any(|(i, own)| {
            let before = above.iter().take(i);
            !is_covered(own, before.clone()) && is_covered(own, before.chain([profile]))
        });
        found.push(NeverUsed { profile, earlier, helps_to_move });
    }
    found
}

/// Whether these profiles have all of its groups.
fn is_covered<'p>(profile: &Profile, by: impl IntoIterator<Item = &'p Profile> + Clone) -> bool {
    let has = |group: &String| by.clone().into_iter().any(|own| own.groups.contains(group));
    profile.groups.iter().all(has)
}

impl NeverUsed<'_> {
    /// What an admin can do about it.
    pub fn fix(&self) -> Fix {
        let name = escaped(&self.profile.name);
        let alone = "give it a group that no earlier profile has";
        match self.earlier.first().filter(|_| self.helps_to_move) {
            Some(first) => format!("move {name} above {}, or {alone}", escaped(&first.name)).into(),
            None => format!("{alone}, or remove {name}").into(),
        }
    }
}

impl Display for NeverUsed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |names: &mut dyn Iterator<Item = &String>| {
            names.map(|name| escaped(name).to_string()).collect::<Vec<_>>().join(", ")
        };
        let earlier = names(&mut self.earlier.iter().map(|own| &own.name));
        let groups = names(&mut self.profile.groups.iter());
        let (profiles, have) =
            if self.earlier.len() == 1 { ("profile", "has") } else { ("profiles", "have") };
        let of = if self.profile.groups.len() == 1 { "group" } else { "groups" };
        write!(
            f,
            "the profile {} is never used: the earlier {profiles} {earlier} {have} its {of} {groups}, and the first \
             profile that matches is used",
            escaped(&self.profile.name)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::never_used;
    use crate::policy::tests::config;

    fn found(profiles: &[(&str, &[&str])]) -> Vec<(String, String)> {
        let config = config(profiles);
        never_used(&config).iter().map(|never| (never.to_string(), never.fix().to_string())).collect()
    }

    #[test]
    fn a_profile_whose_groups_earlier_ones_have_is_never_used() {
        assert_eq!(found(&[("a", &["x"]), ("b", &["x", "y"]), ("c", &["z"])]), []);
        let only = "and the first profile that matches is used";
        assert_eq!(
            found(&[("a", &["x", "y"]), ("b", &["y"])]),
            [(
                format!("the profile b is never used: the earlier profile a has its group y, {only}"),
                "move b above a, or give it a group that no earlier profile has".to_owned()
            )]
        );
        // Then the other one would never be used.
        assert_eq!(
            found(&[("a", &["x"]), ("b", &["x"])]),
            [(
                format!("the profile b is never used: the earlier profile a has its group x, {only}"),
                "give it a group that no earlier profile has, or remove b".to_owned()
            )]
        );
        let three = found(&[("a", &["x", "v"]), ("b", &["y", "w"]), ("c", &["y", "x"])]);
        let [(sentence, fix)] = &three[..] else { panic!("{three:?}") };
        assert_eq!(
            *sentence,
            format!("the profile c is never used: the earlier profiles a, b have its groups y, x, {only}")
        );
        assert!(fix.starts_with("move c above a, or"), "{fix}");
    }
}
