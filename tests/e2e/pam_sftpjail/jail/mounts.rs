//! Filesystems at and below a home, and what a session makes of them.

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{has_only_its_home, left_nothing, names, sees_only};
use crate::common::mount_table::{of_jail, places};

in_both_namespaces!(
    a_submount_from_before_the_login_is_usable_and_can_run_nothing,
    what_the_host_mounts_during_a_session_appears_and_goes,
    a_home_may_be_a_filesystem_of_its_own,
    a_mount_namespace_that_a_service_makes_during_a_session_keeps_nothing_of_it,
    a_disk_that_root_unmounts_is_in_use_until_the_sessions_end,
);

/// Mounts a filesystem of the user mle's at a directory of the host.
fn mount(sb: &Sandbox, directory: &str) {
    let make = "mkdir -p \"$1\"; mount -t tmpfs -o mode=0755,uid=mle,gid=mle disk \"$1\"";
    sb.script(make, &[directory], b"").ok();
}

fn a_submount_from_before_the_login_is_usable_and_can_run_nothing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    mount(&sb, "/home/mle/disk");
    mount(&sb, "/home/mle/disk/inner");
    let before = sb.mounts();
    // What is missing on the host's own mounts is the module's work.
    assert!(!before.iter().any(|line| line.contains(" /home/") && line.contains("noexec")), "{before:#?}");

    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    live.send("put /tmp/letter disk/inner/letter");
    assert_eq!(sb.read_text("/home/mle/disk/inner/letter"), "/home/mle is where I live\n");

    let mounts = of_jail(&sb, "mle");
    let expected = ["/", "/dev/log", "/home/mle", "/home/mle/disk", "/home/mle/disk/inner"];
    assert_eq!(places(&mounts), expected);
    for mount in &mounts {
        let access = if mount.at.starts_with("/home") { "rw" } else { "ro" };
        let expected = format!("{access},nosuid,nodev,noexec,");
        assert!(format!("{},", mount.flags).starts_with(&expected), "{mount:?}");
    }
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn what_the_host_mounts_during_a_session_appears_and_goes(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let before = sb.mounts();
    mount(&sb, "/home/mle/disk");
    sb.sh("echo early >/home/mle/disk/early.txt; mkdir /home/mle/usb");
    let mut live = sb.sftp_live("mle");
    assert_eq!(names(&mut live, "disk"), ["early.txt"]);
    assert_eq!(names(&mut live, "usb"), [""; 0]);

    mount(&sb, "/home/mle/usb");
    sb.sh("echo late >/home/mle/usb/late.txt");
    assert_eq!(names(&mut live, "usb"), ["late.txt"]);
    live.send("put /etc/hosts usb/hosts");
    assert_eq!(sb.read("/home/mle/usb/hosts"), sb.read("/etc/hosts"));
    live.send("get disk/early.txt /tmp/early.txt");
    assert_eq!(sb.read_text("/tmp/early.txt"), "early\n");

    // Not lazily: a session must not keep what it does not use.
    sb.sh("umount /home/mle/usb");
    assert_eq!(names(&mut live, "usb"), [""; 0]);
    sb.sh("umount /home/mle/disk");
    assert_eq!(names(&mut live, "disk"), [""; 0]);
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_home_may_be_a_filesystem_of_its_own(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    // Mounted first, so that the key is in it.
    sb.sh("mkdir /home/mle; mount -t tmpfs -o mode=0755 disk /home/mle");
    sb.user("mle").group("sftp").add();
    mount(&sb, "/home/mle/disk");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(names(&mut live, ""), [".ssh", "disk", "letter"]);

    mount(&sb, "/home/mle/disk/late");
    assert_eq!(names(&mut live, "disk"), ["late"]);
    live.send("put /etc/hosts disk/late/hosts");
    assert_eq!(sb.read("/home/mle/disk/late/hosts"), sb.read("/etc/hosts"));
    sb.sh("umount /home/mle/disk/late");
    sees_only(&mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}

fn a_mount_namespace_that_a_service_makes_during_a_session_keeps_nothing_of_it(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let live = sb.sftp_live("mle");
    // As systemd does for PrivateTmp= and the like: with a copy of all that is mounted now.
    for propagation in ["private", "slave", "shared"] {
        let service = "tail -f /dev/null </dev/null >/dev/null 2>&1";
        sb.sh(&format!("unshare --mount --propagation {propagation} {service} &"));
    }
    sb.sh("until [ $(ls -l /proc/[0-9]*/exe 2>/dev/null | grep -c /tail) = 3 ]; do :; done");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    for service in sb.pids("tail -f") {
        let left: Vec<_> = sb.mounts_of(service).into_iter().filter(|line| line.contains("/jail/")).collect();
        assert_eq!(left, [""; 0]);
    }
}

/// As the README says of disks: the jail has a mount of its own, which the host's umount does not see.
fn a_disk_that_root_unmounts_is_in_use_until_the_sessions_end(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("mkdir /srv/disk; mount -t tmpfs disk /srv/disk");
    sb.user("mle").home("/srv/disk/mle").group("sftp").add();
    let mut live = sb.sftp_live("mle");
    let child = sb.session_child("mle");
    sb.sh("umount /srv/disk; not mountpoint -q /srv/disk; [ -z \"$(fuser -m /srv/disk/ 2>/dev/null)\" ]");
    live.send("put /etc/hostname later");
    let written = format!("/proc/{child}/root/srv/disk/mle/later");
    assert_eq!(sb.sh(&format!("cat {written}")).stdout, sb.sh("cat /etc/hostname").stdout);
    sb.sh("sftpjail list --json | grep -q '\"home\": *\"/srv/disk/mle\"'");
    sb.sh("sftpjail kick mle");
    assert_eq!(sb.mounts().iter().filter(|line| line.contains("- tmpfs disk ")).count(), 0);
    live.try_send("ls").unwrap_err();
}
