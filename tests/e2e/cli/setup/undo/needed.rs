//! What a `Match` block needs stays as long as the block does, in the files and in the running sshd.

use super::{DROP_IN, JOURNAL, UNDO, has_a_shell, is_jailed, refuses, set_up};
use crate::cli::setup::{assert_same, etc};
use crate::common::by_hand::match_block;
use sandbox::Sandbox;

#[test]
fn a_block_made_by_hand_keeps_the_jail_root_and_pams_lines() {
    let sb = Sandbox::stock();
    sb.append("/etc/ssh/sshd_config", match_block());
    sb.sh("sftpjail setup --yes; ! test -e /etc/ssh/sshd_config.d/00-sftpjail.conf");
    sb.user("anna").group("sftp").add();
    sb.sshd();
    let out = refuses(&sb, &["/etc/ssh/sshd_config:", "--force"]);
    assert!(out.stdout.contains("\nMembers who stay jailed: anna.\n"), "{out}");
    let out = sb.sh(&format!("{UNDO} --force"));
    assert!(
        !out.stdout.contains("o longer jailed") && out.stdout.contains("\nStill jailed: anna.\n"),
        "{out}"
    );
    sb.sh("test -d /jail; grep -q pam_sftpjail /etc/pam.d/sshd; ! test -e /etc/rsyslog.d/10-sftpjail.conf");
    assert!(is_jailed(&sb, "anna"));
}

#[test]
fn a_second_block_for_other_members_keeps_them_jailed() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.user("kim").group("sftp").group("partners").add();
    sb.append("/etc/ssh/sshd_config", match_block().replace("Match Group sftp", "Match Group partners"));
    sb.sshd();
    let out = refuses(&sb, &["/etc/ssh/sshd_config:", "--force"]);
    assert!(
        out.stdout.contains("\nMembers who will no longer be jailed, with the shell /bin/sh: anna.\n"),
        "{out}"
    );
    assert!(out.stdout.contains("\nMembers who stay jailed: kim.\n"), "{out}");
    sb.sh(&format!("{UNDO} --force"));
    assert!(has_a_shell(&sb, "anna") && is_jailed(&sb, "kim"));
}

#[test]
fn what_setup_added_to_a_system_made_by_hand_is_undone_and_members_stay_jailed() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").add();
    sb.sh("rm -rf /etc/sftpjail");
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    let out = sb.sh(UNDO);
    assert!(!out.stdout.contains("o longer jailed") && !out.stdout.contains("shell"), "{out}");
    assert!(out.stdout.contains("\nStill jailed: anna.\n"), "{out}");
    let note =
        "these stay, because sshd still sends users into the jail root (/etc/ssh/sshd_config:126): /jail.\n";
    assert!(out.stdout.contains(note), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    assert!(is_jailed(&sb, "anna"));
}

#[test]
fn an_sshd_that_cannot_be_reloaded_keeps_pams_lines_and_undo_can_be_run_again() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; mkdir -p /run/systemd/system");
    let reload = "#!/bin/sh\ncase \"$*\" in reload*) echo no such luck >&2; exit 1;; esac\n";
    sb.write_mode("/usr/sbin/systemctl", reload, 0o755);
    let out = sb.try_sh(UNDO).failed();
    assert!(out.stderr.contains("no such luck") && out.stderr.contains("run this again"), "{out}");
    assert!(!out.stdout.contains("as it was before"), "{out}");
    sb.sh(&format!(
        "test -d /jail; grep -q pam_sftpjail.so /etc/pam.d/sshd; test -e {JOURNAL}; ! test -e {DROP_IN}"
    ));
    sb.sh(&format!("sed -i 's/exit 1/exit 0/' /usr/sbin/systemctl; {UNDO}"));
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("not test -e /jail; not test -e /var/lib/sftpjail");
}

#[test]
fn a_file_of_sshds_that_cannot_be_read_may_hold_such_a_block() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes; ln -s loop.conf /etc/ssh/sshd_config.d/loop.conf");
    let what = "/etc/ssh/sshd_config.d/loop.conf cannot be read: Too many symbolic links encountered";
    refuses(&sb, &[what]);
    // Nor does it count for nothing where there is no sshd to ask.
    sb.sh("mv /usr/sbin/sshd /usr/sbin/no-sshd");
    refuses(&sb, &[what]);
    sb.sh(&format!("cp -a /var/lib/sftpjail /root; rm {JOURNAL}"));
    refuses(&sb, &[what]);
    sb.sh("rm -rf /var/lib/sftpjail; mv /root/sftpjail /var/lib; mv /usr/sbin/no-sshd /usr/sbin/sshd");
    // To sshd, a directory is an empty file.
    sb.sh("rm /etc/ssh/sshd_config.d/loop.conf; mkdir /etc/ssh/sshd_config.d/directory.conf; mkdir -p /run/sshd; sshd -t");
    sb.sh(UNDO);
}

/// Only the line that opens builds jails; the others are there.
#[test]
fn nobody_is_said_to_be_jailed_where_pam_builds_no_jail() {
    let sb = set_up();
    sb.sh(&format!(
        "sed -i 's/^session.*sftpjail.so open$/#&/' /etc/pam.d/sshd; sed -i 's/-l INFO/-l VERBOSE/' {DROP_IN}"
    ));
    assert!(sb.sftp("anna", "pwd\n").code != Some(0));
    let out = sb.sh(&format!("{UNDO} --force"));
    assert!(!out.stdout.contains("tay jailed") && !out.stdout.contains("Still jailed"), "{out}");
    assert!(out.stdout.contains("\nUsers that sshd still refuses: anna.\n"), "{out}");
    let said = "\nRefused by sshd, which sends them into the jail root, where no jail is built: anna.\n";
    assert!(out.stdout.contains(said), "{out}");
    let all = sb.try_sh("sftpjail check --all").stdout;
    assert!(all.contains("cannot log in"), "{all}");
}

#[test]
fn a_group_that_two_setups_have_added_is_removed_or_kept_once() {
    let sb = Sandbox::stock();
    // The journal keeps the group, since somebody is in it.
    sb.sh("useradd anna; sftpjail setup --yes; usermod -aG sftp anna; sftpjail setup --undo --yes
        groupdel sftp; sftpjail setup --yes; usermod -aG sftp anna");
    let count = |what: &str| sb.try_sh("sftpjail setup --undo --dry-run").stdout.matches(what).count();
    assert_eq!(count("Note: the group sftp stays, because anna is in it.\n"), 1);
    sb.sh("gpasswd -d anna sftp");
    assert_eq!(count("groupdel sftp\n"), 1);
    let out = sb.sh("sftpjail setup --undo --yes");
    assert!(out.stdout.contains("\nEverything is as it was before.\n"), "{out}");
    sb.sh("not getent group sftp; not test -e /var/lib/sftpjail");
}
