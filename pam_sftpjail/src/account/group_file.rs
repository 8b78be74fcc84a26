//! Parses the lines of /etc/group. It reads no file itself.

use nix::unistd::Gid;

/// The file of group(5).
pub const GROUP_FILE: &str = "/etc/group";

/// A line of group(5).
pub struct GroupLine<'l> {
    pub name: &'l [u8],
    pub gid: u32,
    members: &'l [u8],
}

impl<'l> GroupLine<'l> {
    /// Parses a line, with or without its newline. `None` for a comment, and for a line of another syntax, such
    /// as `+`.
    pub fn parse(line: &'l [u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        let mut fields = line.split(|byte| *byte == b':');
        let (name, _password, gid, members) =
            (fields.next()?, fields.next()?, fields.next()?, fields.next()?);
        if fields.next().is_some() || name.starts_with(b"#") || !gid.iter().all(u8::is_ascii_digit) {
            return None;
        }
        Some(Self { name, gid: std::str::from_utf8(gid).ok()?.parse().ok()?, members })
    }

    /// The login names of the member list.
    pub fn members(&self) -> impl Iterator<Item = &'l [u8]> {
        self.members.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|name| !name.is_empty())
    }

    /// Whether the group has a user: the name is in its member list, or its gid is the user's primary one.
    pub(super) fn has(&self, name: &str, gid: Gid) -> bool {
        self.gid == gid.as_raw() || self.members().any(|member| member == name.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_has_its_listed_members_and_users_with_it_as_primary_group() {
        let has = |line: &str, name: &str, gid: u32| {
            GroupLine::parse(line.as_bytes()).is_some_and(|entry| entry.has(name, Gid::from_raw(gid)))
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
            "#sudo:x:27:anna",
        ] {
            assert!(!has(line, "anna", 27), "{line}");
        }
    }
}
