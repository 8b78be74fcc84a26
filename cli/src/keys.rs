//! `sftpjail keys`: prints the keys that root keeps for a user. sshd may ask it (AuthorizedKeysCommand), as a user
//! without rights and for each key that a client offers: it reads the one file, and neither the configuration nor NSS.

use crate::host::keys::line::{AUTHORITY_INSTEAD, CERTIFICATE, IS_CERTIFICATE, Key, Line};
use crate::host::keys::managed::{lines, read};
use crate::report::{Status, streams};
use pam_sftpjail::log::Log;
use pam_sftpjail::name::UserName;
use std::ffi::OsStr;
use std::io::{self, Write};

/// How many lines of a file are logged as bad. sshd asks once for each key that a client offers.
const MAX_LOGGED: usize = 10;

/// Prints the user's keys; with `offered`, a type and a key in base64, only those that sshd needs to judge it.
///
/// [`Status::Ok`] also where there are none: sshd asks about everybody. [`Status::Unchecked`]: the file cannot be used.
pub(crate) fn run(user: &OsStr, offered: Option<(&str, &str)>, out: &mut impl Write) -> io::Result<Status> {
    // With another name, there is no file and no member.
    let Ok(user) = UserName::parse(user) else { return Ok(Status::Ok) };
    let log = Log::of_verb("keys");
    let bytes = match read(&user) {
        Ok(None) => return Ok(Status::Ok),
        Ok(Some(bytes)) => bytes,
        Err(error) => {
            log.error(format_args!("no key of user {user} can be used: {error}; fix: {}", error.fix()));
            let _ = writeln!(streams::stderr(), "sftpjail: {error}; {}", error.fix());
            return Ok(Status::Unchecked);
        }
    };
    let (mut usable, mut bad) = (String::new(), 0);
    for (number, text, line) in lines(&String::from_utf8_lossy(&bytes)) {
        let why = match line {
            Line::Nothing => continue,
            Line::Key(key) => {
                if offered.is_none_or(|offered| is_needed(&key, offered)) {
                    usable += text;
                    usable.push('\n');
                }
                continue;
            }
            Line::Unusable(fault) => format!("{}; fix: {}", fault.what, fault.fix),
            Line::Certificate => format!("{IS_CERTIFICATE}; fix: {AUTHORITY_INSTEAD}"),
            // It may be a private one, which no log is for.
            Line::NoKey(_) => "it is not a whole public key".to_owned(),
        };
        bad += 1;
        if bad <= MAX_LOGGED {
            log.error(format_args!("line {number} of the keys of user {user} is left out: {why}"));
        }
    }
    Status::Ok.after(out.write_all(usable.as_bytes()), out)
}

/// Whether sshd needs this line to judge the key that is offered. For a certificate, sshd looks for the authority's key.
fn is_needed(key: &Key<'_>, (key_type, encoded): (&str, &str)) -> bool {
    match key_type.contains(CERTIFICATE) {
        true => key.options.is_authority,
        false => !key.options.is_authority && (key.key_type, key.encoded) == (key_type, encoded),
    }
}
