//! What differs from run to run and says nothing: a page shows one example of it, and another one in its place will do.

use std::collections::HashMap;

/// Dates, times, keys and processes. `9` is any digit, `_` a digit or a blank, `A` any letter, `b` any character of
/// base64; a `+` at the end repeats what is before it. The first that fits counts.
const VARYING: [(&str, &str); 10] = [
    ("9999-99-99T99:99:99", "TIME"),
    ("9999-99-99 99:99:99", "TIME"),
    ("9999-99-99 99:99", "TIME"),
    ("9999-99-99", "DATE"),
    ("AAA _9 99:99", "TIME"),
    ("expiry-time=\"9+", "expiry-time=\"TIME"),
    ("SHA256:b+", "SHA256:KEY"),
    ("AAAAC3NzaC1lZDI1NTE5b+", "KEY"),
    ("(process 9+", "(process PID"),
    ("pid 9+", "pid PID"),
];
const WEEKDAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// `printed`, with the page's own lines where only that differs.
pub(super) fn as_shown(printed: &str, shown: &str) -> String {
    let mut examples: HashMap<String, Vec<&str>> = HashMap::new();
    for line in shown.lines().rev() {
        examples.entry(without(line)).or_default().push(line);
    }
    let line = |line| match examples.get_mut(&without(line)) {
        Some(lines) if lines.len() > 1 => lines.pop().unwrap_or(line),
        Some(lines) => lines.last().copied().unwrap_or(line),
        None => line,
    };
    printed.lines().map(line).map(|line| format!("{line}\n")).collect()
}

/// The line with words in the place of what varies.
fn without(line: &str) -> String {
    let mut kept = String::new();
    let mut rest = line;
    'rest: while let Some(character) = rest.chars().next() {
        for (pattern, word) in VARYING {
            if let Some(after) = after(rest, pattern) {
                kept.push_str(word);
                rest = after;
                continue 'rest;
            }
        }
        kept.push(character);
        rest = &rest[character.len_utf8()..];
    }
    WEEKDAYS.iter().fold(kept, |kept, day| kept.replace(&format!("{day} TIME"), "DAY TIME"))
}

/// What stands behind the pattern, if the text begins with it.
fn after<'t>(text: &'t str, pattern: &str) -> Option<&'t str> {
    let (pattern, repeated) = match pattern.strip_suffix('+') {
        Some(pattern) => (pattern, pattern.chars().next_back()),
        None => (pattern, None),
    };
    let mut rest = text;
    for expected in pattern.chars() {
        rest = rest.strip_prefix(|found| fits(expected, found))?;
    }
    Some(repeated.map_or(rest, |expected| rest.trim_start_matches(|found| fits(expected, found))))
}

fn fits(expected: char, found: char) -> bool {
    match expected {
        '9' => found.is_ascii_digit(),
        '_' => found.is_ascii_digit() || found == ' ',
        'A' => found.is_ascii_alphabetic(),
        'b' => found.is_ascii_alphanumeric() || ['+', '/', '='].contains(&found),
        _ => expected == found,
    }
}
