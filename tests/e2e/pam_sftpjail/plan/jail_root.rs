//! Where the jail root is, and whose.

mod refused;

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{left_nothing, left_nothing_below};
use crate::common::libpam::{alone, code};
use crate::pam_sftpjail::config::{is_jailed, machine_in};

in_both_namespaces!(a_jail_root_elsewhere, a_missing_jail_root_is_made_for_root_alone_whatever_the_umask);

/// What README tells an admin to change for another jail root.
fn chroot_below(sb: &Sandbox, root: &str) {
    let script = "sed -i \"s|ChrootDirectory /jail|ChrootDirectory $1|\" /etc/ssh/sshd_config";
    sb.script(script, &[root], b"").ok();
    sb.restart_sshd();
}

fn a_jail_root_elsewhere(namespace: Namespace) {
    let sb = machine_in(namespace);
    sb.sh("mkdir -p /srv/sftp");
    sb.configure("jail_root = \"/srv/sftp//jail/\"\n");
    chroot_below(&sb, "/srv/sftp/jail");
    let before = sb.mounts();
    is_jailed(&sb, "mle");
    left_nothing_below(&sb, "/srv/sftp/jail", &before);
    assert_eq!(sb.sh("stat -c %A:%u:%g /srv/sftp/jail").stdout, "drwx------:0:0\n");
    sb.sh("test ! -e /jail");
}

fn a_missing_jail_root_is_made_for_root_alone_whatever_the_umask(namespace: Namespace) {
    let sb = machine_in(namespace);
    let before = sb.mounts();
    for umask in ["000", "022", "077", "777"] {
        let step = format!("umask={umask}");
        let out = alone(&sb, "mle", &[&step, "account", "open", "close", "state"]);
        assert_eq!(code(&out, "open"), "0", "umask {umask}");
        assert!(out.stdout.contains(&format!("state umask {umask}\n")), "{out}");
        assert_eq!(sb.sh("stat -c %A:%u:%g /jail").stdout, "drwx------:0:0\n", "umask {umask}");
        left_nothing(&sb, &before);
        // Where the jails are in the host's namespace, it is a mount of its own.
        sb.sh("umount /jail 2>/dev/null || :; rmdir /jail");
    }
}
