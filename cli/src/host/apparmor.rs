//! AppArmor as the kernel has it: which profiles are loaded, and in which file each stands.

use std::fs;
use std::path::{Path, PathBuf};

/// The loaded profiles, a line each: name and mode (securityfs: security/apparmor/apparmorfs.c). Only root can read it.
const LOADED: &str = "/sys/kernel/security/apparmor/profiles";

/// Where profiles are, each named after the program that it confines.
const DIRECTORY: &str = "/etc/apparmor.d";

/// A loaded profile.
pub(crate) struct Profile {
    /// The file with the profile, and that with an admin's own rules for it.
    pub(crate) file: PathBuf,
    pub(crate) local: PathBuf,
}

/// The profile that is loaded for a program, by the name of the program or of the profile as distributions give it. `None`:
/// AppArmor is off, or there is none.
pub(crate) fn profile(program: &Path) -> Option<Profile> {
    let loaded = fs::read_to_string(LOADED).ok()?;
    let path = program.to_str()?;
    let name = program.file_name()?.to_str()?;
    names(&loaded).find(|loaded| [path, name].contains(loaded))?;
    let base = path.trim_start_matches('/').replace('/', ".");
    let directory = Path::new(DIRECTORY);
    Some(Profile { file: directory.join(&base), local: directory.join("local").join(&base) })
}

/// The names in the kernel's list.
fn names(loaded: &str) -> impl Iterator<Item = &str> {
    loaded.lines().filter_map(|line| Some(line.rsplit_once(" (")?.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_list_is_read() {
        let loaded = "/usr/sbin/sshd (enforce)\n/usr/sbin/sshd//passwd (enforce)\nrsyslogd (complain)\n";
        assert_eq!(
            names(loaded).collect::<Vec<_>>(),
            ["/usr/sbin/sshd", "/usr/sbin/sshd//passwd", "rsyslogd"]
        );
    }
}
