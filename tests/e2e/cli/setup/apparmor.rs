//! Profiles of AppArmor, in files of any name, and answers of the kernel that cannot be read. The kernel's list of
//! profiles and apparmor_parser are stand-ins.

use super::{assert_same, etc, undo};
use sandbox::Sandbox;

/// A machine whose kernel has the profile `sshd`.
fn machine() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("mount -t tmpfs none /sys; mkdir -p /sys/kernel/security/apparmor
           echo 'sshd (enforce)' >/sys/kernel/security/apparmor/profiles; mkdir -p /etc/apparmor.d/local");
    sb.write_mode("/usr/sbin/apparmor_parser", "#!/bin/sh\necho \"$@\" >>/run/calls\n", 0o755);
    sb
}

const BEGIN: &str = "include <tunables/global>\n\nprofile sshd /usr/sbin/sshd {\n  capability chown,\n";

#[test]
fn a_profile_in_a_file_of_another_name_gets_the_rules_and_the_flag() {
    let sb = machine();
    // Another profile, and an old copy.
    sb.write("/etc/apparmor.d/a", "profile a {\n  include if exists <local/a>\n}\n");
    sb.write("/etc/apparmor.d/a.dpkg-old", format!("{BEGIN}}}\n"));
    sb.write("/etc/apparmor.d/ours", format!("{BEGIN}  #include <local/our-sshd>\n}}\n"));
    sb.write("/etc/apparmor.d/local/our-sshd", "# ours\n");
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    let (profile, local) =
        (sb.read_text("/etc/apparmor.d/ours"), sb.read_text("/etc/apparmor.d/local/our-sshd"));
    assert!(profile.contains("profile sshd /usr/sbin/sshd flags=(attach_disconnected) {\n"), "{profile}");
    assert!(local.starts_with("# ours\n") && local.contains("\nowner /jail/ rwk,\n"), "{local}");
    assert_eq!(sb.read_text("/run/calls"), "-r /etc/apparmor.d/ours\n");
    // This kernel cannot be asked what a profile allows.
    let out = sb.sh("sftpjail setup --dry-run");
    assert!(
        out.stdout.starts_with("Nothing to do: everything is set up.\nNote: whether AppArmor has"),
        "{out}"
    );
    assert!(out.stdout.contains("load that file again with apparmor_parser -r"), "{out}");
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
    assert_eq!(sb.read_text("/run/calls"), "-r /etc/apparmor.d/ours\n".repeat(2));
}

#[test]
fn a_profile_in_a_file_that_is_not_utf_8_stays_as_it_is() {
    let sb = machine();
    let text = [b"# geh\xf6rt uns\n", BEGIN.as_bytes(), b"  #include <local/our-sshd>\n}\n"].concat();
    sb.write("/etc/apparmor.d/ours", text);
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("/etc/apparmor.d/ours is not UTF-8; save it as UTF-8"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_admins_own_rules_keep_a_comment_that_is_not_utf_8() {
    let sb = machine();
    sb.write("/etc/apparmor.d/ours", format!("{BEGIN}  #include <local/our-sshd>\n}}\n"));
    sb.write("/etc/apparmor.d/local/our-sshd", b"# geh\xf6rt uns\n");
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; head -n 1 /etc/apparmor.d/local/our-sshd | od -c | grep -q 'g   e   h 366   r'");
    undo(&sb);
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_profile_that_includes_no_file_must_have_the_rules_itself() {
    let sb = machine();
    sb.write("/etc/apparmor.d/ours", format!("{BEGIN}}}\n"));
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    let expected = "/etc/apparmor.d/ours confines sshd, which jails need, and includes no file with rules of your own; \
                    add this as the last line of its profile sshd: include if exists <local/ours>";
    assert!(out.stderr.contains(expected), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    let rules = include_str!("../../../../packaging/apparmor/usr.sbin.sshd").replace('\n', "\n  ");
    sb.write("/etc/apparmor.d/ours", format!("{BEGIN}  {rules}\n}}\n"));
    sb.sh("sftpjail setup --yes");
    assert!(sb.read_text("/etc/apparmor.d/ours").contains("flags=(attach_disconnected) {\n"));
    assert_eq!(sb.sh("ls /etc/apparmor.d/local").stdout, "");
}

#[test]
fn a_profile_that_no_file_has_stops_setup_and_a_list_that_cannot_be_read_does_not() {
    let sb = machine();
    let out = sb.try_sh("sftpjail setup --yes").failed();
    let expected = "AppArmor confines sshd by the profile sshd, and no file in /etc/apparmor.d has it; put the file with \
                    that profile there, or unload the profile";
    assert!(out.stderr.contains(expected), "{out}");
    sb.sh("cd /sys/kernel/security/apparmor; rm profiles; mkdir profiles");
    let out = sb.sh("sftpjail setup --yes");
    let noted = out.stdout.matches("Note: whether AppArmor has a profile for sshd is not known").count();
    assert_eq!(noted, 1, "{out}");
    let out = sb.sh("sftpjail setup --dry-run");
    assert!(
        out.stdout.starts_with("Nothing to do: everything is set up.\nNote: whether AppArmor has a"),
        "{out}"
    );
}

#[test]
fn selinux_whose_mode_cannot_be_read_is_not_off() {
    let sb = Sandbox::stock();
    sb.sh("mount -t tmpfs none /sys; mkdir -p /sys/fs/selinux/enforce");
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("SELinux is on, and there is no semodule"), "{out}");
}
