//! Changes the text of a file of grants: adds, changes and removes whole grants, and leaves every other line as it is.
//!
//! It goes by the lines at which the parser says that grants begin. TOML can be written in ways that it does not
//! understand, so the parser reads what comes of it again: [`verified`].

#[cfg(any(test, fuzzing))]
pub(super) mod properties;

use crate::report::Error;
use pam_sftpjail::escape::escaped;
use pam_sftpjail::grants::{Grant, of_text};
use std::path::Path;

/// The text with a grant at its end.
pub(super) fn added(text: &str, grant: &str) -> String {
    let end = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    format!("{text}{end}{grant}")
}

/// The text without the grants that `is_gone` names. What is left may have no grants any more. Comments above a grant
/// stay.
pub(super) fn removed(text: &str, grants: &[Grant], is_gone: impl Fn(&Grant) -> bool) -> String {
    let mut left: Vec<&str> = Vec::new();
    for part in parts(text, grants) {
        match part.grant {
            Some(grant) if is_gone(grant) => {
                // The blank line that has parted it from what is above.
                let is_blank = |line: Option<&&str>| line.is_none_or(|line| line.trim().is_empty());
                if is_blank(part.rest.first()) && left.last().is_some_and(|line| line.trim().is_empty()) {
                    left.pop();
                }
                let is_first = left.is_empty();
                left.extend(part.rest.iter().skip_while(|line| is_first && line.trim().is_empty()));
            }
            _ => left.extend(part.lines.iter().chain(&part.rest)),
        }
    }
    left.concat()
}

/// The text with this end of the grants that `is_meant` names.
pub(super) fn extended(
    text: &str,
    grants: &[Grant],
    is_meant: impl Fn(&Grant) -> bool,
    until: &str,
) -> String {
    let mut changed = String::new();
    for part in parts(text, grants) {
        let is_meant = part.grant.is_some_and(&is_meant);
        let mut is_written = !is_meant;
        for line in part.lines {
            match ended(line, until).filter(|_| !is_written) {
                Some(line) => {
                    changed += &line;
                    is_written = true;
                }
                None => changed += line,
            }
        }
        if !is_written {
            if !changed.ends_with('\n') {
                changed.push('\n');
            }
            changed += &format!("until = {until}\n");
        }
        changed.extend(part.rest.iter().copied());
    }
    changed
}

/// A line with the key `until`, with another value.
fn ended(line: &str, until: &str) -> Option<String> {
    let (key, value) = line.split_once('=')?;
    if key.trim() != "until" {
        return None;
    }
    let before = value.len() - value.trim_start().len();
    let (value, comment) = value.find('#').and_then(|at| value.split_at_checked(at)).unwrap_or((value, ""));
    let after = value.trim_start().get(value.trim().len()..)?;
    Some(format!("{key}={}{until}{after}{comment}", " ".repeat(before)))
}

/// A part of the file.
struct Part<'t, 'g> {
    /// `None`: what is above the first.
    grant: Option<&'g Grant>,
    /// From its header to its last key.
    lines: Vec<&'t str>,
    /// Comments and blank lines below.
    rest: Vec<&'t str>,
}

fn parts<'t, 'g>(text: &'t str, grants: &'g [Grant]) -> Vec<Part<'t, 'g>> {
    let begun = |grant| Part { grant, lines: Vec::new(), rest: Vec::new() };
    let mut parts = vec![begun(None)];
    for (number, line) in (1..).zip(text.split_inclusive('\n')) {
        if let Some(grant) = grants.iter().find(|grant| grant.line == number) {
            parts.push(begun(Some(grant)));
        }
        if let Some(part) = parts.last_mut() {
            part.lines.push(line);
        }
    }
    for part in &mut parts {
        let is_key = |line: &&str| !line.trim().is_empty() && !line.trim_start().starts_with('#');
        let end = part.lines.iter().rposition(is_key).map_or(0, |last| last + 1);
        part.rest = part.lines.split_off(end);
    }
    parts
}

