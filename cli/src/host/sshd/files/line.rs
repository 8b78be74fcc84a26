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
        // It has no patterns. Nor has `all`, which stands alone.
        if attribute == "invalid-user" {
            criteria.push((attribute, Vec::new()));
            continue;
        }
        let Some(patterns) = words.next() else { break };
        let patterns = patterns.split(',').map(str::trim).filter(|pattern| !pattern.is_empty());
        criteria.push((attribute, patterns.map(str::to_owned).collect()));
    }
    criteria
}

/// The attributes of `Match` that depend on the user or the connection, and on nothing else. A version of sshd that
/// knows more of them may test anything.
const ATTRIBUTES: [&str; 9] =
    ["all", "user", "group", "host", "address", "localaddress", "localport", "rdomain", "invalid-user"];

/// Whether a line is sure to be read here as every version of sshd reads it: `Match` and `Include` decide for whom all
/// others are. strdelim and argv_split of OpenSSH's misc.c differ in what a quote, a backslash and `=` mean, and
/// glob(3) differs from the crate in brackets.
pub(super) fn is_plain(line: &str) -> bool {
    // sshd takes `Ma"tch"` for the keyword as well.
    let bare = line.trim_start_matches(|c: char| !c.is_alphanumeric()).replace('"', "").to_ascii_lowercase();
    let is = |keyword| bare.starts_with(keyword) && !line.trim_start().starts_with('#');
    let is_match = is("match");
    if !is_match && !is("include") {
        return true;
    }
    let Some(arguments) = arguments(line) else { return false };
    if !is_match {
        return arguments
            .iter()
            .all(|pattern| !pattern.contains(['[', ']', '{', '\\', '~']) && !pattern.contains("**"));
    }
    let criteria = criteria(&arguments);
    let alone =
        arguments.iter().filter(|word| ["all", "invalid-user"].contains(&word.to_ascii_lowercase().as_str()));
    let paired = criteria.iter().filter(|(attribute, _)| attribute != "invalid-user");
    let mut patterns = criteria.iter().flat_map(|(_, patterns)| patterns);
    !arguments.is_empty()
        && arguments.len() == alone.count() + 2 * paired.count()
        && criteria.iter().all(|(attribute, _)| ATTRIBUTES.contains(&attribute.as_str()))
        && patterns
            .all(|pattern| !pattern.contains("\\\\") && !pattern.contains("\\ ") && !pattern.ends_with('\\'))
}

/// The words after the keyword of a line whose words have single kinds of blanks between them, and quotes around the
/// whole of a word if any. `None`: the line is not of that form.
pub(super) fn arguments(line: &str) -> Option<Vec<String>> {
    // A carriage return parts words only in sshd before OpenSSH 8.7, except at the end.
    let blanks = [' ', '\t'];
    let mut rest = line.trim_end_matches([' ', '\t', '\r']).trim_start_matches(blanks);
    let mut arguments = Vec::new();
    while !rest.is_empty() && !rest.starts_with('#') {
        let quoted = rest.strip_prefix('"').map(|quoted| quoted.split_once('"'));
        let (word, after) = match quoted {
            Some(quoted) => quoted?,
            None => rest.split_at(rest.find(blanks).unwrap_or(rest.len())),
        };
        // Blanks beside a comma belong to a name.
        let has_blanks = word.split(',').any(|part| part.trim() != part || part.is_empty());
        let is_odd =
            |c: char| c.is_control() || (c.is_whitespace() && c != ' ') || c == char::REPLACEMENT_CHARACTER;
        if has_blanks || word.contains(is_odd) || word.contains(['"', '\'', '=', '#']) {
            return None;
        }
        if !after.is_empty() && !after.starts_with(blanks) {
            return None;
        }
        arguments.push(word.to_owned());
        rest = after.trim_start_matches(blanks);
    }
    Some(arguments.split_off(arguments.len().min(1)))
}
