//! Matches names with patterns as sshd does.

/// `match_pattern` of OpenSSH's match.c: `*` stands for any text, `?` for one character.
pub(crate) fn is_match(pattern: &str, text: &str) -> bool {
    matches(pattern.as_bytes(), text.as_bytes())
}

fn matches(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, _) => text.is_empty(),
        (Some((b'*', rest)), None) => matches(rest, text),
        (Some((b'*', rest)), Some((_, later))) => matches(rest, text) || matches(pattern, later),
        (Some((b'?', rest)), Some((_, later))) => matches(rest, later),
        (Some((c, rest)), Some((d, later))) => c == d && matches(rest, later),
        (Some(_), None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_openssh() {
        for (pattern, text, expected) in [
            ("sftp", "sftp", true),
            ("sftp", "sftp-only", false),
            ("sftp*", "sftp-only", true),
            ("*", "", true),
            ("?", "", false),
            ("a?c*e", "abcde", true),
            ("a?c*e", "abcd", false),
            ("**a", "ba", true),
        ] {
            assert_eq!(is_match(pattern, text), expected, "{pattern} {text}");
        }
    }
}
