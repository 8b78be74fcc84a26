//! AppArmor as the kernel has it: which profiles are loaded, and what they allow. The files of securityfs are those of
//! security/apparmor/apparmorfs.c in the kernel. In which file a profile stands is in `file`.

mod file;

pub(crate) use file::{DIRECTORY, ProfileFile, including};
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The loaded profiles, a line each: name and mode. Only root can read it.
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";

/// Where the kernel is asked what a profile allows.
const ACCESS: &str = "/sys/kernel/security/apparmor/.access";

/// `AA_CLASS_FILE` of the kernel's apparmor.h.
const OF_FILES: u8 = 2;

/// `MAY_WRITE` and `AA_MAY_LOCK` of the kernel's perms.h.
pub(crate) const WRITE: u32 = 2;
pub(crate) const LOCK: u32 = 0x8000;

/// The profile that is loaded for a program, by the name of the program or of the profile as distributions give it.
/// `None`: AppArmor is off, or there is none. The error: the kernel does not say.
pub(crate) fn loaded_for(program: &Path) -> io::Result<Option<String>> {
    let loaded = match fs::read_to_string(LOADED) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        loaded => loaded?,
    };
    let own = [program.to_str(), program.file_name().and_then(|name| name.to_str())];
    Ok(names(&loaded).find(|name| own.contains(&Some(*name))).map(str::to_owned))
}

/// Whether a profile, as it is loaded, gives root's process these permissions for a file of root's.
pub(crate) fn allows(profile: &str, permissions: u32, path: &Path) -> io::Result<bool> {
    let mut file = File::options().read(true).write(true).open(ACCESS)?;
    let question = [b"label\0", profile.as_bytes(), &[0, OF_FILES], path.as_os_str().as_bytes()].concat();
    file.write_all(&question)?;
    let mut answer = String::new();
    file.read_to_string(&mut answer)?;
    let allowed = allowed(&answer).ok_or_else(|| io::Error::other("securityfs has no answer"))?;
    Ok(allowed & permissions == permissions)
}

/// What the kernel's answer allows and does not deny: `allow 0x%08x`, `deny 0x%08x` and two others of query_label.
fn allowed(answer: &str) -> Option<u32> {
    let of = |key: &str| {
        let value = answer.lines().find_map(|line| line.strip_prefix(key))?;
        u32::from_str_radix(value.trim().strip_prefix("0x")?, 16).ok()
    };
    Some(of("allow ")? & !of("deny ")?)
}

/// The names in the kernel's list.
fn names(loaded: &str) -> impl Iterator<Item = &str> {
    loaded.lines().filter_map(|line| Some(line.rsplit_once(" (")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_answer_is_read() {
        let answer = "allow 0x0000004e\ndeny 0x00000002\naudit 0x00000000\nquiet 0x00000000\n";
        assert_eq!(allowed(answer), Some(0x4c));
        assert_eq!(allowed("allow 0x00000000\n"), None);
    }

    #[test]
    fn the_kernels_list_is_read() {
        let loaded = "/usr/sbin/sshd (enforce)\n/usr/sbin/sshd//passwd (enforce)\nrsyslogd (complain)\n";
        assert_eq!(
            names(loaded).collect::<Vec<_>>(),
            ["/usr/sbin/sshd", "/usr/sbin/sshd//passwd", "rsyslogd"]
        );
    }
}
