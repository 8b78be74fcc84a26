//! What is missing because a filesystem is not mounted: nobody is told to make it, and nothing is made.

use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_home_on_what_is_not_mounted_is_refused_with_what_to_mount,
    a_source_is_not_made_on_the_disk_below,
    a_jail_root_is_no_other,
    what_is_missing_from_a_disk_that_is_mounted_is_just_missing,
);

/// How the host may be set up to mount something, at a place, and what log and `check` then say.
const SETUPS: [(&str, &str, &str, &str); 5] = [
    (
        "/data",
        "echo 'LABEL=data /data ext4 nofail 0 2' >>/etc/fstab",
        "nothing is mounted at /data, a mount point of /etc/fstab",
        "mount /data",
    ),
    (
        "/srv/my data",
        r"printf 'LABEL=data /srv/my\\040data ext4 nofail 0 2\n' >>/etc/fstab",
        "nothing is mounted at \"/srv/my data\", a mount point of /etc/fstab",
        "mount '/srv/my data'",
    ),
    (
        "/home/net",
        "mkdir -p /etc/systemd/system; printf '[Automount]\\nWhere=/home/net\\n' >/etc/systemd/system/home-net.automount",
        "nothing is mounted at /home/net, a mount point of systemd's home-net.automount",
        "systemctl start home-net.automount",
    ),
    (
        "/home/net",
        "echo '/home/net /etc/auto.net --timeout=60' >/etc/auto.master",
        "nothing is mounted at /home/net, a mount point of /etc/auto.master",
        "start the automounter",
    ),
    // The kernel's half of an automounter whose daemon has died.
    (
        "/home/net",
        "{ sh -c 'exec mount -t autofs -o fd=5,pgrp=$$,minproto=5,maxproto=5,indirect dead /home/net' 5>&1; } | sleep 1",
        "does not exist for the automounter at /home/net",
        "make sure that the automounter runs",
    ),
];

fn a_home_on_what_is_not_mounted_is_refused_with_what_to_mount(namespace: Namespace) {
    for (at, setup, why, fix) in SETUPS {
        let sb = Sandbox::in_namespace(namespace);
        let home = format!("{at}/mle");
        sb.user("mle").home(&home).make_home(false).group("sftp").password("pw").add();
        sb.script("mkdir -p \"$1\"", &[at], b"").ok();
        sb.sh(setup);
        let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
        assert!(out.stderr.contains("your home directory is missing"), "{out}");
        let line = sb.wait_for_log("refused user mle");
        assert!(line.contains(why) && line.contains(&format!("; fix: {fix}")), "{line}");
        assert!(!line.contains("install -d"), "{line}");
        let check = sb.try_sh("sftpjail check mle");
        assert_eq!(check.code, Some(1), "{check}");
        assert!(
            check.stdout.contains("✗ home path") && check.stdout.contains(&format!("→ {fix}")),
            "{check}"
        );
        // A key may be there, and none is to be put on the disk below.
        sb.sh("usermod -p '*' mle");
        let check = sb.try_sh("sftpjail check mle");
        let said = check.stdout.replace("\n                 ", " ");
        assert!(said.contains("is not known while the home is not mounted"), "{check}");
        for wrong in ["public key", "✗ authentication", "✗ keys"] {
            assert!(!said.contains(wrong), "{check}");
        }
        sb.sh("echo mle:pw | chpasswd");

        if !at.contains("net") {
            sb.script("mount -t tmpfs data \"$1\"; install -d -o mle \"$1/mle\"", &[at], b"").ok();
            sb.login("mle").password("pw").sftp("pwd\n").ok();
        }
    }
}

fn a_source_is_not_made_on_the_disk_below(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").password("pw").add();
    sb.configure(
        "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n\
         [[profile.volume]]\nsource = \"/data/sftp/%u\"\ntarget = \"/uploads\"\n\
         create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }\n",
    );
    sb.sh("mkdir -p /data/sftp; echo 'LABEL=data /data ext4 nofail 0 2' >>/etc/fstab");
    sb.login("mle").password("pw").sftp("pwd\n").failed();
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains("/data/sftp/mle does not exist: nothing is mounted at /data"), "{line}");
    assert!(line.contains("; fix: mount /data"), "{line}");
    assert_eq!(sb.sh("ls -A /data/sftp").stdout, "");

    sb.sh("mount -t tmpfs -o mode=755 data /data; mkdir /data/sftp");
    sb.login("mle").password("pw").sftp("ls /uploads\n").ok();
    assert_eq!(sb.sh("ls -A /data/sftp").stdout, "mle\n");
}

fn a_jail_root_is_no_other(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").password("pw").add();
    sb.sh("mkdir /data; echo 'LABEL=data /data ext4 nofail 0 2' >>/etc/fstab");
    sb.configure("jail_root = \"/data/sftp/jail\"\n");
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(check.contains("/data/sftp does not exist: nothing is mounted at /data"), "{check}");
    assert!(check.contains("→ mount /data\n") && !check.contains("install -d"), "{check}");
    let setup = sb.try_sh("sftpjail setup --yes --jail-root /data/sftp/jail").stderr;
    assert!(!setup.contains("install -d"), "{setup}");
}

/// By a symlink of root's, too.
fn what_is_missing_from_a_disk_that_is_mounted_is_just_missing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.sh("mkdir /srv/real; ln -s /srv/real /data; mount -t tmpfs -o mode=755 data /srv/real");
    sb.sh("echo 'LABEL=data /data ext4 nofail 0 2' >>/etc/fstab");
    sb.user("mle").home("/data/mle").make_home(false).group("sftp").password("pw").add();
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(check.contains(": install -d ") && !check.contains("nothing is mounted"), "{check}");
}
