//! Parses the entries of pam_sftpjail about sessions: whose, and the fields behind the user. Values with other than
//! plain characters are in quotes, escaped, so no value can pretend to be another field.

/// The address of a session that came through a pipe, in entries of sshd, PAM and internal-sftp. sshd's own connections
/// have one.
pub(crate) const NO_ADDRESS: &str = "UNKNOWN";

/// An entry about a session.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) kind: Kind,
    /// Escaped, as in the log.
    pub(crate) user: &'a str,
    /// What follows the user.
    pub(crate) rest: &'a str,
}

/// What it says of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Opened,
    /// More about a session that was opened.
    Continued,
    Closed,
}

/// Parses `pam_sftpjail(sshd:session): session opened for user USER(uid=1001): FIELDS` and the like.
pub(crate) fn parse(message: &str) -> Option<Entry<'_>> {
    const BEGINNINGS: [(&str, Kind); 3] = [
        ("opened for user ", Kind::Opened),
        ("of user ", Kind::Continued),
        ("closed for user ", Kind::Closed),
    ];
    let (_, text) = message.strip_prefix("pam_sftpjail(")?.split_once("): session ")?;
    let (kind, text) =
        BEGINNINGS.iter().find_map(|(begin, kind)| Some((*kind, text.strip_prefix(begin)?)))?;
    let end = if text.starts_with('"') { end_of_value(text)? } else { text.find("(uid=")? };
    let (user, rest) = text.split_at_checked(end)?;
    Some(Entry { kind, user, rest: rest.strip_prefix("(uid=")?.split_once("): ")?.1 })
}

/// The fields `NAME=VALUE` with blanks between them. A value with a blank is in quotes.
pub(crate) fn fields(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut left = text;
    std::iter::from_fn(move || {
        let (name, rest) = left.trim_start().split_once('=')?;
        let end = end_of_value(rest)?;
        let (value, rest) = rest.split_at_checked(end)?;
        left = rest;
        Some((name, value))
    })
}

/// Where a value ends, of which a quote within quotes has a backslash before it.
fn end_of_value(text: &str) -> Option<usize> {
    if !text.starts_with('"') {
        return Some(text.find(' ').unwrap_or(text.len()));
    }
    let mut is_escaped = false;
    let quote = text.bytes().skip(1).position(|byte| {
        let ends = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        ends
    })?;
    Some(quote + 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_or_value_cannot_pretend_to_be_a_field() {
        let odd = r#"pam_sftpjail(sshd:session): session opened for user "a\"(uid=1): home=/x"(uid=7): home="/a b=c \\" rhost=::1"#;
        let entry = parse(odd).unwrap();
        assert_eq!((entry.kind, entry.user), (Kind::Opened, r#""a\"(uid=1): home=/x""#));
        assert_eq!(fields(entry.rest).collect::<Vec<_>>(), [("home", r#""/a b=c \\""#), ("rhost", "::1")]);
        let kinds = ["opened for", "of", "closed for"].map(|kind| {
            let line = format!("pam_sftpjail(sshd:session): session {kind} user mle(uid=1): duration=1s");
            parse(&line).map(|entry| (entry.kind, entry.user.to_owned()))
        });
        assert_eq!(
            kinds.map(Option::unwrap),
            [Kind::Opened, Kind::Continued, Kind::Closed].map(|kind| (kind, "mle".into()))
        );
        for other in [
            "",
            "pam_sftpjail(sshd:account): refused user mle",
            "pam_sftpjail(x): session opened for user \"a",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }
}
