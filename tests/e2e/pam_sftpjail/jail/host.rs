//! `namespace = "host"`: one jail for all sessions of a user, in the host's mount namespace.

mod left;
mod own_mounts;
mod power_cut;
mod races;

use crate::common::jailed::{has_only_its_home, names, works_in};
use crate::common::libpam::{code, install_alone};
use sandbox::{LiveSftp, Namespace, Sandbox, end};
use std::process::Stdio;

/// A machine on which jails are in the host's namespace, with the member mle.
fn machine() -> Sandbox {
    let sb = Sandbox::in_namespace(Namespace::Host);
    sb.user("mle").group("sftp").add();
    sb
}

/// The mount points at and below the jail root, in order.
fn mounted(sb: &Sandbox) -> Vec<String> {
    let lines = sb.mounts();
    let point = |line: &String| line.split(' ').nth(4).unwrap_or("").to_owned();
    lines.iter().map(point).filter(|point| point.starts_with("/jail")).collect()
}

/// Nobody is in, and nothing is left but the jail root, a mount of its own.
#[track_caller]
fn nobody_is_in(sb: &Sandbox) {
    assert_eq!(mounted(sb), ["/jail"]);
    assert_eq!(sb.sh("ls -A /jail; find /run/sftpjail -mindepth 1").stdout, "");
}

#[track_caller]
fn leave(sb: &Sandbox, user: &str, live: LiveSftp) {
    let line = format!("session closed for user {user}(");
    // The end of an earlier one may not be in the log yet. A killed one has none.
    sb.sh(&format!(
        "for i in $(seq 50); do
             opened=$(grep -c 'session opened for user {user}(' /var/log/auth.log)
             live=$(find /run/sftpjail/{user} -type f | wc -l)
             [ $((opened - live)) = $(grep -c '{line}' /var/log/auth.log) ] && exit 0
             sleep 0.02
         done
         exit 0"
    ));
    let closed = sb.log_lines(&line).len();
    assert_eq!(live.quit(), Some(0));
    sb.sh(&format!(
        "for i in $(seq 500); do [ $(grep -c '{line}' /var/log/auth.log) -gt {closed} ] && exit 0; sleep 0.02; done; exit 1"
    ));
}

/// When the jail was built, the home had no directory for it.
#[test]
fn the_log_names_no_volume_that_a_shared_jail_does_not_have() {
    let sb = machine();
    sb.sh("install -d -m 777 /srv/data");
    sb.configure(
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/srv/data\"\ntarget = \"%h/in\"\n",
    );
    let first = sb.sftp_live("mle");
    sb.sh("install -d -o mle /home/mle/in");
    let second = sb.sftp_live("mle");
    leave(&sb, "mle", second);
    leave(&sb, "mle", first);
    leave(&sb, "mle", sb.sftp_live("mle"));
    let opened = sb.log_lines("pam_sftpjail(sshd:session): session opened for user mle(");
    let has_volume: Vec<_> =
        opened.iter().map(|line| line.contains(" volumes=1 volume=/home/mle/in ")).collect();
    assert_eq!(has_volume, [false, false, true], "{opened:?}");
}

#[test]
fn the_first_session_mounts_later_ones_share_and_the_last_unmounts() {
    let sb = machine();
    let mut first = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut first, "/home/mle");
    let alone = mounted(&sb);
    assert_eq!(alone, ["/jail", "/jail/mle", "/jail/mle/home/mle", "/jail/mle/dev/log"]);
    // Of the host's namespace, so that others of its processes see it.
    assert_eq!(sb.sh("ls -A /jail/mle/home/mle/letter").stdout, "/jail/mle/home/mle/letter\n");

    let mut second = sb.sftp_live("mle");
    assert_eq!(mounted(&sb), alone);
    works_in(&sb, &mut second, "/home/mle");
    assert_eq!(sb.sh("ls /run/sftpjail/mle | wc -l").stdout, "2\n");

    leave(&sb, "mle", first);
    assert_eq!(mounted(&sb), alone);
    has_only_its_home(&sb, &mut second, "/home/mle");
    leave(&sb, "mle", second);
    nobody_is_in(&sb);
    works_in(&sb, &mut sb.sftp_live("mle"), "/home/mle");
}

