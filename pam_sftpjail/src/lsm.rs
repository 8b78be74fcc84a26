//! Which security module of the kernel confines this process and may have denied root what permissions allow: SELinux
//! or AppArmor. It is asked only after an error, and decides nothing.
#![forbid(unsafe_code)]

use crate::escape::escaped;
use nix::unistd::geteuid;
use std::fmt::{self, Display};
use std::path::Path;
use std::{fs, io};

/// Where selinuxfs is mounted: it is 1 where denials are enforced, and missing where SELinux is off (selinux(8)).
const ENFORCE: &str = "/sys/fs/selinux/enforce";

/// The profile of a process (proc_pid_attr(5)): beside other modules, and before Linux 5.1.
const ATTRIBUTES: [&str; 2] = ["attr/apparmor/current", "attr/current"];

/// A security module that confines a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lsm {
    Selinux,
    AppArmor,
}

impl Lsm {
    /// The one that confines this process. `None`: none does, or permissions stop this process, which is not root's.
    pub(crate) fn here() -> Option<Self> {
        match geteuid().is_root() {
            true if is_selinux_enforcing() => Some(Self::Selinux),
            true => Profile::of(Path::new("/proc/self")).map(|_| Self::AppArmor),
            false => None,
        }
    }

    /// Who denied it, as the end of a sentence.
    pub(crate) fn evidence(self) -> &'static str {
        match self {
            Self::Selinux => "permission denied, and SELinux is enforcing, which confines root as well",
            Self::AppArmor => {
                "permission denied, and a profile of AppArmor confines this process, root or not"
            }
        }
    }

    /// What an admin can do about it.
    pub fn fix(self) -> &'static str {
        match self {
            Self::Selinux => {
                "let SELinux allow it: `sftpjail setup` loads the policy module that sshd needs for jails, `sftpjail check` says what is missing in it, and ausearch -m avc -ts recent shows what was denied"
            }
            Self::AppArmor => {
                "let AppArmor allow it: `sftpjail setup` completes the profile of sshd, and journalctl -k --grep apparmor= shows what was denied"
            }
        }
    }
}

/// Whether SELinux is on and enforces its policy.
pub fn is_selinux_enforcing() -> bool {
    fs::read(ENFORCE).is_ok_and(|text| text.first() == Some(&b'1'))
}

/// A profile of AppArmor that confines a process: "/usr/sbin/sshd (enforce)". One in complain mode counts: it, too,
/// refuses paths that are disconnected from the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile(String);

impl Profile {
    /// That of a process, by its directory in /proc. `None`: none confines it.
    pub fn of(process: &Path) -> Option<Self> {
        let read = |attribute: &&str| fs::read_to_string(process.join(attribute)).ok();
        Self::parse(&ATTRIBUTES.iter().find_map(read)?)
    }

    /// A context of SELinux has no mode, and `unconfined` is no profile.
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim_end_matches(['\n', '\0']);
        let (_, mode) = text.rsplit_once(' ')?;
        ["(enforce)", "(complain)", "(kill)"].contains(&mode).then(|| Self(text.to_owned()))
    }

    /// Its name, without the mode.
    pub fn name(&self) -> &str {
        self.0.rsplit_once(' ').map_or(&self.0, |(name, _)| name)
    }

    /// Puts it on this thread, for good: aa_change_profile(2). A process in another profile may not be allowed to.
    pub(crate) fn assume(&self) -> io::Result<()> {
        let text = format!("changeprofile {}", self.name());
        let write = |attribute: &&str| match fs::write(Path::new("/proc/thread-self").join(attribute), &text)
        {
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            written => Some(written),
        };
        ATTRIBUTES.iter().find_map(write).unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
    }
}

impl Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, mode) = self.0.rsplit_once(' ').unwrap_or((&self.0, ""));
        write!(f, "{} {mode}", escaped(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_profile_is_told_from_a_context_and_from_none() {
        let profile = |text| Profile::parse(text).map(|profile| profile.to_string()).unwrap_or_default();
        // As Linux 6.1 writes them.
        assert_eq!(profile("/usr/sbin/sshd (enforce)\n"), "/usr/sbin/sshd (enforce)");
        assert_eq!(profile("/usr/sbin/sshd (complain)\n"), "/usr/sbin/sshd (complain)");
        assert_eq!(profile("unconfined\n"), "");
        assert_eq!(profile("system_u:system_r:sshd_t:s0\0"), "");
        assert_eq!(profile(""), "");
        let own = Profile::parse("a profile with blanks (enforce)\n").expect("a profile");
        assert_eq!(own.name(), "a profile with blanks");
    }
}
