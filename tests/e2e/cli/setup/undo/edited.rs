//! Files that others have edited or removed since setup: undo says before anything is done what that leaves.

use super::{DROP_IN, JOURNAL, UNDO, has_a_shell, is_jailed, refuses, set_up};
use crate::cli::setup::{assert_same, etc};
use sandbox::Sandbox;

const USER_MANAGER: &str = "/etc/systemd/system/user@.service.d/50-sftpjail.conf";
const RSYSLOG: &str = "/etc/rsyslog.d/10-sftpjail.conf";
const CONFIG: &str = "/etc/sftpjail/config.toml";

#[test]
fn an_edited_match_block_stays_with_all_that_it_needs_and_only_by_force() {
    let sb = set_up();
    sb.sh(&format!("sed -i 's/-l INFO/-l VERBOSE/' {DROP_IN}"));
    let out = refuses(&sb, &[DROP_IN, "--force"]);
    assert!(out.stdout.contains(&format!("Note: {DROP_IN} has been edited since setup")), "{out}");
    assert!(out.stdout.contains("\nMembers who stay jailed: anna.\n"), "{out}");
    assert!(!out.stdout.contains("no longer be jailed"), "{out}");

    let out = sb.sh(&format!("{UNDO} --force"));
    assert!(!out.stdout.contains("No longer jailed"), "{out}");
    assert!(out.stdout.contains("\nStill jailed: anna.\n"), "{out}");
    sb.sh(&format!(
        "test -e {JOURNAL}; test -d /jail; grep -q pam_sftpjail /etc/pam.d/sshd; test -e {USER_MANAGER}
        test -e {CONFIG}; ! test -e {RSYSLOG}"
    ));
    assert!(is_jailed(&sb, "anna"));
    sb.wait_for_logouts();

    // Once the reason is gone, undo removes the rest.
    sb.sh(&format!("rm {DROP_IN}"));
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("\nNot jailed, with the shell /bin/sh: anna.\n"), "{out}");
    sb.sh("not test -e /jail; not grep -q sftpjail /etc/pam.d/sshd");
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn a_file_that_cannot_be_restored_stops_undo_and_force_leaves_no_member_refused() {
    for (path, edit) in [
        (DROP_IN, "echo '    X11Forwarding no' >>"),
        (DROP_IN, "sed -i 's/Group sftp/Group sftp,others/'"),
        (
            "/etc/pam.d/sshd",
            "sed -i 's/default=bad. pam_sftpjail.so open/default=die] pam_sftpjail.so open/'",
        ),
        (CONFIG, "echo '# of an admin' >>"),
        (USER_MANAGER, "echo '# of an admin' >>"),
        (RSYSLOG, "echo '# of an admin' >>"),
        ("/etc/logrotate.d/rsyslog", "sed -i 's,/var/log/sftp.log,/var/log/sftp.log /var/log/more,'"),
    ] {
        let sb = set_up();
        sb.sh(&format!("{edit} {path}"));
        let edited = sb.read_text(path);
        refuses(&sb, &[path, "--force"]);
        let out = sb.try_sh("sftpjail setup --undo --dry-run");
        assert!(
            out.code == Some(3) && out.stdout.contains(&format!("Note: {path} has been edited")),
            "{out}"
        );
        let out = sb.sh(&format!("{UNDO} --force"));
        assert!(out.stdout.contains("Everything else is as it was before."), "{path}: {out}");
        assert_eq!(sb.read_text(path), edited);
        // What undo says of anna is so.
        let (jailed, shell) = (is_jailed(&sb, "anna"), has_a_shell(&sb, "anna"));
        assert!(jailed != shell, "{path}: jailed {jailed}, shell {shell}: {out}");
        assert_eq!(
            out.stdout.contains("\nNo longer jailed, with the shell /bin/sh: anna.\n"),
            shell,
            "{path}: {out}"
        );
        sb.sh(&format!("test -e {JOURNAL}"));
    }
}

#[test]
fn what_was_edited_in_a_file_that_stays_is_shown_as_a_diff() {
    for (path, edit, removed, added) in [
        (
            DROP_IN,
            "sed -i 's/-l INFO/-l VERBOSE/'",
            "    ForceCommand internal-sftp -l INFO",
            "    ForceCommand internal-sftp -l VERBOSE",
        ),
        (
            CONFIG,
            "sed -i 's/^home .*/home = \"read-only\"/'",
            "home      = \"read-write\" ",
            "home = \"read-only\"",
        ),
        (
            "/etc/logrotate.d/rsyslog",
            "sed -i 's,/var/log/sftp.log,/var/log/sftp.log /var/log/more,'",
            "/var/log/sftp.log",
            "/var/log/sftp.log /var/log/more",
        ),
    ] {
        let sb = set_up();
        sb.sh(&format!("{edit} {path}"));
        let said = [refuses(&sb, &[path]), sb.try_sh("sftpjail setup --undo --dry-run")];
        for out in &said {
            let start = format!("\nWhat was edited in {path} since setup:\n--- {path}\n+++ {path}\n@@ ");
            let (_, diff) = out.stdout.split_once(&start).unwrap_or_else(|| panic!("{out}"));
            // Its first line is the place of the first hunk.
            let lines = diff.lines().skip(1).take_while(|line| line.starts_with([' ', '+', '-', '@']));
            let changed: Vec<_> = lines.filter(|line| !line.starts_with(' ')).collect();
            let [was, is] = changed[..] else { panic!("{changed:?}\n{out}") };
            assert!(was.strip_prefix('-').is_some_and(|line| line.starts_with(removed)), "{was}\n{out}");
            assert_eq!(is.strip_prefix('+'), Some(added), "{out}");
            assert_eq!(out.stdout.matches("What was edited in ").count(), 1, "{out}");
        }
        // The journal of an earlier version has no copy of what setup wrote.
        sb.sh("rm /var/lib/sftpjail/setup/before-*-written");
        let out = refuses(&sb, &[path]);
        assert!(!out.stdout.contains("What was edited in "), "{out}");
    }
    // Nothing of it is left after an undo.
    let sb = set_up();
    sb.sh(&format!("{UNDO}; not ls /var/lib/sftpjail/setup/before-*-written"));
}

