//! SELinux as the kernel has it: whether it is on, in which context a process runs, the label of a file, and what the
//! loaded policy allows. The files of selinuxfs are those of security/selinux/selinuxfs.c in the kernel.

use crate::host::programs;
use nix::sys::statvfs::{FsFlags, statvfs};
use rustix::fs::lgetxattr;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// Where selinuxfs is mounted.
const SELINUXFS: &str = "/sys/fs/selinux";

/// The extended attribute with the label of a file: xattr(7).
pub(crate) const LABEL: &str = "security.selinux";

/// As much as a context may have, in bytes: a page (libselinux's getfilecon has no limit, the kernel has this one).
const MAX_CONTEXT: usize = 4096;

/// The bit of a permissive domain, in the last field of the kernel's answer (`SELINUX_AVD_FLAGS_PERMISSIVE`).
const PERMISSIVE: u32 = 1;

/// What SELinux does where it is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforcing,
    Permissive,
}

/// Whether it is on. `None`: it is off. Where the mount is read-only, it is another system's: a container's host has it
/// (libselinux's init.c). One that cannot be read may enforce.
pub(crate) fn mode() -> Option<Mode> {
    let text = match fs::read(Path::new(SELINUXFS).join("enforce")) {
        Err(error) if error.kind() == ErrorKind::NotFound => return None,
        text => text.unwrap_or_default(),
    };
    let is_read_only = statvfs(SELINUXFS).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY));
    (!is_read_only).then_some(match text.first() {
        Some(b'0') => Mode::Permissive,
        _ => Mode::Enforcing,
    })
}

/// A label: user, role, type and, where the policy has levels, a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Context(String);

impl Context {
    /// That of a process.
    pub(crate) fn of_process(pid: i32) -> io::Result<Self> {
        Self::parse(&fs::read(format!("/proc/{pid}/attr/current"))?)
    }

    /// That of a file, a directory or a symlink.
    pub(crate) fn of_file(path: &Path) -> io::Result<Self> {
        let mut bytes = vec![0; MAX_CONTEXT];
        let length = lgetxattr(path, LABEL, &mut bytes)?;
        bytes.truncate(length);
        Self::parse(&bytes)
    }

    fn parse(bytes: &[u8]) -> io::Result<Self> {
        let text = String::from_utf8_lossy(bytes);
        let text = text.trim_end_matches(['\0', '\n']);
        match text.split(':').count() >= 3 && !text.contains(char::is_whitespace) {
            true => Ok(Self(text.to_owned())),
            false => Err(io::Error::other("no context of SELinux")),
        }
    }

    /// As the kernel spells it.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }

    /// Its type, such as `sshd_t`.
    pub(crate) fn type_name(&self) -> &str {
        self.0.split(':').nth(2).unwrap_or_default()
    }

    /// The same of another type, for an object.
    pub(crate) fn of_object(&self, type_name: &str) -> Self {
        let range: String = self.0.splitn(4, ':').skip(3).map(|range| format!(":{range}")).collect();
        let user = self.0.split(':').next().unwrap_or_default();
        Self(format!("{user}:object_r:{type_name}{range}"))
    }
}

/// What the loaded policy says of one process and one object.
pub(crate) struct Answer {
    /// The permissions that were asked about and are denied.
    pub(crate) denied: Vec<String>,
    /// Whether the domain of the process is permissive, so that nothing is denied after all.
    pub(crate) is_permissive: bool,
}

/// Asks the kernel which of these permissions a process in the context `source` has for an object of a class. `None`:
/// the policy does not know the class, or a type in the contexts.
pub(crate) fn ask(
    source: &Context,
    target: &Context,
    class: &str,
    permissions: &[String],
) -> io::Result<Option<Answer>> {
    let class = Path::new(SELINUXFS).join("class").join(class);
    let number = |path: PathBuf| -> io::Result<Option<u32>> {
        match fs::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            text => Ok(text?.trim().parse().ok()),
        }
    };
    let Some(index) = number(class.join("index"))? else { return Ok(None) };
    let mut file = File::options().read(true).write(true).open(Path::new(SELINUXFS).join("access"))?;
    let question = format!("{} {} {index}", source.0, target.0);
    match file.write_all(question.as_bytes()) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(None),
        written => written?,
    }
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    let (allowed, flags) = parse(&text).ok_or_else(|| io::Error::other("selinuxfs has no answer"))?;
    let mut denied = Vec::new();
    for permission in permissions {
        // A permission that the policy does not know is one that it does not deny.
        let bit = number(class.join("perms").join(permission))?
            .map_or(0, |number| 1u32.checked_shl(number.saturating_sub(1)).unwrap_or(0));
        if bit & !allowed != 0 {
            denied.push(permission.clone());
        }
    }
    Ok(Some(Answer { denied, is_permissive: flags & PERMISSIVE != 0 }))
}

/// Whether the loaded policy knows this type.
pub(crate) fn knows_type(name: &str) -> io::Result<bool> {
    let own = Context::parse(&fs::read("/proc/self/attr/current")?)?;
    let target = Context::of_file(Path::new("/"))?.of_object(name);
    Ok(ask(&own, &target, "dir", &[])?.is_some())
}

/// The allowed permissions and the flags: `%x %x %x %x %u %x` of sel_write_access.
fn parse(text: &str) -> Option<(u32, u32)> {
    let mut fields = text.split_whitespace();
    let allowed = u32::from_str_radix(fields.next()?, 16).ok()?;
    // Before Linux 2.6.30 there were no flags.
    let flags = fields.nth(4).and_then(|flags| u32::from_str_radix(flags, 16).ok());
    Some((allowed, flags.unwrap_or(0)))
}

/// The program that loads policy modules.
pub(crate) fn semodule() -> Option<PathBuf> {
    programs::find("semodule")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contexts_are_taken_apart() {
        let context = Context::parse(b"system_u:system_r:sshd_t:s0-s0:c0.c1023\0").expect("a context");
        assert_eq!(context.type_name(), "sshd_t");
        assert_eq!(context.of_object("root_t").0, "system_u:object_r:root_t:s0-s0:c0.c1023");
        // A policy without levels.
        let context = Context::parse(b"system_u:system_r:sshd_t\n").expect("a context");
        assert_eq!(context.of_object("root_t").0, "system_u:object_r:root_t");
        for other in ["unconfined\n", "", "/usr/sbin/sshd (enforce)"] {
            assert!(Context::parse(other.as_bytes()).is_err(), "{other}");
        }
    }

    #[test]
    fn the_kernels_answer_is_read() {
        // As Linux 6.1 writes it for a domain that is permissive.
        assert_eq!(parse("b01600b ffffffff 0 ffffffff 7 1\n"), Some((0x0b01_600b, 1)));
        assert_eq!(parse("0 ffffffff 0 ffffffff 7 0\n"), Some((0, 0)));
        assert_eq!(parse(""), None);
    }
}
