//! A system on which no sshd has been started since the boot, so that sshd's directory of privilege separation is
//! missing.

use super::{REWRITTEN_BY_USERADD, assert_same, etc};
use crate::common::jailed::left_nothing;
use sandbox::Sandbox;

/// A stock system before the first sshd.
fn machine() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("rmdir /run/sshd");
    sb
}

#[test]
fn setup_check_probe_and_undo_work_and_make_no_directory() {
    let sb = machine();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; ! test -e /run/sshd");
    sb.user("anna").group("sftp").add();
    let mounts = sb.mounts();
    sb.sh("sftpjail setup --dry-run");
    // Nobody can log in before it is started; all else was checked.
    let out = sb.try_sh("sftpjail check anna");
    assert!(
        out.stdout.contains("! sshd running   no sshd runs") && out.stdout.contains("✓ sshd chroot"),
        "{out}"
    );
    assert!(!out.stdout.contains("privilege separation"), "{out}");
    let out = sb.sh("sftpjail probe anna");
    assert!(out.stdout.contains("✓ logout") && out.stdout.contains("✓ scp "), "{out}");
    left_nothing(&sb, &mounts);
    sb.sh(
        "not test -e /run/sshd; userdel -r anna 2>/dev/null; sftpjail setup --undo --yes; not test -e /run/sshd",
    );
    assert_same(&before, &etc(&sb), &REWRITTEN_BY_USERADD);
}

#[test]
fn several_at_once_do_not_disturb_each_other() {
    let sb = machine();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    let out = sb.sh(
        "for i in 1 2 3 4; do { sftpjail check anna >/tmp/check$i; echo $? >>/tmp/check$i; } & done
         sftpjail probe anna >/tmp/probe; echo $? >>/tmp/probe; wait; cat /tmp/check* /tmp/probe; ! test -e /run/sshd",
    );
    assert_eq!(out.stdout.matches("✓ sshd chroot").count(), 4, "{out}");
    assert!(out.stdout.contains("✓ logout") && out.stdout.ends_with("\n0\n"), "{out}");
    assert!(!out.stdout.contains("privilege separation"), "{out}");
}

#[test]
fn without_the_right_to_mount_the_fix_is_shown() {
    let sb = machine();
    let out =
        sb.try_sh("setpriv --bounding-set -sys_admin --inh-caps -sys_admin sftpjail setup --yes").failed();
    assert!(
        out.stderr
            .contains("Missing privilege separation directory: /run/sshd; install -d -m 0755 /run/sshd"),
        "{out}"
    );
}

#[test]
fn where_an_sshd_listens_its_missing_directory_is_a_fault() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sh("rmdir /run/sshd");
    // It is true.
    sb.sftp("anna", "pwd\n").failed();
    let out = sb.try_sh("sftpjail check anna");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(
        out.stdout
            .contains("✗ sshd           sshd -T says: Missing privilege separation directory: /run/sshd"),
        "{out}"
    );
    let out = sb.try_sh("sftpjail probe anna");
    assert!(out.code == Some(2) && out.stdout.contains("Missing privilege separation directory"), "{out}");
    sb.sh("install -d -m 0755 /run/sshd");
    sb.sftp("anna", "pwd\n").ok();
    sb.sh("sftpjail check anna; sftpjail probe anna");
}