#[test]
fn the_jail_root_is_a_private_mount_that_nobody_else_can_enter() {
    let sb = machine();
    let live = sb.sftp_live("mle");
    for point in ["/jail", "/jail/mle"] {
        let line =
            sb.mounts().into_iter().find(|line| line.contains(&format!(" {point} "))).expect("mounted");
        assert!(!line.contains("shared:") && !line.contains("master:"), "{line}");
    }
    assert_eq!(sb.sh("stat -c '%a %u' /jail /jail/mle").stdout, "700 0\n755 0\n");
    sb.user("joe").add();
    sb.sh("setpriv --reuid joe --regid joe --clear-groups ls /jail/mle 2>&1 | grep 'Permission denied'");
    // A service in a namespace of its own gets nothing of a jail that is made later, and keeps none.
    let service = "unshare -m --propagation slave sh -c 'touch /tmp/ready; read line; grep -c \" /jail/\" /proc/self/mountinfo'";
    let mut service = sb
        .command("sh")
        .args(["-c", service])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("sandbox-enter runs");
    sb.sh("for i in $(seq 500); do [ -e /tmp/ready ] && exit 0; sleep 0.02; done; exit 1");
    sb.user("kim").group("sftp").add();
    let kim = sb.sftp_live("kim");
    leave(&sb, "kim", kim);
    leave(&sb, "mle", live);
    nobody_is_in(&sb);
    drop(service.stdin.take());
    let seen = service.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&seen.stdout), "0\n");
}

#[test]
fn a_changed_home_or_profile_is_refused_until_the_old_sessions_end() {
    let sb = machine();
    sb.sh("echo mle:secret | chpasswd; groupadd other");
    let other = "[[profile]]\nname = \"other\"\ngroups = [\"sftp\"]\n";
    for (what, change, undo, told) in [
        (
            "a home elsewhere",
            "usermod -d /home/mle/other mle",
            "usermod -d /home/mle mle",
            "home \"home/mle/other\"",
        ),
        (
            "another directory",
            "mv /home/mle /home/away; cp -a /home/away /home/mle",
            "rm -r /home/mle; mv /home/away /home/mle",
            "home \"home/mle\"",
        ),
        ("another gid", "usermod -g other mle", "usermod -g mle mle", "gid"),
        (
            "another profile",
            &format!("printf '{}' >> /etc/sftpjail/config.toml", other.replace('\n', "\\n")),
            "sed -i '2,$d' /etc/sftpjail/config.toml",
            "profile \"other\"",
        ),
        (
            "another jail root",
            "echo 'jail_root = \"/srv/jail\"' >> /etc/sftpjail/config.toml",
            "sed -i '2,$d' /etc/sftpjail/config.toml",
            "no jail is mounted at /srv/jail/mle",
        ),
    ] {
        sb.sh("mkdir -p /home/mle/other; chown mle /home/mle/other");
        let login = sb.login("mle").password("secret");
        let mut old = login.live();
        sb.sh(change);
        let out = login.sftp("ls\n").failed();
        assert!(out.stderr.contains("your older connections are open"), "{what}: {out}");
        sb.sh(&format!(
            "for i in $(seq 500); do grep 'sftpjail(sshd:account): refused user mle ' /var/log/auth.log | tail -n 1 | grep -qF '{told}' && exit 0; sleep 0.02; done; exit 1"
        ));
        assert!(sb.try_sh("sftpjail check mle").stdout.contains("! sessions"), "{what}");
        assert!(!names(&mut old, "/home").is_empty(), "the old session goes on");
        leave(&sb, "mle", old);
        sb.sh(undo);
        login.sftp("ls\n").ok();
    }
}

#[test]
fn what_serves_listings_only_may_change() {
    let sb = machine();
    let _old = sb.sftp_live("mle");
    sb.sh("groupadd more; usermod -aG more mle; ln -sf /usr/share/zoneinfo/Asia/Tokyo /etc/localtime");
    works_in(&sb, &mut sb.sftp_live("mle"), "/home/mle");
}

