//! Finds the profiles whose umask takes from users what they need in the files and directories that they make.

use super::{Config, Profile};
use crate::escape::escaped;
use crate::fix::Fix;
use std::fmt::{self, Display};

/// A profile with such a umask. `Display` is the sentence about it.
#[derive(Debug)]
pub struct OwnerMask<'c> {
    pub profile: &'c Profile,
    umask: u32,
}

/// All of them, in the order of the file.
pub fn owner_masks(config: &Config) -> Vec<OwnerMask<'_>> {
    let of = |profile| Some(OwnerMask { profile, umask: profile.umask? });
    config.profiles.iter().filter_map(of).filter(|mask| mask.umask & 0o700 != 0).collect()
}

impl OwnerMask<'_> {
    /// The umask that leaves to users what is theirs, and keeps others out as this one does.
    pub fn fix(&self) -> Fix {
        format!("write umask = \"{:03o}\"", self.umask & 0o077).into()
    }
}

impl Display for OwnerMask<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lost = [(0o400, "read its files"), (0o200, "write its files"), (0o100, "enter its directories")];
        let lost: Vec<_> =
            lost.iter().filter(|(bit, _)| self.umask & bit != 0).map(|(_, what)| *what).collect();
        write!(
            f,
            "umask {:03o} of the profile {} takes away what a session needs in what it makes: it cannot {}",
            self.umask,
            escaped(&self.profile.name),
            lost.join(", nor ")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::owner_masks;
    use crate::config::Config;
    use std::path::Path;

    fn found(umask: &str) -> Vec<(String, String)> {
        let text = format!("[[profile]]\nname = \"p\"\ngroups = [\"g\"]\numask = \"{umask}\"\n");
        let config = Config::of_text(&text, Path::new("/x")).unwrap();
        owner_masks(&config).iter().map(|mask| (mask.to_string(), mask.fix().to_string())).collect()
    }

    #[test]
    fn a_umask_that_takes_from_the_owner_is_named_with_what_it_takes() {
        for usual in ["000", "022", "027", "077"] {
            assert_eq!(found(usual), [], "{usual}");
        }
        let takes = "of the profile p takes away what a session needs in what it makes: it cannot";
        for (umask, sentence, fix) in [
            (
                "777",
                "read its files, nor write its files, nor enter its directories",
                "write umask = \"077\"",
            ),
            ("122", "enter its directories", "write umask = \"022\""),
            ("600", "read its files, nor write its files", "write umask = \"000\""),
        ] {
            assert_eq!(found(umask), [(format!("umask {umask} {takes} {sentence}"), fix.to_owned())]);
        }
    }
}
