//! Compares what came of a step with its expectation.

use super::attempt::Attempted;
use super::complaint::complaint;
use super::steps::{ECHOED, Expectation, FOREIGN, RAN};
use crate::host::process::Output;
use pam_sftpjail::escape::escaped;
use std::collections::BTreeSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// How many names are shown.
const SHOWN: usize = 6;

/// The evidence: `Ok` if it is as expected.
pub(super) type Judgement = Result<String, String>;

pub(super) fn judge(attempted: &Attempted, expectation: &Expectation, user: &str) -> Judgement {
    let complaint = || complaint(&attempted.output);
    match expectation {
        Expectation::WorksIn(directory) => {
            let directory_line = lines(&attempted.output.stdout)
                .find_map(|line| Some(line.strip_prefix(b"Remote working directory: ")?.to_owned()));
            let seen = directory_line.map(OsString::from_vec).ok_or_else(complaint)?;
            let shown = escaped(&seen).to_string();
            if seen == directory.as_os_str() {
                Ok(shown)
            } else {
                Err(format!("{shown}, not {}", escaped(directory)))
            }
        }
        Expectation::Succeeds => {
            if attempted.output.success {
                Ok("served".into())
            } else if is_too_much(&attempted.output) {
                Ok("served, with more names than the probe reads".into())
            } else {
                Err(complaint())
            }
        }
        Expectation::Lists(names) if attempted.output.success => listed(&attempted.output.stdout, names),
        Expectation::Lists(_) if is_too_much(&attempted.output) => {
            Err("the user can see what is not in the jail: more names than the probe reads".into())
        }
        Expectation::Lists(_) => Err(complaint()),
        Expectation::OwnAccounts => match &attempted.fetched {
            None if attempted.output.stderr.contains("not found") => Ok("there is none".into()),
            None => Err(complaint()),
            Some(text) => own_accounts(text, user),
        },
        Expectation::SftpOnly { forced } => {
            let out = String::from_utf8_lossy(&attempted.output.stdout);
            let is_refusal = out.contains("This service allows sftp connections only");
            if is_refusal && *forced != Some(false) {
                Ok("refused: sftp only".into())
            } else if is_refusal {
                // A shell prints whatever the user's .bashrc says.
                Err("the user's shell answers, with sshd's own words; sshd does not force internal-sftp"
                    .into())
            } else if out.contains(ECHOED) {
                Err(RAN.into())
            } else {
                Err(format!("sshd tried to run it: {}", complaint()))
            }
        }
        Expectation::Prohibited => {
            if attempted.holder.lines().any(is_refusal) {
                Ok("refused".into())
            } else {
                Err("allowed: sshd tried it".into())
            }
        }
        Expectation::NothingFetched => match attempted.fetched {
            None => Ok("refused".into()),
            Some(_) => Err("a shell served it".into()),
        },
        Expectation::Fetched => match attempted.fetched {
            Some(_) => Ok("works, over SFTP".into()),
            None => Err(complaint()),
        },
    }
}

/// Whether the client has reached the limit on its memory: what the server sends is up to the user.
fn is_too_much(output: &Output) -> bool {
    !output.success
        && ["out of memory", "memory allocation failed"].iter().any(|words| output.stderr.contains(words))
}

/// Whether sshd refuses a forwarding here. The words are those of its server_request_direct_tcpip,
/// server_input_global_request and channel_setup_remote_fwd_listener.
fn is_refusal(line: &str) -> bool {
    let ends = ["Server has disabled port forwarding.", "Server has disabled streamlocal forwarding."];
    line.contains("administratively prohibited")
        || line.contains("Remote: port forwarding refused")
        || (line.contains("Remote: ") && ends.iter().any(|end| line.ends_with(end)))
}

fn listed(out: &[u8], names: &BTreeSet<OsString>) -> Judgement {
    let seen: BTreeSet<OsString> = lines(out)
        .map(|line| {
            // `ls -1a /` lists with the path, `ls -1a` without.
            OsStr::from_bytes(line.strip_prefix(b"/").unwrap_or(&line)).to_owned()
        })
        .filter(|name| !name.is_empty() && name != "." && name != "..")
        .collect();
    let shown = |names: Vec<&OsString>| {
        let all = names.len();
        let mut text: Vec<_> = names.iter().take(SHOWN).map(|name| escaped(name).to_string()).collect();
        if all > SHOWN {
            text.push(format!("and {} more", all - SHOWN));
        }
        text.join(", ")
    };
    let foreign: Vec<_> = seen.difference(names).collect();
    let missing: Vec<_> = names.difference(&seen).collect();
    match (foreign.is_empty(), missing.is_empty()) {
        (true, true) => Ok(format!("{} and nothing else", shown(seen.iter().collect()))),
        (false, _) => Err(format!("{FOREIGN}: {}", shown(foreign))),
        (true, false) => Err(format!("{} is missing", shown(missing))),
    }
}

fn own_accounts(passwd: &[u8], user: &str) -> Judgement {
    let names = passwd.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let names = names.map(|line| line.split(|byte| *byte == b':').next().unwrap_or_default());
    let foreign = names.filter(|name| *name != b"root" && *name != user.as_bytes()).count();
    match foreign {
        0 => Ok("the jail's, with root and the user".into()),
        1 => Err("not the jail's: it has 1 other account".into()),
        n => Err(format!("not the jail's: it has {n} other accounts")),
    }
}

/// The lines that sftp printed, without its echo of the batch. Bytes that it prints in octal (vis(3)) are as they were.
fn lines(out: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    out.split(|byte| *byte == b'\n').filter(|line| !line.starts_with(b"sftp> ")).map(|line| {
        let mut plain = Vec::new();
        let mut rest = line;
        while let Some((first, after)) = rest.split_first() {
            rest = after;
            let octal = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
            match octal.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
                Some(byte) if *first == b'\\' => {
                    plain.push(byte);
                    rest = after.get(3..).unwrap_or_default();
                }
                _ => plain.push(*first),
            }
        }
        plain
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(of: &[&str]) -> BTreeSet<OsString> {
        of.iter().map(OsString::from).collect()
    }

    #[test]
    fn a_listing_is_as_expected_or_names_the_difference() {
        let out = b"sftp> cd ..\nsftp> ls -1a\n.\n..\nmle\ncaf\\303\\251\n";
        assert_eq!(listed(out, &names(&["mle", "café"])), Ok("\"café\", mle and nothing else".into()));
        assert_eq!(
            listed(out, &names(&["mle"])),
            Err("the user can see what is not in the jail: \"café\"".into())
        );
        assert_eq!(listed(b"/a\n/b\n", &names(&["a", "b", "c"])), Err("c is missing".into()));
    }

    #[test]
    fn accounts_of_the_host_are_not_those_of_the_jail() {
        assert!(own_accounts(b"root:x:0\nmle:x:1\n", "mle").is_ok());
        assert!(own_accounts(b"", "mle").is_ok());
        assert_eq!(
            own_accounts(b"root:x:0\nmle:x:1\njoe:x:2\n", "mle"),
            Err("not the jail's: it has 1 other account".into())
        );
    }
}
