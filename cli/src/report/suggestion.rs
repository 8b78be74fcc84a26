//! Suggestions for misspelt names: "did you mean …?"

/// The name in `known` that is closest to `typed`: at most two changes away, and fewer changes than `typed` has
/// letters.
pub(crate) fn nearest<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distance = |name: &&str| strsim::osa_distance(typed, name);
    let name = known.min_by_key(distance)?;
    (distance(&name) <= 2 && distance(&name) < typed.chars().count()).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn a_typing_error_is_understood_and_another_name_is_not() {
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
