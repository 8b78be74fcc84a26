//! Guarded names that are missing.

use super::{GUARD, member};
use crate::common::config::guarding;
use crate::common::jailed::{left_nothing, works_in};
use crate::common::libpam::{answers, install_alone};
use sandbox::Namespace;

in_both_namespaces!(
    what_is_missing_is_made_once_empty_and_the_users,
    what_a_user_may_not_write_gets_a_placeholder_of_roots,
    a_read_only_home_needs_no_guard_and_gets_no_placeholder,
    where_nobody_can_make_anything_nothing_is_made_and_the_member_gets_in,
    where_the_user_has_no_room_root_makes_it,
    where_not_even_root_has_room_the_user_is_told_and_the_admin_can_make_some,
);

fn what_is_missing_is_made_once_empty_and_the_users(namespace: Namespace) {
    let sb = member(namespace, &[".a", ".b/", ".config/systemd", ".deep/er/file", ".ssh"]);
    let before = sb.mounts();
    sb.sh("sed -i '1i session optional pam_umask.so umask=077' /etc/pam.d/sshd");
    // Neither `check` nor its rehearsal makes them, and it says who does.
    let check = sb.sh("sftpjail check mle").stdout;
    let found =
        "✓ guard          no session can change .a, .b, .config/systemd, .deep/er/file, .ssh; missing, so";
    assert!(check.contains(found), "{check}");
    assert!(
        check.contains("so the first login makes empty ones: .a, .b, .config/systemd, .deep/er/file\n"),
        "{check}"
    );
    assert_eq!(sb.sh("cd /home/mle; ls -d .a .b .config .deep 2>/dev/null || :").stdout, "");
    let mut live = sb.sftp_live("mle");
    let made = "cd /home/mle; stat -c '%n %F %a %U %G %s' .a .config .config/systemd .deep .deep/er .deep/er/file; \
                stat -c '%n %F %a %U %G' .b";
    let expected = ".a regular empty file 600 mle mle 0\n.config directory 700 mle mle 60\n\
                    .config/systemd directory 700 mle mle 40\n.deep directory 700 mle mle 60\n\
                    .deep/er directory 700 mle mle 60\n.deep/er/file regular empty file 600 mle mle 0\n\
                    .b directory 700 mle mle\n";
    assert_eq!(sb.sh(made).stdout, expected);
    works_in(&sb, &mut live, "/home/mle");
    let inodes = sb.sh("cd /home/mle; stat -c '%n %i' .a .b .deep/er").stdout;
    let mut second = sb.sftp_live("mle");
    assert_eq!(sb.sh("cd /home/mle; stat -c '%n %i' .a .b .deep/er").stdout, inodes);
    for live in [&mut live, &mut second] {
        assert!(!live.send("put /tmp/text .a").is_empty());
        assert!(
            !live.send("rename .deep away").is_empty() && !live.send("rename .deep/er .deep/away").is_empty()
        );
    }
    assert_eq!((live.quit(), second.quit()), (Some(0), Some(0)));
    left_nothing(&sb, &before);
    assert!(!sb.sh("sftpjail check mle").stdout.contains("missing"), "they stay");
}

fn what_a_user_may_not_write_gets_a_placeholder_of_roots(namespace: Namespace) {
    let sb = member(namespace, &[".forward", ".config/systemd"]);
    sb.sh("install -d -m 555 -o mle /home/mle/.config; chown root /home/mle; chmod 755 /home/mle");
    let live = sb.sftp_live("mle");
    assert_eq!(
        sb.sh("cd /home/mle; stat -c '%n %a %U' .forward .config/systemd").stdout,
        ".forward 644 root\n.config/systemd 755 root\n"
    );
    assert_eq!(live.quit(), Some(0));
}