#[test]
fn sessions_that_share_a_jail_get_the_new_socket_of_a_restarted_syslog() {
    let sb = machine();
    let mut old = sb.sftp_live("mle");
    sb.restart_syslog();
    let mut new = sb.sftp_live("mle");
    new.send("mkdir made-by-the-new");
    sb.wait_for_log("mkdir name \"/home/mle/made-by-the-new\"");
    old.send("mkdir made-by-the-old");
    sb.wait_for_log("mkdir name \"/home/mle/made-by-the-old\"");
}

#[test]
fn a_killed_monitor_does_not_take_the_jail_from_its_child_or_from_others() {
    let sb = machine();
    let mut first = sb.sftp_live("mle");
    let monitor = sb.session_monitor("mle");
    sb.sh(&format!("kill -9 {monitor}"));
    sb.wait_gone(monitor);
    // Its child serves on, with the lock; others come and go.
    assert_eq!(names(&mut first, "/home"), ["mle"]);
    let mut second = sb.sftp_live("mle");
    works_in(&sb, &mut second, "/home/mle");
    leave(&sb, "mle", second);
    assert_eq!(names(&mut first, "/home"), ["mle"], "still mounted");
    assert_eq!(sb.sh("sftpjail reap").stdout, "Nothing was left behind.\n");
    drop(first);
    // Nobody is there to close it.
    sb.sh("for i in $(seq 500); do sftpjail reap | grep -q removed && exit 0; sleep 0.02; done; exit 1");
    nobody_is_in(&sb);
}

