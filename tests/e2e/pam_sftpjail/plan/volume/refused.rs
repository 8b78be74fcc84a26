//! Volumes for which their member is refused.

use super::{volume, with_volumes};
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_source_that_is_to_belong_to_nobody_refuses_the_member,
    nothing_is_made_where_others_than_root_could_interfere,
    a_volume_whose_source_or_target_is_not_sound_refuses_the_member,
);

/// mle is refused with this reason, in the log and by `check`, and the user is told no path.
#[track_caller]
pub(super) fn refused(sb: &Sandbox, reason: &str) {
    let out = sb.login("mle").password("pw").sftp("pwd\n").failed();
    assert!(out.stderr.starts_with("SFTP is not possible because of a problem on this server. "), "{out}");
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains(reason) && line.contains("; fix: "), "{line}");
    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    assert!(check.stdout.contains("✗ volume") && check.stdout.contains(reason), "{check}");
    assert_eq!(sb.sh("ls -A /jail").stdout, "");
}

fn a_source_that_is_to_belong_to_nobody_refuses_the_member(namespace: Namespace) {
    let create = "create = { owner = \"%u\", group = \"stfp\", mode = \"0750\" }";
    let sb = with_volumes(namespace, &volume("/srv/%u", "/made", create));
    refused(&sb, "/srv/mle should be owned by the group stfp, which does not exist");
    assert_eq!(sb.sh("ls -A /srv").stdout, "");
}

fn nothing_is_made_where_others_than_root_could_interfere(namespace: Namespace) {
    let create = "create = { owner = \"%u\", group = \"%g\", mode = \"0750\" }";
    for parent in
        ["install -d -m 1777 /srv/made", "install -d -o mle /srv/made", "install -d -m 775 -g mle /srv/made"]
    {
        let sb = with_volumes(namespace, &volume("/srv/made/deep/%u", "/made", create));
        sb.sh(&format!("{parent}; mkdir /srv/made/deep"));
        let mut live = sb.sftp_live("mle");
        assert_eq!(crate::common::jailed::names(&mut live, "/"), ["dev", "etc", "home"], "{parent}");
        let check = sb.sh("sftpjail check mle").stdout;
        assert!(
            check.contains("! volume         the volume /made is left out: /srv/made/deep/mle"),
            "{check}"
        );
        // The one that is to blame, not the one in which the source is to be made.
        assert!(
            check
                .contains("it is not made, because /srv/made is not owned by root, or is writable by others"),
            "{check}"
        );
        assert!(check.contains("→ make the source yourself"), "{check}");
        assert_eq!(sb.sh("ls -A /srv/made/deep").stdout, "", "{parent}");
    }
}

fn a_volume_whose_source_or_target_is_not_sound_refuses_the_member(namespace: Namespace) {
    for (volumes, setup, reason) in [
        (volume("/srv/none", "/x", ""), "", "the volume /x cannot be used: /srv/none does not exist"),
        (volume("/srv/file", "/x", ""), "touch /srv/file", "/srv/file is not a directory"),
        (volume("/srv/fifo/x", "/x", ""), "mkfifo /srv/fifo", "/srv/fifo is not a directory"),
        (volume("/srv/link", "/x", ""), "ln -s /home /srv/link", "/srv/link is a symlink"),
        (
            volume("/srv/way/x", "/x", ""),
            "ln -s /etc /srv/way; mkdir /etc/x",
            "/etc/x is in the system directory /etc",
        ),
        (volume("/proc", "/x", ""), "", "cannot come from /proc: it is in the system directory /proc"),
        (volume("/jail/mle", "/x", ""), "", "cannot come from /jail/mle: it overlaps the jail root /jail"),
        (volume("srv", "/x", ""), "", "the volume srv is relative, so it cannot be the source"),
        (volume("/srv/../etc", "/x", ""), "", "contains '..', so it cannot be the source"),
        (volume("/srv", "/x/../y", ""), "", "contains '..', so it cannot be the target"),
        (volume("/srv", "/", ""), "", "is the root directory, so it cannot be the target"),
        (volume("/srv", "/etc", ""), "", "would be in /etc, where sshd's process in the jail looks for"),
        (volume("/srv", "/dev/log", ""), "", "would be in /dev, where"),
        (volume("/srv", "/lib/x86_64-linux-gnu", ""), "", "would be in /lib, where"),
        (volume("/srv", "/%u/../usr", ""), "", "contains '..', so it cannot be the target"),
        (volume("/srv", "/usr", ""), "", "would be in /usr, where"),
        (volume("/srv", "/var/run/nscd", ""), "", "would be in /var, where"),
        (volume("/srv", "/home", ""), "", "would hide the home /home/mle"),
        (volume("/srv", "%h", ""), "", "would hide the home /home/mle"),
        (volume("/srv", "/a", "") + &volume("/srv", "//a/", ""), "", "overlaps the volume /a"),
        (volume("/srv", "/a/b", "") + &volume("/srv", "/a", ""), "", "overlaps the volume /a/b"),
    ] {
        let sb = with_volumes(namespace, &volumes);
        sb.sh(setup);
        refused(&sb, reason);
    }
}
