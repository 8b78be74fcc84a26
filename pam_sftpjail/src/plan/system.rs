//! Says which directories belong to the system. No home, no source and no target may be there. It only
//! compares paths.

use crate::escape::escaped;
use crate::path::Normalised;
use std::path::Path;

/// No home and no source may be below these: a jail with one would show the system, or let members change
/// it. No target may be there either: sshd's process in the jail, libc and NSS read code and settings from
/// there, and they would run or trust a member's files.
const SYSTEM: [&str; 18] = [
    "bin", "boot", "dev", "etc", "gnu", "lib", "lib32", "lib64", "libilp32", "libo32", "libx32", "nix",
    "proc", "run", "sbin", "selinux", "sys", "usr",
];

/// Below /var, these are for the sockets, caches and databases of nscd, nslcd, SSSD, nss_db and ld.so. No
/// target may be there. Homes may, as those of services are.
const OF_VAR: [&str; 8] = ["cache", "db", "empty", "lib", "lock", "opt", "run", "yp"];

/// Why no home and no source may be at `path`: the rest of a sentence about it. `None`: it may.
pub(super) fn forbidden(jail_root: &Normalised, path: &Normalised) -> Option<String> {
    let first = path.components().first()?;
    if SYSTEM.iter().any(|system| first == *system) {
        return Some(format!("is in the system directory /{}", Path::new(first).display()));
    }
    path.overlaps(jail_root).then(|| format!("overlaps the jail root {}", escaped(&jail_root.absolute())))
}

/// Why no volume may be mounted at `path` of a jail: the rest of a sentence about the volume. `None`: it
/// may.
pub(super) fn forbidden_target(path: &Normalised) -> Option<String> {
    let mut components = path.components().iter();
    let first = components.next()?;
    let is_system = SYSTEM.iter().any(|system| first == *system);
    let is_of_var = first == "var"
        && components.next().is_none_or(|second| OF_VAR.iter().any(|system| second == *system));
    (is_system || is_of_var).then(|| {
        format!(
            "would be in /{}, where sshd's process in the jail looks for code and settings of the system",
            Path::new(first).display()
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(path: &str) -> Normalised {
        Normalised::parse(path.as_ref()).unwrap()
    }

    fn forbidden_home(home: &str) -> Option<String> {
        forbidden(&parsed("/srv/jail"), &parsed(home))
    }

    #[test]
    fn no_home_may_be_in_the_system_or_overlap_the_jail_root() {
        for home in [
            "/etc",
            "/usr/share",
            "/lib64/x",
            "/nix/store",
            "/proc/1/root",
            "/run/user/5",
            "/srv/jail/x",
            "/srv",
            "/srv/jail",
        ] {
            assert!(forbidden_home(home).is_some(), "{home}");
        }
        for home in ["/home/etc", "/var/lib/x", "/library/x", "/srv/jails", "/root", "/opt/u"] {
            assert_eq!(forbidden_home(home), None, "{home}");
        }
    }

    #[test]
    fn no_target_may_be_where_sshd_looks_for_code_or_settings() {
        for system in SYSTEM {
            assert!(forbidden_target(&parsed(&format!("/{system}"))).is_some(), "{system}");
            assert!(forbidden_target(&parsed(&format!("/{system}/a/b"))).is_some(), "{system}");
        }
        for target in ["/var", "/var/run/nscd", "/var/lib/sss/pipes", "/var/db", "/var/cache/ldconfig/x"] {
            assert!(forbidden_target(&parsed(target)).is_some(), "{target}");
        }
        for target in
            ["/uploads", "/srv/etc", "/var/www", "/var/log/app", "/opt/x", "/mnt", "/library", "/data/lib"]
        {
            assert_eq!(forbidden_target(&parsed(target)), None, "{target}");
        }
    }
}
