//! Finds out who is in a group of `exempt_groups`. It reads /etc/group itself and asks no service of NSS.
//!
//! So a directory that does not answer cannot lock out the host's own admins. If the file cannot be read,
//! that is an error, and nobody is exempt.

use super::group_file::{GROUP_FILE, GroupLine};
use crate::nss::LookupError;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Gid;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// Opens /etc/group; a FIFO there does not block.
pub(super) fn open_file() -> Result<File, LookupError> {
    open(GROUP_FILE, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())
        .map(File::from)
        .map_err(|errno| LookupError::of_file(GROUP_FILE, errno))
}

/// Which of `groups` have an entry in /etc/group.
pub fn known_to_etc_group(groups: &[String]) -> Result<Vec<&str>, LookupError> {
    let mut known = Vec::new();
    search(groups, |group, _| {
        known.push(group);
        false
    })?;
    Ok(known)
}

/// The first of `groups`, in the order of /etc/group, that has a user: the name is in its member list, or
/// its gid is the user's primary one.
pub fn in_etc_group(groups: &[String], name: &str, gid: Gid) -> Result<Option<String>, LookupError> {
    let mut found = None;
    search(groups, |group, entry| {
        let has = entry.has(name, gid);
        if has {
            found = Some(group.to_owned());
        }
        has
    })?;
    Ok(found)
}

/// Calls `visit` with the first entry of each of `groups`, until it returns true.
fn search<'g>(
    groups: &'g [String],
    mut visit: impl FnMut(&'g str, GroupLine<'_>) -> bool,
) -> Result<(), LookupError> {
    if groups.is_empty() {
        return Ok(());
    }
    // If the buffer cannot grow, std's error has no errno.
    let errno = |error: std::io::Error| error.raw_os_error().map_or(Errno::ENOMEM, Errno::from_raw);
    let mut file = BufReader::new(open_file()?);
    let mut left: Vec<&str> = groups.iter().map(String::as_str).collect();
    let mut line = Vec::new();
    while !left.is_empty() {
        line.clear();
        let length =
            file.read_until(b'\n', &mut line).map_err(|e| LookupError::of_file(GROUP_FILE, errno(e)))?;
        if length == 0 {
            break;
        }
        let Some(entry) = GroupLine::parse(&line) else { continue };
        // getgrnam(3) never gives the second entry of a name, so it does not count.
        if let Some(at) = left.iter().position(|group| group.as_bytes() == entry.name) {
            let group = left.remove(at);
            if visit(group, entry) {
                break;
            }
        }
    }
    Ok(())
}
