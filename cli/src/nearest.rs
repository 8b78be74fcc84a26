//! What somebody may have meant who misspelt a name.

use crate::check::People;
use pam_sftpjail::nss::User;
use std::fs;

/// The user whose name is near to one that nobody has.
pub(crate) fn user(typed: &str) -> Option<String> {
    match User::by_name(typed) {
        Ok(None) => nearest(typed, People::list().ok()?.names()).map(str::to_owned),
        _ => None,
    }
}

/// The group of /etc/group whose name is near to one that nobody has.
pub(crate) fn group(typed: &str) -> Option<String> {
    let groups = fs::read("/etc/group").ok()?;
    let groups = String::from_utf8_lossy(&groups);
    nearest(typed, groups.lines().filter_map(|line| line.split(':').next())).map(str::to_owned)
}

/// The name among `known` that is typed with the fewest changes to `typed`: two at most, and fewer than
/// it has letters.
pub(crate) fn nearest<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |name: &&str| strsim::osa_distance(typed, name);
    let name = known.min_by_key(distance)?;
    (distance(&name) <= 2 && distance(&name) < typed.chars().count()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_slip_is_understood_and_another_name_is_not() {
        let known = ["anna", "mle", "mle-sub", "x"];
        for (typed, meant) in [
            ("mle-sbu", Some("mle-sub")),
            ("ana", Some("anna")),
            ("Anna", Some("anna")),
            ("kim", None),
            ("y", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
    }
}
