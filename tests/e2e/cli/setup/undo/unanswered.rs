//! Undo says nothing of members that nobody has answered for.

use super::{UNDO, refuses, set_up};
use crate::cli::setup::{assert_same, etc};
use sandbox::Sandbox;

const UNKNOWN: &str = "Note: who is jailed now is unknown: ";

/// Nothing is said of anybody.
#[track_caller]
fn says_that_it_is_unknown(sb: &Sandbox, why: &str) {
    let out = sb.try_sh("sftpjail setup --undo --dry-run");
    assert_eq!(out.code, Some(3), "{out}");
    let note = out.stdout.lines().find(|line| line.starts_with(UNKNOWN));
    assert!(note.is_some_and(|note| note.contains(why)), "{out}");
    let said = out.stdout.lines().filter(|line| line.starts_with("Members ") || line.starts_with("Users "));
    assert_eq!(said.count(), 0, "{out}");
}

/// The group lists somebody that a service may know, which does not answer.
#[test]
fn a_member_whom_a_service_does_not_answer_for_leaves_unknown_who_is_jailed() {
    let sb = set_up();
    sb.sh("sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf; sed -i 's/^sftp:.*/&,ghost/' /etc/group");
    says_that_it_is_unknown(&sb, "looking up user ghost failed");
    // Once it answers, ghost is nobody.
    sb.sh("mkdir -p /var/lib/extrausers; touch /var/lib/extrausers/passwd");
    let out = sb.try_sh("sftpjail setup --undo --dry-run").stdout;
    let line = "\nMembers who will no longer be jailed, with the shell /bin/sh: anna.\n";
    assert!(out.contains(line) && !out.contains("is unknown"), "{out}");
}

/// The groups come from a service that answers, but who is exempt is read from /etc/group itself.
#[test]
fn a_look_up_that_fails_for_one_user_makes_nobody_a_stranger() {
    let sb = Sandbox::stock();
    sb.user("anna").group("sftp").add();
    sb.sh("sftpjail setup --yes; grep -q '^exempt_groups = ..sudo' /etc/sftpjail/config.toml
        mkdir -p /var/lib/extrausers; mv /etc/group /var/lib/extrausers/group; mkdir /etc/group
        sed -i 's/^group:.*/group: extrausers/' /etc/nsswitch.conf; getent group sftp | grep anna");
    sb.sshd();
    says_that_it_is_unknown(&sb, "/etc/group");
}

/// Both reasons are one sentence with one `--force`.
#[test]
fn an_edited_file_and_a_live_session_are_forced_once() {
    let sb = set_up();
    sb.sh(&format!("echo '# mine' >>{}", super::DROP_IN));
    let mut live = sb.sftp_live("anna");
    let out = refuses(
        &sb,
        &[
            "has been edited since setup; a member is logged in: anna; ",
            "; wait until they have logged out (sftpjail list); then run this again, or use --force, which undoes the \
             rest only and lets their sessions go on\n",
        ],
    );
    assert_eq!(out.stderr.matches("--force").count(), 1, "{out}");
    live.send("pwd");
}

#[test]
fn with_one_sshds_file_it_undoes_nothing_of_the_others() {
    let sb = Sandbox::stock();
    let second = "/etc/ssh/second_config";
    sb.sh(&format!(
        "sed 's/^Include.*//; s/^#Port 22/Port 2222/' /etc/ssh/sshd_config >{second}
        sftpjail setup --yes; sftpjail setup --yes --sshd-config {second}; grep -q 'Match Group sftp' {second}"
    ));
    let before = etc(&sb);
    for option in ["--yes", "--dry-run"] {
        let out = sb.try_sh(&format!("sftpjail setup --undo {option} --sshd-config {second}"));
        assert_eq!((out.code, out.stdout.as_str()), (Some(1), ""), "{out}");
        let what = format!(
            "sftpjail: undo restores everything that setup has written, for every sshd (/etc/ssh/sshd_config, {second}), \
             and not only for that of {second}; run it without --sshd-config; "
        );
        assert!(out.stderr.starts_with(&what), "{out}");
    }
    assert_same(&before, &etc(&sb), &[]);
    sb.sh(UNDO);
    sb.sh(&format!("! grep sftpjail {second} /etc/ssh/sshd_config.d/* /etc/pam.d/sshd"));
}
