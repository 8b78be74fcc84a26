//! Whether sshd can chroot users to a directory.

use nix::errno::Errno;
use nix::sys::stat::{SFlag, stat};
use nix::unistd::geteuid;
use pam_sftpjail::escape::escaped;
use std::path::Path;

/// Why sshd refuses to chroot users to this path, as safely_chroot in OpenSSH's session.c: a clause. `None`: it does
/// not, or only root can see it.
pub(crate) fn refusal(path: &Path) -> Option<String> {
    if !path.is_absolute() {
        return Some(format!("{} is not an absolute path", escaped(path)));
    }
    let mut components: Vec<_> = path.ancestors().collect();
    components.reverse();
    components.into_iter().find_map(|component| {
        let shown = escaped(component);
        let stat = match stat(component) {
            Ok(stat) => stat,
            Err(Errno::EACCES) if !geteuid().is_root() => return None,
            Err(errno) => return Some(format!("{shown}: {}", errno.desc())),
        };
        let is_directory = SFlag::from_bits_truncate(stat.st_mode & SFlag::S_IFMT.bits()) == SFlag::S_IFDIR;
        match stat.st_uid == 0 && stat.st_mode & 0o022 == 0 {
            false => Some(format!("{shown} is not owned by root and writable by nobody else")),
            true => (!is_directory).then(|| format!("{shown} is not a directory")),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_root_can_change_is_accepted() {
        assert_eq!(refusal(Path::new("/usr/bin")), None);
        for (path, expected) in [
            ("usr", "usr is not an absolute path"),
            ("/tmp/x", "/tmp is not owned by root and writable by nobody else"),
            ("/etc/passwd", "/etc/passwd is not a directory"),
            ("/usr/none", "/usr/none: No such file or directory"),
        ] {
            assert_eq!(refusal(Path::new(path)).as_deref(), Some(expected), "{path}");
        }
    }
}
