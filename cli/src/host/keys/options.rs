//! The options before a key. Mirrors sshauthopt_parse of OpenSSH's auth-options.c: what that does not understand makes
//! sshd ignore the key, whoever offers it.

use super::expiry::Expiry;
use pam_sftpjail::escape::{escaped, one_line};
use pam_sftpjail::grants::Network;
use serde::{Deserialize, Serialize};

/// The options that are one word; those with `true` may have `no-` before them.
const FLAGS: [(&str, bool); 9] = [
    ("restrict", false),
    (CERT_AUTHORITY, false),
    ("port-forwarding", true),
    ("agent-forwarding", true),
    ("x11-forwarding", true),
    ("touch-required", true),
    ("verify-required", true),
    ("pty", true),
    ("user-rc", true),
];
const CERT_AUTHORITY: &str = "cert-authority";

/// The options with a value. Those with `true` may stand there once only.
const WITH_VALUE: [(&str, bool); 8] = [
    ("command", true),
    ("principals", true),
    (FROM, true),
    (EXPIRY_TIME, false),
    (ENVIRONMENT, false),
    ("permitopen", false),
    ("permitlisten", false),
    ("tunnel", false),
];
const FROM: &str = "from";
const EXPIRY_TIME: &str = "expiry-time";
const ENVIRONMENT: &str = "environment";

/// What this program needs to know of the options of a key.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Whether it is the key of an authority that signs the user's keys, and no key of the user's.
    pub(crate) is_authority: bool,
    /// When it ends, with the first of them.
    pub(crate) ends: Vec<Expiry>,
}

/// Why sshd takes a key from nobody, escaped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Fault {
    pub(crate) what: String,
    pub(crate) fix: String,
}

impl Fault {
    fn new(what: impl Into<String>, fix: impl Into<String>) -> Self {
        Self { what: what.into(), fix: fix.into() }
    }

    /// For an sshd that does not read a time in UTC.
    pub(super) fn utc() -> Self {
        Self::new(
            format!("{EXPIRY_TIME}= with a Z, for UTC, needs OpenSSH 9.1"),
            "write the time without Z, in the standard time of this server's zone",
        )
    }
}

impl Options {
    /// Reads the text before a key.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        let mut options = Self::default();
        let mut seen = Vec::new();
        let mut rest = text;
        loop {
            rest = match flag(rest) {
                Some((name, after)) => {
                    options.is_authority |= name == CERT_AUTHORITY;
                    after
                }
                None => {
                    let (name, is_once, after) = with_value(rest).ok_or_else(|| unknown(rest))?;
                    let (value, after) = quoted(after).ok_or_else(|| unquoted(name))?;
                    if is_once && seen.contains(&name) {
                        return Err(Fault::new(format!("{name}= stands there twice"), "leave one of them"));
                    }
                    seen.push(name);
                    options.add(name, &value)?;
                    after
                }
            };
            rest = match rest.strip_prefix(',') {
                Some("") => {
                    return Err(Fault::new("list ends with a comma", "remove the comma"));
                }
                Some(after) => after,
                None if rest.is_empty() => return Ok(options),
                None => return Err(unknown(rest)),
            };
        }
    }

    fn add(&mut self, name: &str, value: &str) -> Result<(), Fault> {
        match name {
            FROM => value.split(',').try_for_each(|pattern| source(value, pattern)),
            EXPIRY_TIME => {
                let expiry = Expiry::parse(value).ok_or_else(|| {
                    Fault::new(
                        format!("{EXPIRY_TIME}=\"{}\" is no time", one_line(value)),
                        "write YYYYMMDDHHMM in the zone of this server, such as \"202612101800\"",
                    )
                })?;
                self.ends.push(expiry);
                Ok(())
            }
            ENVIRONMENT => {
                let name = value.split_once('=').map(|(name, _)| name);
                let is_name =
                    |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
                match name.is_some_and(|name| !name.is_empty() && is_name(name)) {
                    true => Ok(()),
                    false => Err(Fault::new(
                        format!("{ENVIRONMENT}=\"{}\" sets no variable", one_line(value)),
                        "write \"NAME=value\"",
                    )),
                }
            }
            _ => Ok(()),
        }
    }
}

/// The option at the beginning of `text`, which is one word, and what follows. As in sshd, the rest of the word is what
/// follows.
fn flag(text: &str) -> Option<(&'static str, &str)> {
    FLAGS.iter().find_map(|(name, may_be_negated)| {
        let negated = without(text, "no-").filter(|_| *may_be_negated);
        Some((*name, without(negated.unwrap_or(text), name)?))
    })
}