fn a_read_only_home_needs_no_guard_and_gets_no_placeholder(namespace: Namespace) {
    let sb = member(namespace, &[]);
    sb.configure(&(guarding(&GUARD) + "home = \"read-only\"\n"));
    sb.sh("ln -s /etc /home/mle/.config");
    let check = sb.sh("sftpjail check mle").stdout;
    assert!(check.contains("✓ guard          nothing to do: the whole home is read-only\n"), "{check}");
    sb.sftp("mle", "put /tmp/text .forward\n").failed();
    sb.sh("test ! -e /home/mle/.forward");
}

fn where_nobody_can_make_anything_nothing_is_made_and_the_member_gets_in(namespace: Namespace) {
    let sb = member(namespace, &[".none", ".config/systemd", ".ssh"]);
    for home in [
        // The mount, the whole of the filesystem, and a part of the home.
        "mount --bind -o ro /home/mle /home/mle",
        "mount -t tmpfs -o ro,mode=755 disk /home/mle; mount --make-private /home/mle",
        "mkdir -p /home/mle/.config /home/mle/.none; mount -t tmpfs -o ro disk /home/mle/.config",
    ] {
        sb.sh(home);
        let check = sb.try_sh("sftpjail check mle").stdout;
        assert!(
            check.contains("✓ guard          no session can change .none, .config/systemd, .ssh\n"),
            "{check}"
        );
        let mut live = sb.login("mle").password("pw").sftp("pwd\n");
        live.ok();
        live = sb.login("mle").password("pw").sftp("mkdir .config/systemd\n");
        live.failed();
        sb.wait_for_logouts();
        sb.sh(
            "umount /home/mle/.config 2>/dev/null || umount /home/mle; test ! -e /home/mle/.config/systemd",
        );
    }
}

/// As where the quota is used up, or only what a filesystem keeps for root is left.
fn where_the_user_has_no_room_root_makes_it(namespace: Namespace) {
    for errno in ["EDQUOT", "ENOSPC"] {
        let sb = member(namespace, &[".config/"]);
        install_alone(&sb, "");
        let out = sb.sh(&format!(
            "strace -qqo /tmp/trace -P /home/mle -e trace=mkdirat -e inject=mkdirat:error={errno}:when=1 \
             pam-driver --confdir /etc/alone mle open close"
        ));
        assert_eq!(answers(&out, "open"), ["0"], "{out}");
        let trace = sb.read_text("/tmp/trace");
        assert!(trace.contains(&format!("-1 {errno}")), "{trace}");
        assert_eq!(sb.sh("stat -c '%a %U' /home/mle/.config").stdout, "755 root\n");
    }
}

fn where_not_even_root_has_room_the_user_is_told_and_the_admin_can_make_some(namespace: Namespace) {
    let sb = member(namespace, &[".none", ".bashrc"]);
    sb.sh("mount -t tmpfs -o nr_inodes=3,mode=755 disk /home/mle; touch /home/mle/.bashrc /home/mle/last
           chown -R mle:mle /home/mle");
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.starts_with("SFTP is not possible: your home directory is full."), "{out}");
    let reason = "/home/mle/.none cannot be guarded: it is missing, and the filesystem is too full";
    assert!(sb.wait_for_log(reason).contains("fix: make room on that filesystem"));
    let check = sb.try_sh("sftpjail check mle");
    assert!(check.code == Some(1) && check.stdout.contains("✗ guard"), "{check}");
    sb.sh("rm /home/mle/last");
    sb.login("mle").password("pw").sftp("ls\n").ok();
    sb.wait_for_logouts();
    // An empty file may need no block, so that nobody is refused before it was tried.
    sb.sh("umount /home/mle; mount -t tmpfs -o size=4k,mode=755 disk /home/mle; dd if=/dev/zero of=/home/mle/all bs=4k count=1
           chown -R mle:mle /home/mle");
    let check = sb.try_sh("sftpjail check mle").stdout;
    assert!(
        check.contains("! guard          /home/mle/.none cannot be guarded: it is missing, and the"),
        "{check}"
    );
    sb.login("mle").password("pw").sftp("ls\n").ok();
    sb.sh("stat /home/mle/.none");
}
