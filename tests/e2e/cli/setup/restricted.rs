//! A running sshd that the kernel does not let build jails: setup would lock all members out.

use super::super::check::sshd::running::{filtered, forbidding};
use super::{NOTHING, assert_same, etc};
use sandbox::Sandbox;

/// unshare(2).
const UNSHARE: i64 = if cfg!(target_arch = "x86_64") { 272 } else { 97 };

/// A stock machine whose sshd is started by this shell script, which must execute `"$@"`.
fn machine(script: &str) -> Sandbox {
    let sb = Sandbox::stock();
    sb.write_mode("/usr/local/sbin/start", format!("#!/bin/sh\n{script}\n"), 0o755);
    sb.sshd_as("/usr/local/sbin/start /usr/sbin/sshd -D");
    sb
}

/// Mounts something at /home and becomes sshd.
fn with_home(mount: &str) -> String {
    format!("exec unshare -m sh -c '{mount} && exec \"$@\"' sh \"$@\"")
}

const WITHOUT_ADMIN: &str = "exec setpriv --bounding-set=-sys_admin \"$@\"";

/// Everything that setup could change.
fn state(sb: &Sandbox) -> String {
    let beside = "ls -ld --time-style=full-iso /jail /var/lib/sftpjail /run/sftpjail 2>&1; cat /proc/mounts";
    etc(sb) + &sb.try_sh(beside).stdout
}

#[test]
fn setup_stops_before_it_changes_anything() {
    let eperm = 0x0005_0000 | 1;
    for (script, member, expected) in [
        (WITHOUT_ADMIN.to_owned(), false, "it lacks CAP_SYS_ADMIN"),
        ("exec setpriv --bounding-set=-sys_chroot \"$@\"".to_owned(), false, "it lacks CAP_SYS_CHROOT"),
        (filtered(&forbidding(UNSHARE, eperm)), false, "seccomp filters forbid it system calls"),
        (
            with_home("mount -t tmpfs -o mode=0 none /home"),
            true,
            "/home/anna cannot be used: it does not exist; it has mounts of its own",
        ),
    ] {
        let sb = machine(&script);
        if member {
            sb.user("anna").group("sftp").add();
        }
        let before = state(&sb);
        for option in ["--dry-run", "--yes"] {
            let out = sb.try_sh(&format!("sftpjail setup {option}"));
            assert_eq!(out.code, Some(1), "{script}\n{out}");
            assert!(out.stderr.starts_with("sftpjail: sshd (pid "), "{out}");
            let start = "port 22) cannot let a member into a jail: ";
            assert!(out.stderr.contains(start) && out.stderr.contains(expected), "{script}\n{out}");
            assert!(out.stderr.ends_with("; start sshd without that restriction\n"), "{out}");
            assert!(!out.stdout.contains("Next:"), "{out}");
        }
        assert_same(&before, &state(&sb), &[]);
        // It is true, and check says the same.
        sb.sh("sftpjail setup --yes --accept-refused");
        if !member {
            sb.user("anna").group("sftp").add();
        }
        let out = sb.try_sh("sftpjail check anna");
        let said = out.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(out.code == Some(1) && said.contains(expected), "{out}");
        sb.sftp("anna", "pwd\n").failed();
    }
}

#[test]
fn restrictions_that_jails_do_not_need_and_those_that_are_accepted_let_setup_go_on() {
    let sb = machine("exec setpriv --bounding-set=-sys_time,-sys_module \"$@\"");
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail setup --yes");
    sb.sftp("anna", "pwd\n").ok();

    // A session can do as little there without a jail.
    let sb = machine(&with_home("mount --bind /home /home && mount -o remount,ro,bind /home"));
    sb.user("anna").group("sftp").add();
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("/home/anna is read-only in it; it has mounts of its own"), "{out}");
    assert!(out.stdout.lines().any(|line| line.starts_with("Note: sshd (pid ")), "{out}");

    let sb = machine(WITHOUT_ADMIN);
    let out = sb.sh("sftpjail setup --yes --accept-refused");
    assert!(
        out.stdout.contains("Note: sshd (pid ") && out.stdout.contains("it lacks CAP_SYS_ADMIN"),
        "{out}"
    );
    // Where nothing is left to do, nothing is stopped.
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains(NOTHING.lines().next().unwrap_or_default()), "{out}");
    assert!(
        out.stdout.contains("Note: sshd (pid ") && out.stdout.contains("it lacks CAP_SYS_ADMIN"),
        "{out}"
    );
}

#[test]
fn each_of_several_sshds_is_tried() {
    let sb = Sandbox::stock();
    sb.sshd();
    sb.sh("setpriv --bounding-set=-sys_admin /usr/sbin/sshd -p 2222 -o PidFile=/run/b.pid
           for i in $(seq 200); do ss -ltn | grep -q :2222 && exit; sleep 0.02; done; exit 1");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("port 2222) cannot let a member into a jail: "), "{out}");
}
