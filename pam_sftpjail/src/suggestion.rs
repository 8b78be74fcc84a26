//! Suggestions for misspelt names: "did you mean …?"
#![forbid(unsafe_code)]

/// The name in `known` that is closest to `typed`: at most two changes away, and at most one for every two letters.
pub fn nearest<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    within(2, typed, known)
}

/// The same, at most `changes` away.
pub(crate) fn within<'n>(
    changes: usize,
    typed: &str,
    known: impl Iterator<Item = &'n str>,
) -> Option<&'n str> {
    let distance = |name: &&str| strsim::osa_distance(typed, name);
    let name = known.min_by_key(distance)?;
    (distance(&name) <= changes && distance(&name) * 2 <= typed.chars().count()).then_some(name)
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
            ("xle", Some("mle")),
            ("xlf", None),
            ("xy", Some("x")),
            ("y", None),
            ("", None),
        ] {
            assert_eq!(nearest(typed, known.into_iter()), meant, "{typed}");
        }
    }
}