/// The option at the beginning of `text` that has a value, whether it may stand there once only, and what follows `=`.
fn with_value(text: &str) -> Option<(&'static str, bool, &str)> {
    WITH_VALUE.iter().find_map(|(name, is_once)| {
        Some((*name, *is_once, without(text, name).and_then(|after| after.strip_prefix('='))?))
    })
}

/// `text` without `prefix` in any case.
fn without<'t>(text: &'t str, prefix: &str) -> Option<&'t str> {
    let (begin, after) = text.split_at_checked(prefix.len())?;
    begin.eq_ignore_ascii_case(prefix).then_some(after)
}

/// The value in quotes at the beginning of `text`, and what follows: opt_dequote of OpenSSH's misc.c.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut rest = text.strip_prefix('"')?;
    let mut value = String::new();
    loop {
        let end = rest.find(['"', '\\'])?;
        let (before, from) = rest.split_at_checked(end)?;
        value.push_str(before);
        if let Some(after) = from.strip_prefix('"') {
            return Some((value, after));
        }
        // A backslash before anything else stands for itself.
        let (escaped, after) = match from.strip_prefix("\\\"") {
            Some(after) => ('"', after),
            None => ('\\', from.get(1..)?),
        };
        value.push(escaped);
        rest = after;
    }
}

/// Whether sshd understands a pattern of `from=`. Addresses with a mask are networks: with bits behind the mask, sshd
/// takes the key from nowhere (addr_match_list of OpenSSH's addrmatch.c).
fn source(all: &str, pattern: &str) -> Result<(), Fault> {
    let shown = format!("{FROM}=\"{}\"", one_line(all));
    let pattern = pattern.strip_prefix('!').unwrap_or(pattern);
    if pattern.is_empty() {
        return Err(Fault::new(format!("{shown} has an empty pattern"), "remove the comma beside it"));
    }
    if !pattern.contains('/') {
        return Ok(());
    }
    Network::parse(pattern)
        .map(drop)
        .map_err(|(why, fix)| Fault::new(format!("{shown}: {} {why}", escaped(pattern)), fix))
}

/// For an option that sshd does not know.
fn unknown(text: &str) -> Fault {
    let end = text.find([',', '=', ' ']).unwrap_or(text.len());
    let name = text.get(..end).unwrap_or(text);
    Fault::new(
        format!("{} is unknown to sshd", escaped(name)),
        "correct it: sshd(8) lists the options, in AUTHORIZED_KEYS FILE FORMAT",
    )
}

fn unquoted(name: &str) -> Fault {
    Fault::new(format!("{name}= has no value in quotes"), format!("write {name}=\"...\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sshd_understands_is_no_fault() {
        for (text, is_authority, expires) in [
            ("restrict", false, false),
            ("no-pty,PTY,x11-forwarding,No-X11-forwarding", false, false),
            (
                "restrict,from=\"10.0.0.0/8,!10.0.0.7,*.example.org,::1\",expiry-time=\"20261210\"",
                false,
                true,
            ),
            ("expiry-time=\"202612101800Z\",expiry-time=\"20261210180000\"", false, true),
            ("Cert-Authority,principals=\"a,b\"", true, false),
            ("command=\"a \\\"b\\\" \\c, cert-authority\"", false, false),
            ("environment=\"A_1=x\",environment=\"B=\",permitopen=\"host:1\",tunnel=\"0\"", false, false),
        ] {
            let options = Options::parse(text).unwrap();
            assert_eq!((options.is_authority, !options.ends.is_empty()), (is_authority, expires), "{text}");
        }
    }

    #[test]
    fn what_sshd_does_not_understand_is_named() {
        for (text, what) in [
            (
                "from=\"10.0.0.1/8\"",
                "from=\"10.0.0.1/8\": 10.0.0.1/8 is one address of the network 10.0.0.0/8",
            ),
            ("from=\"10.0.0.0/33\"", "from=\"10.0.0.0/33\": 10.0.0.0/33 has more than 32 bits"),
            ("from=\"a,,b\"", "from=\"a,,b\" has an empty pattern"),
            ("from=\"a\",from=\"b\"", "from= stands there twice"),
            ("from=a", "from= has no value in quotes"),
            ("expiry-time=\"2026-12-10\"", "expiry-time=\"2026-12-10\" is no time"),
            ("environment=\"=x\"", "environment=\"=x\" sets no variable"),
            ("no-restrict", "no-restrict is unknown to sshd"),
            ("restricted", "ed is unknown to sshd"),
            ("pty,", "list ends with a comma"),
            ("until=\"x\"", "until is unknown to sshd"),
        ] {
            assert_eq!(Options::parse(text).unwrap_err().what, what, "{text}");
        }
    }
}
