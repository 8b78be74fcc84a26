//! The paths of the host that sshd and PAM modules use while the process is in a session's namespace. What is mounted on
//! the way to them is there, too. What is mounted anywhere else may be missing, and then nothing of ours is looked for.
//!
//! sshd's monitor and the modules after ours were traced, in Debian 13 (OpenSSH 10.0) with pam_systemd, pam_lastlog2,
//! pam_wtmpdb, pam_motd, pam_mail, pam_limits, pam_env, pam_loginuid, pam_krb5, nscd and auditd: docs/decisions.md,
//! "A few of the host's mounts".

use crate::sys::namespace::Chosen;
use std::path::{Path, PathBuf};

/// Devices and terminals, /dev/log, and what the kernel says of itself, processes, cgroups and security modules.
const WHOLE: [&str; 3] = ["/dev", "/proc", "/sys"];

/// What a system is, without the data that it holds. Containers mount single files in /etc.
const SYSTEM: [&str; 21] = [
    "/etc",
    "/etc/group",
    "/etc/hosts",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/etc/shadow",
    "/lib",
    "/lib64",
    // dbus, the journal, nscd, utmp.
    "/run",
    // Tickets of Kerberos.
    "/tmp",
    "/usr/bin",
    "/usr/lib",
    // Scripts of pam_exec.
    "/usr/local",
    "/usr/sbin",
    "/usr/share",
    // sssd, and the databases of last logins.
    "/var/lib/sss",
    // wtmp, lastlog.
    "/var/log",
    "/var/mail",
    "/var/tmp",
];

/// `of_account`: the account's directories.
pub(super) fn chosen<'a>(jail_root: &'a Path, of_account: &'a [PathBuf]) -> Chosen<'a> {
    let system = SYSTEM.iter().map(Path::new);
    let paths = system.chain([jail_root]).chain(of_account.iter().map(PathBuf::as_path));
    Chosen { whole: &WHOLE, paths: paths.collect() }
}