#[test]
fn beside_a_configuration_that_cannot_be_used_nobody_is_said_to_be_jailed() {
    let sb = set_up();
    sb.append(CONFIG, "colour = \"red\"\n");
    // The module builds no jail then, so sshd refuses everybody that it sends into the jail root.
    assert!(!is_jailed(&sb, "anna") && !has_a_shell(&sb, "anna"));
    sb.wait_for_logouts();
    let out = refuses(&sb, &["it is unknown which jail root", "there is no key colour", "--force"]);
    assert!(out.stdout.contains("Note: nobody is jailed now: /etc/sftpjail/config.toml: line "), "{out}");
    // Once it is away, there is nothing to correct.
    let fix = format!("move {CONFIG} away, which was not there before setup; then run this again");
    assert!(out.stderr.contains(&fix) && !out.stderr.contains("correct the configuration"), "{out}");
    assert!(
        out.stdout.contains("\nUsers that sshd will no longer refuse, with the shell /bin/sh: anna.\n"),
        "{out}"
    );
    assert!(!out.stdout.contains("no longer be jailed"), "{out}");
    let out = sb.sh(&format!("{UNDO} --force"));
    assert!(out.stdout.contains("\nNo longer refused by sshd, with the shell /bin/sh: anna.\n"), "{out}");
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn edits_beside_what_setup_inserted_stay_and_need_no_force() {
    let sb = Sandbox::stock();
    sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config; sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sshd();
    sb.append("/etc/ssh/sshd_config", "LoginGraceTime 99\n");
    sb.sh(
        "sed -i '1i # of an admin' /etc/pam.d/sshd; sed -i 's/rotate 4/rotate 9/' /etc/logrotate.d/rsyslog",
    );
    let out = sb.sh(UNDO);
    for path in ["/etc/ssh/sshd_config", "/etc/pam.d/sshd", "/etc/logrotate.d/rsyslog"] {
        let note =
            format!("Note: {path} has been edited since setup, so only what setup added is removed.\n");
        assert!(out.stdout.contains(&note), "{out}");
        assert!(!sb.read_text(path).contains("sftp.log") && !sb.read_text(path).contains("sftpjail"));
    }
    assert!(sb.read_text("/etc/ssh/sshd_config").ends_with("LoginGraceTime 99\n"));
    assert!(out.stdout.contains("\nNo longer jailed, with the shell /bin/sh: anna.\n"), "{out}");
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn what_others_have_removed_already_needs_no_force() {
    let sb = set_up();
    sb.sh(&format!("rm {DROP_IN} {RSYSLOG} {USER_MANAGER}; sed -i /sftpjail/d /etc/pam.d/sshd; rm /etc/logrotate.d/rsyslog"));
    sb.restart_sshd();
    let out = sb.sh(UNDO);
    assert!(
        out.stdout.contains("Note: /etc/logrotate.d/rsyslog has been removed since setup, and stays so.\n"),
        "{out}"
    );
    assert!(!out.stdout.contains("o longer jailed"), "anna had her shell before: {out}");
    sb.sh("not test -e /jail; not test -e /etc/sftpjail; not test -e /etc/logrotate.d/rsyslog");
}

#[test]
fn a_second_setup_between_and_an_edit_after_it() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    sb.sh(&format!("sed -i 's/\\[\"sftp\"\\]/[\"sftp\", \"partners\"]/' {CONFIG}; sftpjail setup --yes"));
    sb.append(CONFIG, "# of an admin\n");
    let out = refuses(&sb, &[CONFIG, "--force"]);
    assert_eq!(out.stdout.matches("has been edited since setup").count(), 1, "{out}");
    sb.sh(&format!("sed -i '1i # of an admin' /etc/pam.d/sshd; {UNDO} --force; rm {CONFIG}"));
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("Everything is as it was before."), "{out}");
    assert_same(&before, &etc(&sb), &["./pam.d/sshd"]);
    assert!(!sb.read_text("/etc/pam.d/sshd").contains("sftpjail"));
}

#[test]
fn a_lost_backup_of_a_file_that_setup_inserted_into_is_not_needed() {
    let sb = Sandbox::stock();
    let pam = sb.read_text("/etc/pam.d/sshd");
    sb.sh(&format!("sftpjail setup --yes; rm -f /var/lib/sftpjail/setup/before-*; {UNDO} --force"));
    assert_eq!(sb.read_text("/etc/pam.d/sshd"), pam);
    sb.sh("! grep -r sftpjail /etc/ssh /etc/rsyslog.d");
}

#[test]
fn a_file_that_others_can_write_now_stops_undo_before_it_changes_anything() {
    let sb = set_up();
    sb.sh("chmod 666 /etc/pam.d/sshd");
    refuses(&sb, &["/etc/pam.d/sshd is writable by others than root"]);
}
