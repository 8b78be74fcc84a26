//! Symlinks in the place of files that setup writes, and files that others can write: nothing is written
//! elsewhere, and nothing becomes writable by others.

use super::refused::refused;
use super::{assert_same, etc};
use sandbox::Sandbox;

const USER_MANAGER: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";

#[test]
fn a_symlink_in_the_place_of_a_file_of_setup_is_refused_by_name() {
    for path in [
        USER_MANAGER,
        "/etc/ssh/sshd_config.d/00-sftpjail.conf",
        "/etc/rsyslog.d/10-sftpjail.conf",
        "/etc/sftpjail/config.toml",
    ] {
        // If rsyslog's file or the configuration exists, setup does not write it.
        let destination =
            if path.contains("rsyslog") || path.contains("toml") { "/etc/none" } else { "/dev/null" };
        let sb = Sandbox::stock();
        sb.sh(&format!("mkdir -p {}; ln -s {destination} {path}", above(path)));
        let before = etc(&sb);
        let what = format!("{path} is a symlink to {destination}, and a file has to be written there; ");
        refused(&sb, "sftpjail setup --yes", &[&what, &format!("then: rm {path}")]);
        assert_same(&before, &etc(&sb), &[]);
        sb.sh("test -c /dev/null");
        sb.sh(&format!("rm {path}; sftpjail setup --yes; test \"$(stat -c %a:%u {path})\" = 644:0"));
    }
}

fn above(path: &str) -> &str {
    path.rsplit_once('/').expect("an absolute path").0
}

#[test]
fn a_file_of_others_that_is_a_device_or_writable_is_refused() {
    let of_others = [
        ("ln -sf /dev/null /etc/pam.d/sshd", "/dev/null is not a regular file"),
        ("chmod 664 /etc/pam.d/sshd", "/etc/pam.d/sshd is writable by others than root (mode 0664)"),
        ("chown 65534 /etc/pam.d/sshd", "/etc/pam.d/sshd is not owned by root, but by uid 65534"),
        ("chmod 777 /etc/pam.d", "/etc/pam.d is writable by others than root (mode 0777)"),
        (
            "mkdir -m 1777 /open; mv /etc/pam.d/sshd /open; ln -s /open/sshd /etc/pam.d/sshd",
            "/open is writable by others than root (mode 1777)",
        ),
        (
            "echo /var/log/syslog >/open.conf; chmod 666 /open.conf; mkdir -p /etc/logrotate.d
             ln -sf /open.conf /etc/logrotate.d/rsyslog",
            "/open.conf is writable by others than root (mode 0666)",
        ),
        (
            "sed -i '/^Include/d' /etc/ssh/sshd_config; chmod 666 /etc/ssh/sshd_config",
            "/etc/ssh/sshd_config is writable by others than root (mode 0666)",
        ),
    ];
    for (broken, what) in of_others {
        let sb = Sandbox::stock();
        sb.sh(broken);
        let before = etc(&sb);
        refused(&sb, "sftpjail setup --yes", &[what]);
        assert_same(&before, &etc(&sb), &[]);
        sb.sh("test -c /dev/null");
    }
}

#[test]
fn no_directory_is_made_where_others_than_root_can_put_another() {
    let sb = Sandbox::stock();
    sb.sh("mkdir -m 777 /open; mkdir /open/in");
    let what = "the jail root /open/in/jail cannot be used: /open can be written by its group or by others; choose another \
                jail_root, or let only root write it";
    refused(&sb, "sftpjail setup --yes --jail-root /open/in/jail", &[what]);
    sb.sh("! test -e /open/in/jail");
    refused(&sb, "sftpjail setup --dry-run --jail-root /open/in/jail", &[what]);
}

#[test]
fn of_a_jail_root_that_others_can_change_setup_says_what_check_says() {
    for (broken, said) in [
        (
            "chmod 777",
            "can be written by its group or by others; if it is only for jails, then: chmod go-w /jail\n",
        ),
        ("chown 65534", "is not owned by root; if it is only for jails, then: chown root /jail\n"),
    ] {
        let sb = Sandbox::stock();
        sb.sh(&format!("mkdir -m 700 /jail; {broken} /jail"));
        let out = sb.try_sh("sftpjail setup --yes");
        let said = format!("sftpjail: the jail root /jail cannot be used: /jail {said}");
        assert!(out.code == Some(1) && out.stderr == said, "{out}");
        sb.sh("not test -e /etc/sftpjail");
    }
}

#[test]
fn undo_keeps_a_file_that_has_become_a_symlink() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    // The content is the same: only the symlink shows that it was changed.
    sb.sh(&format!("mv {USER_MANAGER} /etc/kept; ln -s /etc/kept {USER_MANAGER}"));
    let out = sb.sh("sftpjail setup --undo --yes --force");
    let note = format!("Note: {USER_MANAGER} has become a symlink since setup, so it stays as it is");
    assert!(out.stdout.contains(&note), "{out}");
    sb.sh(&format!("test -L {USER_MANAGER}; test -f /etc/kept"));
}