#[test]
fn what_a_killed_session_left_is_cleared_by_the_next_login_or_by_reap() {
    let sb = machine();
    install_alone(&sb, "");
    for round in 0..4 {
        let mut driver = sb
            .command("pam-driver")
            .args(["--confdir", "/etc/alone", "mle", "open", "ls=/jail", "wait"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("sandbox-enter runs");
        sb.sh("for i in $(seq 500); do [ -e /jail/mle/home/mle/.ssh ] && exit 0; sleep 0.02; done; exit 1");
        end(&mut driver);
        assert_eq!(mounted(&sb).len(), 4, "it is left behind");
        if round % 2 == 0 {
            assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/mle is removed\n");
        } else {
            // A jail that is left behind is not shared, even with other terms than today's.
            sb.sh("mv /home/mle /home/away; cp -a /home/away /home/mle; rm -r /home/away");
            works_in(&sb, &mut sb.sftp_live("mle"), "/home/mle");
            sb.wait_for_log("session closed for user mle(");
        }
        sb.sh("for i in $(seq 500); do [ -e /jail/mle ] || exit 0; sleep 0.02; done; exit 1");
        nobody_is_in(&sb);
    }
    // Between mkdir and mount.
    sb.sh("mkdir -m 0 /jail/mle");
    assert_eq!(sb.sh("sftpjail reap").stdout, "✓ /jail/mle is removed\n");
    sb.sh("mkdir -m 0 /jail/mle");
    sb.sftp("mle", "ls\n").ok();
}

#[test]
fn what_is_not_ours_is_neither_used_nor_removed() {
    let sb = machine();
    sb.sh("mkdir -p -m 700 /jail; mkdir -m 755 /jail/mle; echo kept > /jail/mle/file; mkdir /jail/empty");
    sb.sh("mkdir /jail/other; mount -t tmpfs other /jail/other");
    sb.sftp("mle", "ls\n").failed();
    sb.wait_for_log("/jail/mle is in the place of the jail");
    assert_eq!(
        sb.sh("sftpjail reap; cat /jail/mle/file; ls /jail").stdout,
        "Nothing was left behind.\nkept\nempty\nmle\nother\n"
    );
    sb.sh("mv /jail/mle /jail/moved");
    works_in(&sb, &mut sb.sftp_live("mle"), "/home/mle");
    assert_eq!(
        sb.sh("ls /jail/moved; findmnt -n -o FSTYPE /jail/other | uniq").stdout,
        "file\ntmpfs\n",
        "what was mounted there still is"
    );
}

#[test]
fn a_jail_root_that_others_can_enter_would_open_homes_to_them() {
    let sb = machine();
    sb.sh("mkdir -m 711 /jail");
    let out = sb.sftp("mle", "ls\n").failed();
    assert!(out.stderr.contains("because of a problem on this server"), "{out}");
    assert!(
        sb.wait_for_log("/jail can be entered or read by others than root")
            .ends_with("fix: if it is only for jails, then: chmod go-rx /jail")
    );
    sb.sh("chmod go-rx /jail");
    sb.sftp("mle", "ls\n").ok();
}

#[test]
fn a_broken_configuration_does_not_serve_anybody_from_a_jail_of_before() {
    let sb = machine();
    sb.user("joe").add();
    let mut live = sb.sftp_live("mle");
    sb.sh("cp /etc/sftpjail/config.toml /root/sound; echo broken >> /etc/sftpjail/config.toml");
    sb.sftp("mle", "ls\n").failed();
    sb.wait_for_log("sshd would put the user into the jail of older sessions");
    sb.ssh("joe", &["true"]).ok();
    assert!(!names(&mut live, "/home/mle").is_empty(), "who is in stays in");
    sb.sh("cp /root/sound /etc/sftpjail/config.toml");
    sb.sftp("mle", "ls\n").ok();
}

#[test]
fn without_attributes_on_a_tmpfs_the_log_says_to_use_private_namespaces() {
    let sb = machine();
    install_alone(&sb, "");
    // In an unprivileged container, or without CONFIG_TMPFS_XATTR.
    for error in ["EPERM", "EOPNOTSUPP"] {
        sb.sh(&format!(
            "strace -qqo /dev/null -e inject=fsetxattr:error={error} pam-driver --confdir /etc/alone mle open"
        ));
    }
    sb.wait_for_log("Operation not permitted; fix: set namespace = \"private\"");
    sb.wait_for_log("not supported on transport endpoint; fix: set namespace = \"private\"");
}

#[test]
fn back_to_private_a_login_is_refused_while_sessions_from_before_are_live() {
    let sb = machine();
    let live = sb.sftp_live("mle");
    sb.sh("rm /etc/sftpjail/config.toml");
    sb.sftp("mle", "ls\n").failed();
    sb.wait_for_log("theirs is /jail/mle, from when the configuration had namespace = \"host\"");
    leave(&sb, "mle", live);
    works_in(&sb, &mut sb.sftp_live("mle"), "/home/mle");
}

/// Where sshd counts refusals of the account hook, only the session hook asks.
#[test]
fn back_to_private_the_session_hook_refuses_too_and_serves_nobody_without_a_record() {
    let sb = machine();
    let live = sb.sftp_live("mle");
    sb.sh("rm /etc/sftpjail/config.toml");
    install_alone(&sb, "");
    sb.sh("cp /usr/local/sbin/pam-driver /usr/local/sbin/sshd-session");
    let out = sb.sh("sshd-session --confdir /etc/alone mle account open");
    assert_eq!((code(&out, "account"), code(&out, "open")), ("0".into(), "14".into()), "{out}");
    let line = sb.wait_for_log("(sshd:session): refused user mle ");
    assert!(line.contains("theirs is /jail/mle, from when the configuration had namespace"), "{line}");
    assert_eq!(sb.log_lines("no record of a session"), [""; 0]);
    leave(&sb, "mle", live);
    let out = sb.sh("sshd-session --confdir /etc/alone mle account open close");
    assert_eq!(code(&out, "open"), "0", "{out}");
}

#[test]
fn a_full_jail_root_refuses_in_the_account_phase_where_the_user_can_be_told() {
    let sb = machine();
    sb.sh("mkdir -m 700 /jail; mount -t tmpfs -o nr_inodes=2,mode=700 none /jail");
    let live = sb.sftp_live("mle");
    // The jail is there already: a second session makes no directory.
    sb.sftp("mle", "pwd\n").ok();
    leave(&sb, "mle", live);
    sb.sh("touch /jail/full");
    let out = sb.sftp("mle", "pwd\n").failed();
    assert!(out.stderr.contains("because of a problem on this server"), "{out}");
    let line = sb.wait_for_log("(sshd:account): refused user mle");
    assert!(line.contains("building the jail failed: mkdirat(/jail/mle): No space left on device"), "{line}");
    assert!(line.ends_with("; fix: make room on that filesystem: space, inodes and root's quota"), "{line}");
    sb.sh("rm /jail/full");
    sb.sftp("mle", "pwd\n").ok();
}
