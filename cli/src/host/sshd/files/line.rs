//! Takes a line of sshd's configuration apart, as sshd does. It knows nothing of files and blocks.

/// Splits a line into words. They may be quoted, `=` may follow the keyword, and `#` begins a comment.
pub(super) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut rest = line.trim();
    while !rest.is_empty() && !rest.starts_with('#') {
        let (word, after) = match rest.strip_prefix('"').and_then(|quoted| quoted.split_once('"')) {
            Some(quoted) => quoted,
            None => rest.split_once(|c: char| c.is_whitespace() || c == '=').unwrap_or((rest, "")),
        };
        words.push(word.to_owned());
        rest = after.trim_start_matches(|c: char| c.is_whitespace() || c == '=');
    }
    words
}

/// The criteria of a `Match` line: attributes with their patterns.
pub(super) fn criteria(arguments: &[String]) -> Vec<(String, Vec<String>)> {
    let mut criteria = Vec::new();
    let mut words = arguments.iter();
    while let Some(attribute) = words.next().map(|word| word.to_ascii_lowercase()) {
        // These two have no patterns.
        match attribute.as_str() {
            "all" => continue,
            "invalid-user" => {
                criteria.push((attribute, Vec::new()));
                continue;
            }
            _ => {}
        }
        let Some(patterns) = words.next() else { break };
        let patterns = patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        criteria.push((attribute, patterns.map(str::to_owned).collect()));
    }
    criteria
}
