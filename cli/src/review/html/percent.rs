//! Lengths in drawings, as parts of their width.

/// The whole width.
pub(super) const WHOLE: i64 = 10_000;

/// A length as SVG has it.
pub(super) fn percent(length: i64) -> String {
    let length = length.clamp(0, WHOLE);
    format!("{}.{:02}%", length / 100, length % 100)
}

#[cfg(test)]
mod tests {
    use super::percent;

    #[test]
    fn a_length_stays_within_the_drawing() {
        assert_eq!(
            [-1, 0, 5, 1_234, 10_000, i64::MAX].map(percent),
            ["0.00%", "0.00%", "0.05%", "12.34%", "100.00%", "100.00%"]
        );
    }
}
