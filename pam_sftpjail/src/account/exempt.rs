//! Finds out who is in a group of `exempt_groups`. It reads /etc/group itself and asks no service of NSS.
//!
//! So a directory that does not answer cannot lock out the host's own admins. If the file cannot be read,
//! that is an error, and nobody is exempt.

use crate::nss::LookupError;
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::Mode;
use nix::unistd::Gid;
use std::fs::File;
use std::io::{BufRead, BufReader};

/// group(5)
pub(super) const FILE: &str = "/etc/group";

/// Opens /etc/group; a FIFO there does not block.
pub(super) fn open_file() -> Result<File, LookupError> {
    open(FILE, OFlag::O_RDONLY | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK, Mode::empty())
        .map(File::from)
        .map_err(|errno| LookupError::of_file(FILE, errno))
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
    mut visit: impl FnMut(&'g str, Entry<'_>) -> bool,
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
        let length = file.read_until(b'\n', &mut line).map_err(|e| LookupError::of_file(FILE, errno(e)))?;
        if length == 0 {
            break;
        }
        let Some(entry) = Entry::parse(&line) else { continue };
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

/// A line of group(5).
struct Entry<'l> {
    name: &'l [u8],
    gid: u32,
    members: &'l [u8],
}

impl<'l> Entry<'l> {
    /// `None` for a comment, and for a line of another syntax, such as `+`.
    fn parse(line: &'l [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password, gid, members) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() || !gid.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self { name, gid: std::str::from_utf8(gid).ok()?.parse().ok()?, members })
    }

    fn has(&self, name: &str, gid: Gid) -> bool {
        let mut members = self.members.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
        let is_user = |member: &[u8]| !member.is_empty() && member == name.as_bytes();
        self.gid == gid.as_raw() || members.any(is_user)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_has_its_listed_members_and_users_with_it_as_primary_group() {
        let has = |line: &str, name: &str, gid: u32| {
            Entry::parse(line.as_bytes()).is_some_and(|entry| entry.has(name, Gid::from_raw(gid)))
        };
        for line in
            ["sudo:x:27:anna\n", "sudo:x:27:mle,anna", "sudo::27:mle, anna,\n", "sudo:x:27:mle,anna,x"]
        {
            assert!(has(line, "anna", 100), "{line}");
            assert!(!has(line, "ann", 100) && !has(line, "", 100), "{line}");
            assert!(has(line, "joe", 27), "{line}");
        }
        for line in [
            "",
            "\n",
            "sudo",
            "sudo:x:27",
            "sudo:x::anna",
            "sudo:x:+27:anna",
            "sudo:x:27:anna:",
            "+",
            "#sudo:x",
        ] {
            assert!(!has(line, "anna", 27), "{line}");
        }
    }
}
