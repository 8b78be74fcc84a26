//! Splits a line of a PAM service into words, as libpam does (pam_misc.c, _pam_tokenize). It judges none of them.

/// Splits a line into words. `[` and `]` enclose a word with blanks; they are kept only in the control field.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() {
        let end = match rest.strip_prefix('[') {
            Some(inner) => inner.find(']').map(|i| i + 2),
            None => rest.find(char::is_whitespace),
        };
        let (word, after) = rest.split_at_checked(end.unwrap_or(rest.len())).unwrap_or((rest, ""));
        // The second word is the control field.
        let bare = word.strip_prefix('[').and_then(|word| word.strip_suffix(']'));
        words.push(if words.len() == 1 { word } else { bare.unwrap_or(word) }.to_owned());
        rest = after.trim_start();
    }
    words
}
