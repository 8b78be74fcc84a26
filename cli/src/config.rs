//! `sftpjail config check [FILE]`: whether a configuration can be used, as `sshd -t` says it of sshd's. It reads the
//! file only, and neither accounts nor the system.
//!
//! A volume that refuses everybody is a problem. A profile that is never used is a warning, since its members have
//! another one. So is a umask that takes from users what they need, since their logins work.

use crate::host::configuration::{self, Unusable};
use crate::report::{Error, Status, streams};
use pam_sftpjail::config::{Config, DEFAULT_PATH, owner_masks};
use pam_sftpjail::escape::escaped;
use pam_sftpjail::fix::Fix;
use pam_sftpjail::plan::faults;
use pam_sftpjail::policy::never_used;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

/// Says nothing of a configuration that can be used. Of another one it says on stderr all that is wrong, where, and what
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
        Ok(config) => return report(&config, draft.unwrap_or(in_use)),
        Err(unusable @ Unusable::Broken { .. }) => (unusable, Status::Problems),
        Err(unusable @ Unusable::Unread(_)) => (unusable, Status::Unchecked),
    };
    for Error { what, fix, .. } in unusable.all() {
        writeln!(streams::stderr(), "{what}\n→ {fix}")?;
    }
    Ok(status)
}

/// Reports on stderr what is wrong in a configuration that the module can read, in the order of the file.
fn report(config: &Config, file: &Path) -> io::Result<Status> {
    let faults = faults(config);
    let (never_used, owner_masks) = (never_used(config), owner_masks(config));
    let mut all: Vec<(usize, &dyn Display, Fix)> = Vec::new();
    all.extend(faults.iter().map(|fault| (fault.line, fault as &dyn Display, fault.refusal.fix())));
    all.extend(
        never_used.iter().map(|never| (never.profile.line.unwrap_or(1), never as &dyn Display, never.fix())),
    );
    all.extend(
        owner_masks.iter().map(|mask| (mask.profile.line.unwrap_or(1), mask as &dyn Display, mask.fix())),
    );
    all.sort_by_key(|(line, ..)| *line);
    for (line, what, fix) in all {
        writeln!(streams::stderr(), "{}: line {line}: {what}\n→ {fix}", escaped(file))?;
    }
    Ok(if faults.is_empty() { Status::Ok } else { Status::Problems })
}
