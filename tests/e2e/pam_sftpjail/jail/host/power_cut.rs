//! After a power cut, the directory on which a jail was mounted is on the disk, and everything else is gone.

use super::machine;
use crate::common::jailed::has_only_its_home;
use crate::common::libpam::install_alone;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(the_directory_that_is_left_of_a_jail_refuses_nobody_and_goes_with_the_next_login);

/// What is left of jails of mle's, and of somebody who is no member and of one who does not exist.
fn cut(sb: &Sandbox) {
    sb.sh("mkdir -p -m 700 /jail; mkdir -m 0 /jail/mle /jail/joe /jail/gone");
}

fn the_directory_that_is_left_of_a_jail_refuses_nobody_and_goes_with_the_next_login(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    sb.user("mle").group("sftp").shell("/usr/sbin/nologin").add();
    sb.user("joe").add();
    cut(&sb);
    // Each check names it, and changes nothing.
    let out = sb.sh("sftpjail check mle").stdout;
    let left = "! jail root      /jail/mle is left of a jail that no session is in";
    assert!(out.contains(&format!("{left}\n                 → sftpjail reap\n")), "{out}");
    let out = sb.sh("sftpjail check --all").stdout;
    assert!(
        out.contains(
            "! jail root      /jail/gone, /jail/joe, /jail/mle are left of jails that no session is in"
        ),
        "{out}"
    );
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    let out = sb.sh("sftpjail check mle").stdout;
    assert!(!out.contains("! jail root"), "{out}");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    assert_eq!(sb.sh("ls -A /jail").stdout, "gone\njoe\n");
    sb.ssh("joe", &["true"]).ok();
    // What is not a jail's stays.
    sb.sh("mkdir /jail/ours");
    assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/gone is removed\n✓ /jail/joe is removed\n");
    assert_eq!(
        sb.sh("ls -A /jail; rmdir /jail/ours; sftpjail reap").stdout,
        "ours\nNothing was left behind.\n"
    );
    assert!(!sb.sh("sftpjail check --all").stdout.contains("! jail root"));
}

/// A machine on which a killed session has left a jail in the host's namespace, and which has private namespaces since.
fn left() -> Sandbox {
    let sb = machine();
    let live = sb.sftp_live("mle");
    for pid in [sb.session_monitor("mle"), sb.session_child("mle")] {
        sb.kill(pid, "KILL");
        sb.wait_gone(pid);
    }
    drop(live);
    assert_eq!(sb.sh("findmnt -n -o FSTYPE /jail/mle").stdout, "tmpfs\n");
    sb.sh("rm /etc/sftpjail/config.toml");
    sb
}

#[test]
fn what_a_killed_session_left_in_the_hosts_namespace_refuses_nobody_in_a_private_one() {
    let sb = left();
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(
        sb.sh("ls -A /jail; ls /run/sftpjail/mle").stdout.lines().count(),
        1,
        "the record of the new one"
    );
    assert_eq!(live.quit(), Some(0));
}

/// By the record, a login knows that sshd could serve the jail where the module builds none.
#[test]
fn what_cannot_be_removed_keeps_its_record() {
    let sb = left();
    install_alone(&sb, "");
    let record = sb.sh("ls /run/sftpjail/mle").stdout;
    sb.sh("strace -qqo /dev/null -e inject=umount2:error=EBUSY pam-driver --confdir /etc/alone mle open");
    sb.wait_for_log("the jail that is left of user mle: umount2(/jail/mle): ");
    sb.sh(&format!("findmnt /jail/mle; ls /run/sftpjail/mle/{record}"));
    let out = sb.try_sh("strace -fqqo /dev/null -e inject=fgetxattr:error=EIO sftpjail reap");
    assert!(out.stdout.starts_with("✗ /jail/mle cannot be removed: ") && out.code == Some(1), "{out}");
    sb.sh(&format!("findmnt /jail/mle; ls /run/sftpjail/mle/{record}"));
    sb.sh("echo no >/etc/sftpjail/config.toml");
    sb.sftp("mle", "pwd\n").failed();
    sb.wait_for_log("refused user mle");
    sb.sh("rm /etc/sftpjail/config.toml");
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_logouts();
    assert_eq!(sb.sh("ls -A /jail; find /run/sftpjail -mindepth 1").stdout, "");
}
