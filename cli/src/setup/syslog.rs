//! Gives rsyslog a file and a socket for the log entries of SFTP sessions. systemd's journal needs nothing.

use super::atomic;
use super::change::{Change, FileChange};
use super::own_file::{OwnFile, adapted};
use super::target::Target;
use crate::host::programs;
use crate::report::{Error, Location};
use std::path::Path;

const DROP_IN: &str = include_str!("../../../rsyslog.d/sftpjail.conf");
pub(super) const PATH: &str = "/etc/rsyslog.d/10-sftpjail.conf";
pub(super) const LOG: &str = "/var/log/sftp.log";

/// logrotate's file for the logs of rsyslog: of Debian, SUSE and newer Fedora; of older Red Hat.
const ROTATED: [&str; 2] = ["/etc/logrotate.d/rsyslog", "/etc/logrotate.d/syslog"];

/// What rsyslog needs; nothing if it is not installed.
#[derive(Default)]
pub(super) struct Needed {
    pub(super) changes: Vec<Change>,
    /// A sentence for the admin.
    pub(super) note: Option<String>,
}

impl Needed {
    pub(super) fn find() -> Result<Self, Error> {
        let path = Path::new(PATH);
        if programs::find("rsyslogd").is_none() || !path.parent().is_some_and(Path::is_dir) {
            return Ok(Self::default());
        }
        let mut needed = Self::default();
        match OwnFile::read(path, DROP_IN)? {
            OwnFile::Ok => {}
            OwnFile::Needed(before) => {
                needed.changes.push(Change::File(FileChange::whole(Target::ours(path)?, before, DROP_IN)));
            }
            OwnFile::Adapted => needed.note = Some(adapted(path, "rules")),
        }
        for path in ROTATED.map(Path::new).into_iter().filter(|path| path.is_file()).take(1) {
            needed.changes.extend(rotated(path)?);
        }
        Ok(needed)
    }
}

/// Adds the log at the top of the list of logs that rsyslog writes.
fn rotated(path: &Path) -> Result<Option<Change>, Error> {
    let Some(before) = atomic::read(path)? else { return Ok(None) };
    let Ok(text) = String::from_utf8(before.clone()) else { return Ok(None) };
    if text.lines().any(|line| line.trim() == LOG) {
        return Ok(None);
    }
    let Some(at) = text.lines().position(|line| line.starts_with("/var/log/")) else { return Ok(None) };
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    let own = format!("{LOG}\n");
    lines.insert(at, &own);
    let after = lines.concat().into();
    Ok(Some(Change::File(FileChange {
        target: Target::of_others(path)?,
        before: Some(before),
        after,
        inserted: vec![own],
        replaced: Vec::new(),
    })))
}

/// Where logrotate is told of the log.
pub(super) fn rotated_line() -> Result<Option<Location>, Error> {
    for path in ROTATED.map(Path::new) {
        let text = atomic::read(path)?.unwrap_or_default();
        if let Some(at) = String::from_utf8_lossy(&text).lines().position(|line| line.trim() == LOG) {
            return Ok(Some(Location::single(path.to_owned(), at + 1)));
        }
    }
    Ok(None)
}

/// The error: rsyslog cannot read its configuration.
pub(super) fn test() -> Result<(), Error> {
    let Some(rsyslogd) = programs::find("rsyslogd").filter(|_| Path::new(PATH).exists()) else {
        return Ok(());
    };
    programs::must(&rsyslogd, ["-N1"], "fix what it names, then check: rsyslogd -N1").map(drop)
}

/// Whether it is the file that setup writes for rsyslog: rsyslog has to be restarted after a change of it.
pub(super) fn is_read_by_rsyslog(path: &Path) -> bool {
    path == Path::new(PATH)
}
