//! Reads /etc/group itself, from its beginning. It asks no service of NSS, and decides nothing.

use super::group_file::{GROUP_FILE, GroupLine};
use crate::nss::LookupError;
use crate::sys::directory;
use nix::errno::Errno;
use nix::unistd::Gid;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Opens it; a FIFO there does not block.
pub(super) fn open_file() -> Result<File, LookupError> {
    directory::open_file_at(GROUP_FILE.as_ref())
        .map(File::from)
        .map_err(|errno| LookupError::of_file(GROUP_FILE, errno))
}

/// Calls `visit` with each entry, until it returns true.
pub(super) fn search(mut visit: impl FnMut(GroupLine<'_>) -> bool) -> Result<(), LookupError> {
    // If the buffer cannot grow, std's error has no errno.
    let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw);
    let mut file = BufReader::new(open_file()?);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length =
            file.read_until(b'\n', &mut line).map_err(|e| LookupError::of_file(GROUP_FILE, errno(e)))?;
        if length == 0 || GroupLine::parse(&line).is_some_and(&mut visit) {
            return Ok(());
        }
    }
}

/// The names of those of the groups that have an entry, for people only: NSS may be set to ask another service first.
pub(super) fn names(gids: &[Gid]) -> Vec<(Gid, String)> {
    let mut found: Vec<(Gid, String)> = Vec::new();
    if !gids.is_empty() {
        // An error is ignored: the others have no name then, and NSS is asked for them.
        let _ = search(|entry| {
            let gid = Gid::from_raw(entry.gid);
            if gids.contains(&gid) && !found.iter().any(|(known, _)| *known == gid) {
                found.push((gid, String::from_utf8_lossy(entry.name).into_owned()));
            }
            found.len() == gids.len()
        });
    }
    found
}