/// What will be written to `path`, if it has the grants that are meant, in this order.
pub(super) fn verified(text: String, expected: &[Grant], path: &Path) -> Result<String, Error> {
    let parsed = of_text(&text, path).map_err(|error| Error::new(&error, error.fix()));
    let same = |(one, other): (&Grant, &Grant)| *one == Grant { line: one.line, ..other.clone() };
    let is_it = |parsed: &Vec<Grant>| parsed.len() == expected.len() && parsed.iter().zip(expected).all(same);
    match parsed.is_ok_and(|parsed| is_it(&parsed)) {
        true => Ok(text),
        false => Err(Error::new(
            format!("{} is written in a way that this program cannot change", escaped(path)),
            "change it with an editor, or write each grant below a line [[grant]], with each key on its own line",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/etc/sftpjail/grants.d/felix.toml";

    fn grants(text: &str) -> Vec<Grant> {
        of_text(text, Path::new(PATH)).unwrap()
    }

    fn grant(folder: &str) -> String {
        format!("[[grant]]\nfolder = \"{folder}\"\naccess = \"read-only\"\n")
    }

    fn is_of(folder: &str) -> impl Fn(&Grant) -> bool {
        move |grant| grant.folder.absolute() == Path::new(folder)
    }

    #[test]
    fn what_is_added_and_removed_again_leaves_the_text_as_it_was() {
        for text in
            ["".to_owned(), "# of felix\n".into(), grant("/a"), format!("# a\n\n{}# b\n", grant("/a"))]
        {
            let both = added(&text, &grant("/b"));
            assert_eq!(removed(&both, &grants(&both), is_of("/b")), text, "{both}");
        }
        assert_eq!(added("# no end", &grant("/b")), format!("# no end\n\n{}", grant("/b")));
    }

    #[test]
    fn comments_and_other_grants_stay() {
        let text = "# head\n\n# of a\n[[grant]] # a\nfolder = \"/a\"\n# inside\naccess = \"read-only\"\nfrom = [\n  \
                    # one\n  \"192.0.2.1\",\n]\n\n# of b\n[[grant]]\nfolder = '/b'\naccess = \"read-write\"\n\n# end\n";
        let without = |folder| removed(text, &grants(text), is_of(folder));
        assert_eq!(
            without("/a"),
            "# head\n\n# of a\n\n# of b\n[[grant]]\nfolder = '/b'\naccess = \"read-write\"\n\n# end\n"
        );
        let end = text.find("[[grant]]\nfolder = '/b'").unwrap();
        assert_eq!(without("/b"), format!("{}\n# end\n", &text[..end]));
        assert_eq!(removed(text, &grants(text), |_| false), text);
        assert_eq!(removed(&grant("/a"), &grants(&grant("/a")), |_| true), "");
    }

    #[test]
    fn an_end_is_changed_in_its_line_or_added_below_the_last_key() {
        let until = "2099-01-01T00:00:00Z";
        let change = |text: &str| extended(text, &grants(text), is_of("/a"), until);
        for end in ["until  =  2098-01-01T00:00:00+01:00   # soon\n", "until=2098-01-01T00:00:00Z\n"] {
            let text = format!("{}{end}\n# b\n{}{end}", grant("/a"), grant("/b"));
            let old = end.split_once("2098").unwrap().1.split_whitespace().next().unwrap();
            let expected = text.replacen(&format!("2098{old}"), until, 1);
            assert_eq!(change(&text), expected);
        }
        let text = format!("{}\n# b\n{}", grant("/a"), grant("/b"));
        assert_eq!(change(&text), format!("{}until = {until}\n\n# b\n{}", grant("/a"), grant("/b")));
        assert_eq!(change(grant("/a").trim_end()), format!("{}until = {until}\n", grant("/a")));
    }

    #[test]
    fn what_is_written_in_another_way_is_left_alone() {
        let refused = |text: String, expected: &[Grant]| {
            let error = verified(text, expected, Path::new(PATH)).unwrap_err().to_string();
            assert!(error.contains("is written in a way that this program cannot change"), "{error}");
        };
        let (inline, plain) = (
            "grant = [{ folder = \"/a\", access = \"read-only\" },\n{ folder = \"/b\", access = \"read-only\" }]\n",
            grant("/b"),
        );
        let all = grants(inline);
        refused(removed(inline, &all, is_of("/a")), &grants(&plain));
        refused(added(inline, &grant("/c")), &grants(&(grant("/a") + &grant("/b") + &grant("/c"))));
        let quoted = format!("{}\"until\" = 2098-01-01T00:00:00Z\n", grant("/a"));
        refused(extended(&quoted, &grants(&quoted), |_| true, "2099-01-01T00:00:00Z"), &grants(&quoted));
        assert_eq!(verified(plain.clone(), &grants(&plain), Path::new(PATH)).unwrap(), plain);
    }
}
