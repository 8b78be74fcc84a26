//! What the log says where the kernel denies root something: the security module that is on, and never a file server.

use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Sandbox, wait_until};
use std::time::Duration;

in_both_namespaces!(
    what_is_denied_to_root_names_selinux_where_it_is_enforcing,
    what_is_denied_to_root_names_no_security_module_where_none_is_on,
);

/// Calls of a login, each with an error that a security module gives root for it.
const DENIED: [&str; 3] = ["fsopen:error=EPERM", "move_mount:error=EACCES", "openat2:error=EACCES"];

fn what_is_denied_to_root_names_selinux_where_it_is_enforcing(namespace: Namespace) {
    // The one file of selinuxfs that is asked: this machine's kernel may have no SELinux.
    let enforcing = "mount -t tmpfs tmpfs /sys; mkdir -p /sys/fs/selinux; echo 1 >/sys/fs/selinux/enforce";
    for (call, line) in refused(namespace, enforcing) {
        assert!(line.contains("let SELinux allow it: `sftpjail setup`"), "{call}: {line}");
        assert!(line.contains("ausearch -m avc -ts recent"), "{call}: {line}");
        assert!(!line.contains("NFS") && !line.contains("AppArmor"), "{call}: {line}");
    }
    let permissive = "mount -t tmpfs tmpfs /sys; mkdir -p /sys/fs/selinux; echo 0 >/sys/fs/selinux/enforce";
    for (call, line) in refused(namespace, permissive) {
        assert!(!line.contains("SELinux"), "{call}: {line}");
    }
}

fn what_is_denied_to_root_names_no_security_module_where_none_is_on(namespace: Namespace) {
    for (call, line) in refused(namespace, "true") {
        for other in ["SELinux", "AppArmor", "NFS", "root_squash"] {
            assert!(!line.contains(other), "{call}: {line}");
        }
    }
}

/// The log entries of logins to which each of the calls is denied. `before`: what root does first.
fn refused(namespace: Namespace, before: &str) -> Vec<(&'static str, String)> {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("anna").group("sftp").add();
    install_alone(&sb, "");
    sb.sh(before);
    let refused = DENIED.into_iter().enumerate().map(|(before, call)| {
        let strace = format!("strace -qqo /dev/null -e inject={call}");
        let out = sb.try_sh(&format!("{strace} pam-driver --confdir /etc/alone anna open"));
        assert_ne!(answers(&out, "open"), ["0"], "{call}: {out}");
        let line = wait_until(Duration::from_secs(20), || {
            let log = sb.try_sh("grep -h 'refused user anna' /var/log/auth.log").stdout;
            log.lines().nth(before).map(str::to_owned)
        });
        (call, line.unwrap_or_else(|| panic!("{call}: {out}\n{}", sb.log())))
    });
    refused.collect()
}
