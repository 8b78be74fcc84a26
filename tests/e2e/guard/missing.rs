//! Guarded names that are missing.

use super::{GUARD, guarding, member};
use crate::jailed::{left_nothing, works_in};
use sandbox::Namespace;

in_both_namespaces!(
    what_is_missing_is_made_once_empty_and_the_users,
    what_a_user_may_not_write_gets_a_placeholder_of_roots,
    a_read_only_home_needs_no_guard_and_gets_no_placeholder,
);

fn what_is_missing_is_made_once_empty_and_the_users(namespace: Namespace) {
    let sb = member(namespace, &[".a", ".b/", ".config/systemd", ".deep/er/file", ".ssh"]);
    let before = sb.mounts();
    sb.sh("sed -i '1i session optional pam_umask.so umask=077' /etc/pam.d/sshd");
    // Neither `check` nor its rehearsal makes them, and it says who does.
    let check = sb.sh("sftpjail check mle").stdout;
    let found =
        "✓ guard          no session can change .a, .b, .config/systemd, .deep/er/file, .ssh; missing, and";
    assert!(check.contains(found), "{check}");
    assert!(
        check.contains("made empty by the first login: .a, .b, .config/systemd, .deep/er/file\n"),
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
    assert!(check.contains("✓ guard          nothing to do: all of the home is read-only\n"), "{check}");
    sb.sftp("mle", "put /tmp/text .forward\n").failed();
    sb.sh("test ! -e /home/mle/.forward");
}
