//! Logins beside others of the same user that are half way in or out, dead, stuck, or very many.

use super::{leave, machine, mounted, nobody_is_in};
use crate::common::libpam::{IGNORED, alone, code, install_alone};
use sandbox::{LiveSftp, Sandbox, end};
use std::process::{Child, Stdio};

const DRIVER: &str = "pam-driver --confdir /etc/alone mle";

/// Leaves the jail of a session behind whose process is killed.
fn leave_behind(sb: &Sandbox) {
    let mut driver = held(sb, &format!("exec {DRIVER} open wait"));
    sb.sh("for i in $(seq 500); do [ -e /jail/mle/home/mle/.ssh ] && exit 0; sleep 0.02; done; exit 1");
    end(&mut driver);
    assert_eq!(mounted(sb).len(), 4, "it is left behind");
}

fn held(sb: &Sandbox, script: &str) -> Child {
    sb.command("sh")
        .args(["-c", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sandbox-enter runs")
}

#[test]
fn a_login_is_let_in_beside_one_that_is_half_way_in_or_out() {
    let sb = machine();
    install_alone(&sb, "");
    for (call, when) in [
        ("fsopen", "enter"),
        ("move_mount", "enter"),
        ("mount_setattr", "exit"),
        ("umount2", "exit"),
        ("unlinkat", "enter"),
    ] {
        let slow = held(
            &sb,
            &format!(
                "exec strace -qqo /tmp/trace -e trace={call} -e inject={call}:delay_{when}=300000 {DRIVER} open close"
            ),
        );
        for _ in 0..20 {
            let out = sb.sh(&format!("{DRIVER} account"));
            assert_eq!(code(&out, "account"), "0", "{call}: {}", sb.log());
        }
        let out = slow.wait_with_output().expect("it ends");
        assert_eq!(String::from_utf8_lossy(&out.stdout), "open 0\nclose 0\n", "{call}");
        nobody_is_in(&sb);
    }
}

#[test]
fn a_volume_that_its_owner_has_closed_is_still_the_same() {
    let sb = machine();
    let volume = "[[profile]]\nname = \"v\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"/srv/%u\"\n\
                  target = \"/uploads\"\ncreate = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n";
    sb.configure(volume);
    let mut live: LiveSftp = sb.sftp_live("mle");
    live.send("chmod 000 /uploads");
    assert_eq!(sb.sh("stat -c '%a %U' /srv/mle").stdout, "0 mle\n");
    sb.sftp("mle", "ls\n").ok();
    sb.wait_for_log("session closed for user mle(");
    leave(&sb, "mle", live);
    nobody_is_in(&sb);
}

#[test]
fn who_has_more_sessions_than_a_process_has_descriptors_can_open_another() {
    let sb = machine();
    install_alone(&sb, "");
    let mut crowd: Vec<_> = (0..50).map(|_| held(&sb, &format!("exec {DRIVER} open wait close"))).collect();
    sb.sh("for i in $(seq 500); do [ $(ls /run/sftpjail/mle | wc -l) = 50 ] && exit 0; sleep 0.02; done; exit 1");
    let out = sb.sh(&format!("{DRIVER} nofile=40 account open close"));
    assert_eq!(out.stdout, "account 0\nopen 0\nclose 0\n", "{}", sb.log());
    assert_eq!(sb.sh("ulimit -n 40; sftpjail reap").stdout, "Nothing was left behind.\n");
    assert_eq!(sb.sh("ulimit -n 40; sftpjail list | wc -l").stdout, "51\n");
    for driver in &mut crowd {
        drop(driver.stdin.take());
    }
    for driver in crowd {
        driver.wait_with_output().expect("it ends");
    }
    nobody_is_in(&sb);
}

#[test]
fn reap_goes_on_where_one_user_is_stuck_or_a_stray_file_lies() {
    let sb = machine();
    install_alone(&sb, "");
    leave_behind(&sb);
    sb.sh("mkdir -m 700 /run/sftpjail/a-user; touch /run/sftpjail/a-file");
    let mut stuck = held(&sb, "exec flock /run/sftpjail/a-user cat");
    sb.sh("for i in $(seq 500); do flock -n /run/sftpjail/a-user true || exit 0; sleep 0.02; done; exit 1");
    let out = sb.try_sh("sftpjail reap").failed();
    assert!(out.stdout.contains("✓ /jail/mle is removed\n"), "{out}");
    assert!(out.stdout.contains("/run/sftpjail/a-user has been locked"), "{out}");
    end(&mut stuck);
    assert_eq!(mounted(&sb), ["/jail"]);
}

/// As sshd would serve from it whom the module ignores.
#[test]
fn a_jail_that_a_failed_login_left_alone_is_still_known_when_the_configuration_breaks() {
    let sb = machine();
    install_alone(&sb, "");
    leave_behind(&sb);
    // Fails before it has cleared what was left.
    let out = sb.sh(&format!("strace -qqo /dev/null -e inject=umount2:error=EIO:when=1 {DRIVER} open"));
    assert_eq!(code(&out, "open"), "14");
    assert_eq!(mounted(&sb).len(), 4, "it is still there");
    sb.sh("cp /etc/sftpjail/config.toml /root/sound; echo broken >> /etc/sftpjail/config.toml");
    let out = alone(&sb, "mle", &["account", "open"]);
    assert_eq!((code(&out, "account"), code(&out, "open")), ("6".into(), "14".into()), "{}", sb.log());
    sb.sh(
        "cp /root/sound /etc/sftpjail/config.toml; sftpjail reap; echo broken >> /etc/sftpjail/config.toml",
    );
    nobody_is_in(&sb);
    assert_eq!(code(&alone(&sb, "mle", &["account"]), "account"), IGNORED);
}

#[test]
fn who_is_a_member_no_more_finds_no_jail_of_before() {
    let sb = machine();
    install_alone(&sb, "");
    leave_behind(&sb);
    // sshd still chroots the group sftp.
    sb.configure("[[profile]]\nname = \"other\"\ngroups = [\"root\"]\n");
    sb.sftp("mle", "ls\n").failed();
    nobody_is_in(&sb);
    assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), IGNORED);
}

#[test]
fn nobody_else_can_hold_the_lock_of_the_jail_root() {
    let sb = machine();
    sb.sh("mkdir -m 744 /jail");
    sb.sftp("mle", "ls\n").failed();
    sb.wait_for_log("fix: if it is only for jails, then: chmod go-rx /jail");
    sb.sh("chmod go-rx /jail");
    sb.sftp("mle", "ls\n").ok();
}
