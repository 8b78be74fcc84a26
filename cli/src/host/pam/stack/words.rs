//! Splits a line of a PAM service into words, as libpam does (pam_misc.c, _pam_StrTok). It judges none of them.

use super::BLANKS;

/// Splits a line into words. `[` and `]` enclose a word with blanks; they are kept only in the control field.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start_matches(BLANKS);
    while !rest.is_empty() {
        let (word, after) = match rest.strip_prefix('[') {
            // The second word is the control field.
            Some(inner) if words.len() == 1 => {
                let (word, after) = bracketed(inner);
                (format!("[{word}]"), after)
            }
            Some(inner) => bracketed(inner),
            None => {
                let end = rest.find(BLANKS).unwrap_or(rest.len());
                let (word, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
                (word.to_owned(), after)
            }
        };
        words.push(word);
        rest = after.trim_start_matches(BLANKS);
    }
    words
}

/// A word of which [`words`] makes it again.
pub(crate) fn written(word: &str) -> String {
    match word.is_empty() || word.starts_with('[') || word.contains(BLANKS) {
        true => format!("[{}]", word.replace(']', "\\]")),
        false => word.to_owned(),
    }
}

/// The text up to the first `]` without a backslash before it, or all of it, and what follows.
fn bracketed(text: &str) -> (String, &str) {
    let mut word = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(']') {
        match before.strip_suffix('\\') {
            Some(before) => {
                word += before;
                word.push(']');
                rest = after;
            }
            None => return (word + before, after),
        }
    }
    (word + rest, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bracket_with_a_backslash_is_one_of_the_word() {
        let line = "session [a=b] [/lib/my pam.so] [a [b\\] c]d [e";
        assert_eq!(words(line), ["session", "[a=b]", "/lib/my pam.so", "a [b] c", "d", "e"]);
        for word in ["a [b] c", "[", "", "a]"] {
            assert_eq!(words(&written(word)), [word]);
        }
        // libpam knows no other blanks: the end of a line from Windows belongs to the word.
        assert_eq!(words("session required x.so\r"), ["session", "required", "x.so\r"]);
    }
}
