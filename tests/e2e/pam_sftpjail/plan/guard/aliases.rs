//! Mounts that show a guarded name a second time.

use super::member;
use super::refused::refused;
use crate::common::config::guarding;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_mount_through_which_a_guarded_name_could_be_changed_refuses_the_member,
    what_is_mounted_without_showing_a_guarded_name_writable_does_no_harm,
    a_home_that_is_a_mount_is_compared_by_where_it_is_in_its_filesystem,
    a_table_of_mounts_that_cannot_be_read_refuses_the_member,
);

const NAMES: [&str; 4] = [".ssh", ".config/systemd", ".forward", ".none"];

fn prepared(namespace: Namespace) -> Sandbox {
    let sb = member(namespace, &NAMES);
    sb.sh("mkdir -p /home/mle/.config/systemd/user /home/mle/sub /home/mle/pub /home/mle/real /srv/share/homes '/srv/share/a b' /srv/units
           touch /home/mle/.forward /srv/share/file; chown -R mle:mle /home/mle; chmod 777 /srv/share /srv/units");
    sb
}

/// What a case has mounted. One may go with another, of which it is a copy.
fn unmount_all(sb: &Sandbox) {
    let list = "awk '$5 ~ \"^/home/mle/|^/srv/share\" {print $5}' /proc/self/mountinfo";
    sb.sh(&format!(
        "for at in $({list} | tac); do umount \"$(printf %b \"$at\")\" || :; done; ! {list} | grep ."
    ));
}

const SHARE: &str = "[[profile.volume]]\nsource = \"/srv/share\"\ntarget = \"/share\"\n";

/// Each is done with a mount on what is as it was before.
fn a_mount_through_which_a_guarded_name_could_be_changed_refuses_the_member(namespace: Namespace) {
    let sb = prepared(namespace);
    for (mount, volume, reason) in [
        (
            "mount --bind /home /srv/share/homes",
            SHARE,
            "/home/mle/.ssh cannot be guarded: the mount at /srv/share/homes, in the volume /share, shows it",
        ),
        ("mount --bind /home/mle '/srv/share/a b'", SHARE, "the mount at \"/srv/share/a b\", in the volume"),
        (
            "mount --bind /home/mle/.config /srv/share/homes",
            SHARE,
            "/home/mle/.config/systemd cannot be guarded: the mount at /srv/share/homes",
        ),
        (
            "mount --bind /home/mle/.config/systemd/user /srv/share/homes",
            SHARE,
            "/home/mle/.config/systemd cannot be guarded: the mount at /srv/share/homes",
        ),
        (
            "mount --bind /home/mle/.config/systemd/user /srv/share",
            SHARE,
            "/home/mle/.config/systemd cannot be guarded: the volume /share shows it a second time, writable",
        ),
        (
            "mount --bind /home/mle/.forward /srv/share/file",
            SHARE,
            "/home/mle/.forward cannot be guarded: the mount at /srv/share/file",
        ),
        (
            "mount --bind /home/mle /home/mle/pub",
            "",
            "/home/mle/.ssh cannot be guarded: /home/mle/pub/.ssh in the home shows it a second time, writable",
        ),
        ("mount --bind /home /home/mle/pub", "", "/home/mle/pub/mle/.ssh in the home shows it a second time"),
        ("mount --bind /home/mle /home/mle/.config", "", "/home/mle/systemd in the home shows it"),
        (
            "mount --bind /home/mle/real /home/mle/.ssh",
            "",
            "/home/mle/real in the home shows it a second time",
        ),
        (
            "mount --bind /srv/share /home/mle/.config/systemd/user",
            SHARE,
            "/home/mle/.config/systemd cannot be guarded: the volume /share shows it a second time, writable",
        ),
        (
            "mount -t tmpfs x /srv/share/homes; mount --bind /home /srv/share/homes; \
             mount --bind /home/mle/pub /home/mle/sub",
            SHARE,
            "the mount at /srv/share/homes, in the volume /share, shows it a second time, writable",
        ),
    ] {
        sb.configure(&(guarding(&NAMES) + volume));
        sb.sh(mount);
        let log = refused(&sb, reason);
        let fix = log.split("fix: ").nth(1).expect("a fix");
        assert!(!fix.contains('/'), "no path that could be pasted: {fix}");
        unmount_all(&sb);
        let mut live = sb.sftp_live("mle");
        assert_eq!(live.send("put /tmp/text text"), [""; 0], "{mount}");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
}

fn what_is_mounted_without_showing_a_guarded_name_writable_does_no_harm(namespace: Namespace) {
    let sb = prepared(namespace);
    for (mount, volume) in [
        ("mount --bind /home/mle/sub /srv/share/homes", SHARE.to_owned()),
        ("mount --bind -o ro /home /srv/share/homes", SHARE.to_owned()),
        ("mount --bind /home /srv/share/homes", SHARE.to_owned() + "read_only = true\n"),
        // In the place of what is guarded, and over itself.
        ("mount --bind /home/mle/.config /home/mle/.config", String::new()),
        ("mount --bind /home/mle/.ssh /home/mle/.ssh", String::new()),
        ("mount --bind /srv/units /home/mle/.config/systemd/user", SHARE.to_owned()),
        ("mount --bind /srv/units /home/mle/pub", SHARE.to_owned()),
        ("mount --bind /home/mle/sub /home/mle/pub", String::new()),
        // Of another file system, though at the same path in it.
        ("mount -t tmpfs x /srv/share/homes; mkdir -p /srv/share/homes/mle/.ssh", SHARE.to_owned()),
    ] {
        sb.configure(&(guarding(&NAMES) + &volume));
        sb.sh(mount);
        let mut live = sb.sftp_live("mle");
        for at in
            [".ssh/x", ".config/systemd/x", ".config/systemd/user/x", ".forward", "/share/homes/mle/.ssh/x"]
        {
            assert!(!live.send(&format!("put /tmp/text {at}")).is_empty(), "{mount}: {at}");
        }
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
        let check = sb.sh("sftpjail check mle").stdout;
        assert!(check.contains("✓ guard          no session can change .ssh"), "{mount}: {check}");
        unmount_all(&sb);
    }
}

fn a_home_that_is_a_mount_is_compared_by_where_it_is_in_its_filesystem(namespace: Namespace) {
    let sb = prepared(namespace);
    // The home comes from a disk, whose other names show it too.
    sb.sh("mkdir /mnt/disk /mnt/other; mount -t tmpfs disk /mnt/disk; mkdir -p /mnt/disk/users/mle
           cp -a /home/mle/. /mnt/disk/users/mle; chown mle:mle /mnt/disk/users/mle
           mount --bind /mnt/disk/users/mle /home/mle");
    sb.configure(&(guarding(&NAMES) + SHARE));
    let mut live = sb.sftp_live("mle");
    assert!(!live.send("put /tmp/text .ssh/x").is_empty());
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    sb.sh("mount --bind /mnt/disk /srv/share/homes");
    refused(&sb, "/home/mle/.ssh cannot be guarded: the mount at /srv/share/homes, in the volume");
    sb.sh("umount /srv/share/homes; mount --bind /mnt/disk/users/mle/.ssh /srv/share/homes");
    refused(&sb, "/home/mle/.ssh cannot be guarded: the mount at /srv/share/homes, in the volume");
}

fn a_table_of_mounts_that_cannot_be_read_refuses_the_member(namespace: Namespace) {
    let sb = prepared(namespace);
    sb.user("kim").group("sftp").add();
    sb.sh("mkdir /tmp/none; mount --bind /tmp/none /proc");
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.contains("SFTP is not possible"), "{out}");
    sb.wait_for_log("cannot be guarded: the mounts of this host are unknown");
    // Nobody else reads it; a namespace of one's own is not to be had without a procfs anyway.
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n");
    if namespace == Namespace::Host {
        sb.sftp("kim", "ls\n").ok();
    }
}
