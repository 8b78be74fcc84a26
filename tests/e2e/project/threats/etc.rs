//! Row 11: nsswitch.conf from a root that the user controls (CVE-2025-32463).

use super::shared_host;
use crate::common::jailed::listing;
use crate::common::jailed::{left_nothing, names};
use crate::common::libpam::code;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    row_11_no_home_lies_in_a_directory_of_the_system,
    row_11_no_volume_supplies_the_jails_etc,
    row_11_names_come_from_the_jails_own_files_and_not_from_the_home,
);

/// Both hooks refuse mle-sub, and not even a jail root is made.
#[track_caller]
fn refused(sb: &Sandbox, what: &str) {
    let out = sb.sh("pam-driver --confdir /etc/alone mle-sub account open");
    assert_eq!([code(&out, "account"), code(&out, "open")], ["6", "14"], "{what}");
    sb.sh("test ! -e /jail");
}

fn row_11_no_home_lies_in_a_directory_of_the_system(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("ln -s /etc /home/way");
    // They belong to root, so that nothing else speaks against them.
    for home in [
        "/",
        "/bin",
        "/boot",
        "/dev/shm",
        "/etc",
        "/etc/skel",
        "//etc/./skel/",
        "/home/way/skel",
        "/lib",
        "/lib64",
        "/proc/self",
        "/run/sshd",
        "/sbin",
        "/sys/kernel",
        "/usr/lib",
    ] {
        sb.sh(&format!("usermod -d {home} mle-sub"));
        refused(&sb, home);
    }
}

fn row_11_no_volume_supplies_the_jails_etc(namespace: Namespace) {
    let sb = shared_host(namespace);
    sb.sh("mkdir /srv/etc; echo 'passwd: evil' >/srv/etc/nsswitch.conf; usermod -d /etc mle-sub");
    for target in ["/etc", "//etc/.", "/etc/nsswitch.conf", "/etc/deep/er", "/x/../etc", "/", "%h"] {
        let volume = format!("[[profile.volume]]\nsource = \"/srv/etc\"\ntarget = \"{target}\"\n");
        sb.configure(&format!("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\nhome = \"none\"\n{volume}"));
        refused(&sb, target);
    }
}

fn row_11_names_come_from_the_jails_own_files_and_not_from_the_home(namespace: Namespace) {
    let sb = shared_host(namespace);
    // As every client had it before OpenSSH 9.1: the names are the server's.
    sb.sh("sed -i 's/internal-sftp -l INFO/& -P users-groups-by-id/' /etc/ssh/sshd_config");
    sb.sh("cd /home/mle/sub; mkdir etc lib; touch own lib/libnss_evil.so.2
        echo 'passwd: evil files' | tee nsswitch.conf >etc/nsswitch.conf
        echo \"impostor:x:$(id -u mle-sub):0::/:/bin/sh\" | tee passwd >etc/passwd
        echo \"impostors:x:$(id -g mle):\" | tee group >etc/group
        chown -R mle-sub:mle .");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle-sub");
    let own = |live: &mut _| listing(live).into_iter().find(|line| line.starts_with("own "));
    assert!(own(&mut live).expect("a line").starts_with("own mle-sub mle "));
    for file in ["nsswitch.conf", "passwd"] {
        assert!(live.send(&format!("put /etc/hosts /etc/{file}")).concat().contains("Failure"), "{file}");
        assert!(!live.send(&format!("rename /home/mle/sub/{file} /etc/{file}")).is_empty(), "{file}");
    }
    assert_eq!(names(&mut live, "/etc"), ["group", "localtime", "passwd"]);
    assert!(own(&mut live).expect("a line").starts_with("own mle-sub mle "));
    let child = sb.session_child("mle-sub");
    let maps = sb.read_text(format!("/proc/{child}/maps"));
    assert!(maps.contains("libc") && !maps.contains("/home/") && !maps.contains("evil"), "{maps}");
    assert_eq!(live.quit(), Some(0));
    left_nothing(&sb, &before);
}
