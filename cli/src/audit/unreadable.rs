//! Sentences about logs that cannot be read, each with its fix.

use crate::host::syslog::journal::Failure;
use crate::host::syslog::unreadable::{Unreadable, Why};
use crate::report::error::{AS_ROOT, errno, unreadable_fix};
use nix::unistd::geteuid;
use pam_sftpjail::escape::one_line;
use std::io::{self, ErrorKind};

/// A log that cannot be read.
pub(crate) fn log(Unreadable { name, why }: &Unreadable) -> String {
    match why {
        Why::Missing => format!("{name} does not exist; name another file"),
        Why::Directory => format!("{name} is a directory; name a file in it"),
        Why::Failed(error) if error.kind() == ErrorKind::PermissionDenied => match geteuid().is_root() {
            true => format!("{name} cannot be read: {}; {}", errno(error), unreadable_fix(error)),
            false => format!("{name} cannot be read: {AS_ROOT}"),
        },
        Why::Compressed(with) => {
            format!("{name} is compressed with {with}; try `{with} -dc {name} | sftpjail audit --file -`")
        }
        Why::Failed(error) => {
            format!("{name} cannot be read: {}; name another file with --file", errno(error))
        }
    }
}

/// A log that cannot be read to its end.
pub(crate) fn rest(name: &str, error: &io::Error) -> String {
    format!("{name} cannot be read to its end: {}; the rest of it is not shown", errno(error))
}

/// The journal, which cannot be read.
pub(crate) fn journal(failure: &Failure) -> String {
    match failure {
        Failure::Missing => "there is no log to read: neither /var/log/sftp.log, /var/log/auth.log or \
                             /var/log/secure nor journalctl is there; name the file with --file"
            .to_owned(),
        Failure::NotRun(error) => {
            format!("journalctl cannot be run: {}; name a file with --file", errno(error))
        }
        Failure::Ended(status, said) => {
            let fix = if geteuid().is_root() { "see what it says: journalctl --verify" } else { AS_ROOT };
            format!("journalctl could not read the journal ({status}{}); {fix}", colon(said))
        }
        Failure::LeftOut(said) => {
            format!(
                "journalctl left out a part of the journal{}; see what it says: journalctl --verify",
                colon(said)
            )
        }
        Failure::NotWaitedFor(error) => {
            format!("journalctl cannot be waited for: {}; run this again", errno(error))
        }
    }
}

/// The journal, which log files were read beside.
pub(crate) fn beside(failure: &Failure) -> String {
    format!("entries that only the journal has may be missing: {}", journal(failure))
}

/// What a program said, behind a colon, on one line.
fn colon(said: &str) -> String {
    if said.is_empty() { String::new() } else { format!(": {}", one_line(&said.replace('\n', "; "))) }
}
