//! `sftpjail config check [FILE]`: whether a configuration can be used, as `sshd -t` says it of sshd's. It reads the
//! file only, and neither accounts nor the system.

use crate::host::configuration::{self, Unusable};
use crate::report::{Error, Status};
use pam_sftpjail::config::DEFAULT_PATH;
use std::io::{self, Write};
use std::path::Path;

/// Says nothing of a configuration that can be used. Of another one it says on stderr what is wrong, where, and what
/// to write instead.
///
/// `path`: the configuration in use, if it is not the usual one. `draft`: the file to read instead; it does not matter
/// who owns it, unless it is the configuration in use.
pub(crate) fn check(path: Option<&Path>, draft: Option<&Path>) -> io::Result<Status> {
    let in_use = path.unwrap_or(Path::new(DEFAULT_PATH));
    let checked = match draft {
        None => configuration::load(path),
        Some(draft) if draft == in_use => configuration::load(Some(draft)),
        Some(draft) => configuration::load_draft(draft),
    };
    let (unusable, status) = match checked {
        Ok(_) => return Ok(Status::Ok),
        Err(unusable @ Unusable::Broken(_)) => (unusable, Status::Problems),
        Err(unusable @ Unusable::Unread(_)) => (unusable, Status::Unchecked),
    };
    let Error { what, fix, .. } = unusable.into();
    writeln!(io::stderr(), "{what}\n→ {fix}")?;
    Ok(status)
}
