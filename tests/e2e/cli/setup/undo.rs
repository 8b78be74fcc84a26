//! `setup --undo` shows what it will do and asks, and what it says of members is so.

mod accepted;
mod edited;
mod groups;
mod guests;
mod jail_root;
mod needed;
mod repaired;
mod unanswered;
mod unread;

use super::{REWRITTEN_BY_USERADD, assert_same, etc};
use sandbox::{Output, Sandbox};

pub(super) const UNDO: &str = "sftpjail setup --undo --yes";

/// The drop-in with the members' `Match` block.
const DROP_IN: &str = "/etc/ssh/sshd_config.d/00-sftpjail.conf";

const JOURNAL: &str = "/var/lib/sftpjail/setup/journal.json";

/// A stock machine that is set up, with the member anna and a running sshd.
fn set_up() -> Sandbox {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    sb.user("anna").group("sftp").add();
    sb.sshd();
    sb
}

/// Whether the user gets a shell.
fn has_a_shell(sb: &Sandbox, user: &str) -> bool {
    sb.ssh(user, &["echo", "a shell"]).stdout == "a shell\n"
}

/// Whether the user logs in and is jailed.
fn is_jailed(sb: &Sandbox, user: &str) -> bool {
    sb.sftp(user, "ls -l /\n").code == Some(0) && sb.sftp(user, "ls /etc/ssh\n").code != Some(0)
}

/// Runs undo, which refuses with these words on stderr, and changes nothing. Gives what it prints.
#[track_caller]
fn refuses(sb: &Sandbox, words: &[&str]) -> Output {
    let before = etc(sb);
    let out = sb.try_sh(UNDO);
    assert_eq!(out.code, Some(1), "{out}");
    assert_eq!(out.stderr.lines().count(), 1, "{out}");
    for word in words {
        assert!(out.stderr.contains(word), "{word:?} is missing: {out}");
    }
    assert_same(&before, &etc(sb), &[]);
    out
}

#[test]
fn at_a_terminal_it_shows_the_diff_and_asks_and_the_answer_no_changes_nothing() {
    let sb = set_up();
    let before = etc(&sb);
    let out = sb.try_sh("echo n | script -qec 'sftpjail setup --undo' /dev/null");
    assert_eq!(out.code, Some(1), "{out}");
    for part in [
        "--- /etc/ssh/sshd_config.d/00-sftpjail.conf\r\n+++ /dev/null\r\n",
        "-Match Group sftp\r\n",
        "default=bad] pam_sftpjail.so open\r\n",
        "rmdir /jail\r\n",
        "Members who will no longer be jailed, with the shell /bin/sh: anna.\r\n",
        "Do this? [y/N]",
        "Nothing was changed.",
    ] {
        assert!(out.stdout.contains(part), "{part:?} is missing: {out}");
    }
    assert_same(&before, &etc(&sb), &[]);
    assert!(is_jailed(&sb, "anna"));
    let out = sb.sh("sleep 0.5; echo y | script -qec 'sftpjail setup --undo --force' /dev/null");
    assert!(out.stdout.contains("No longer jailed, with the shell /bin/sh: anna.\r\n"), "{out}");
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn without_a_terminal_it_does_not_ask_and_changes_nothing() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --undo </dev/null").failed();
    assert!(out.stderr.contains("no terminal") && out.stderr.contains("--yes"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_dry_run_shows_the_diff_changes_nothing_and_says_by_its_status_whether_something_would() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let before = etc(&sb);
    let out = sb.try_sh("sftpjail setup --undo --dry-run");
    assert_eq!((out.code, out.stderr.as_str()), (Some(3), ""), "{out}");
    assert!(out.stdout.contains("\n-Match Group sftp\n") && out.stdout.contains("\nrmdir /jail\n"), "{out}");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh(&format!("{UNDO}; sftpjail setup --undo --dry-run; ! test -e /var/lib/sftpjail"));
}

#[test]
fn the_shells_of_members_are_named_and_nothing_is_said_of_users_whom_sshd_refused() {
    let sb = set_up();
    sb.user("kim").group("sftp").shell("/usr/sbin/nologin").add();
    // In an exempt group: sshd sends bob into the jail root, where no jail is built.
    sb.user("bob").group("sftp").group("sudo").add();
    sb.sftp("bob", "pwd\n").failed();
    sb.wait_for_logouts();
    let out = sb.sh(UNDO);
    for line in [
        "\nNo longer jailed, with the shell /bin/sh: anna.\n",
        "\nNo longer jailed, with the shell /usr/sbin/nologin: kim.\n",
        "\nNo longer refused by sshd, with the shell /bin/sh: bob.\n",
    ] {
        assert!(out.stdout.contains(line), "{line:?} is missing: {out}");
    }
    assert!(has_a_shell(&sb, "anna") && !has_a_shell(&sb, "kim") && has_a_shell(&sb, "bob"));
}

#[test]
fn users_whom_sshd_keeps_out_are_not_said_to_get_their_shells() {
    let sb = set_up();
    sb.user("kim").group("sftp").add();
    sb.write("/etc/ssh/sshd_config.d/50-deny.conf", "DenyUsers kim\n");
    sb.restart_sshd();
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("\nNo longer jailed, with the shell /bin/sh: anna.\n"), "{out}");
    assert!(!out.stdout.lines().any(|line| line.contains("onger") && line.contains("kim")), "{out}");
}

#[test]
fn without_the_journal_it_names_what_is_there_and_does_not_say_that_there_is_nothing() {
    let sb = set_up();
    // As packages have it, the configuration is none of setup's.
    sb.sh("rm -r /var/lib/sftpjail; echo '# ours' >>/etc/sftpjail/config.toml");
    let everything = [
        "/etc/ssh/sshd_config.d/00-sftpjail.conf:3: ",
        "/etc/pam.d/sshd:",
        "/etc/systemd/system/user@.service.d/50-sftpjail.conf",
        "/etc/sftpjail/config.toml",
        "/etc/cron.d/sftpjail",
        "/etc/rsyslog.d/10-sftpjail.conf",
        "/etc/logrotate.d/rsyslog:1: logrotate rotates /var/log/sftp.log\n",
        "/jail: the directory below which jails appear, if setup made it",
        "the group sftp: the group of a profile, if setup made it",
    ];
    let names_everything = || {
        let journal = ["the journal of setup is missing", "/var/lib/sftpjail/setup/journal.json"];
        let out = refuses(&sb, &journal);
        for part in everything {
            assert!(out.stdout.contains(part), "{part:?} is missing: {out}");
        }
        assert!(!out.stdout.contains("Nothing to undo"), "{out}");
        out
    };
    sb.sh("cp /etc/sftpjail/config.toml /root/good; echo 'colour = 1' >>/etc/sftpjail/config.toml");
    let out = names_everything();
    let note = "Note: what else the configuration names is unknown, such as its jail root: /etc/sftpjail/config.toml";
    assert!(out.stdout.starts_with(note) && out.stdout.contains("colour"), "{out}");
    sb.sh("cp /root/good /etc/sftpjail/config.toml");
    names_everything();
    assert!(is_jailed(&sb, "anna"));
    // What it says works.
    sb.sh("rm /etc/ssh/sshd_config.d/00-sftpjail.conf; sed -i /sftpjail/d /etc/pam.d/sshd");
    for removed in [
        "/etc/systemd/system/user@.service.d/50-sftpjail.conf",
        "/etc/sftpjail/config.toml",
        "/etc/cron.d/sftpjail",
        "/etc/rsyslog.d/10-sftpjail.conf",
    ] {
        let out = refuses(&sb, &["journal", "; remove by hand what is listed"]);
        assert!(out.stdout.contains(&format!("{removed}: ")), "{out}");
        sb.sh(&format!("rm {removed}"));
    }
    refuses(&sb, &["has no journal here"]);
    sb.sh("sed -i '\\,/var/log/sftp.log,d' /etc/logrotate.d/rsyslog");
    let out = sb.sh(UNDO);
    let left = "/jail, /etc/systemd/system/user@.service.d, /etc/sftpjail, the group sftp";
    let left = format!("Remove what setup may have left, if nothing else needs it: {left}.\n");
    assert!(out.stdout.contains("Nothing to undo") && out.stdout.ends_with(&left), "{out}");
    sb.sh("rmdir /jail /etc/systemd/system/user@.service.d /etc/sftpjail; userdel anna; groupdel sftp");
    let out = sb.sh(UNDO);
    assert_eq!(out.stdout, "Nothing to undo: `sftpjail setup` has no journal and no file on this machine.\n");
    sb.sh("! test -e /var/lib/sftpjail");
}

#[test]
fn the_journal_stays_until_all_is_undone() {
    let sb = set_up();
    let out = sb.sh(UNDO);
    let note = "Note: the group sftp stays, because anna is in it";
    assert!(
        out.stdout.contains(note) && out.stdout.contains("Everything else is as it was before."),
        "{out}"
    );
    sb.sh(&format!("test -e {JOURNAL}"));
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains(note) && !out.stdout.contains("Everything is as"), "{out}");
    sb.sh("userdel -r anna 2>/dev/null");
    let out = sb.sh(UNDO);
    assert!(out.stdout.contains("groupdel sftp\n"), "{out}");
    assert!(out.stdout.contains("Everything is as it was before."), "{out}");
    sb.sh("not getent group sftp; not test -e /var/lib/sftpjail");
}

#[test]
fn a_setup_after_an_undo_that_left_something_keeps_the_backups_apart() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh(&format!("sftpjail setup --yes; useradd -m -G sftp anna; {UNDO}; sftpjail setup --yes"));
    sb.sh(&format!("userdel -r anna 2>/dev/null; {UNDO}"));
    assert_same(&before, &etc(&sb), &REWRITTEN_BY_USERADD);
    sb.sh("not getent group sftp; not test -e /jail; not test -e /var/lib/sftpjail");
}

#[test]
fn a_full_disk_changes_nothing_and_undo_can_be_run_again() {
    let sb = Sandbox::stock();
    // The directory for `Match` blocks is missing, so the block is in the main file, which undo writes anew.
    sb.sh("sed -i '/^Include/d' /etc/ssh/sshd_config");
    sb.sh("cp -a /etc /run/etc; size=$(($(du -sk /run/etc | cut -f1) + 1024))
        mount -t tmpfs -o mode=755,size=${size}k tmpfs /etc; cp -a /run/etc/. /etc");
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes; dd if=/dev/zero of=/etc/filler bs=4k 2>/dev/null || true");
    let full = etc(&sb);
    let out = sb.try_sh(UNDO).failed();
    assert!(
        out.stderr.contains("No space left on device") && out.stderr.contains("make room there"),
        "{out}"
    );
    assert!(out.stderr.contains("Undo has changed nothing"), "{out}");
    assert_same(&full, &etc(&sb), &[]);
    // Setup does not take it for an undo to be finished.
    let out = sb.sh("sftpjail setup --yes");
    assert_eq!(out.stdout, super::NOTHING, "{out}");
    sb.sh(&format!("rm /etc/filler; {UNDO}"));
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_sshd_configuration_that_others_broke_is_named_before_anything_is_undone() {
    let sb = set_up();
    sb.append("/etc/ssh/sshd_config", "NoSuchKeyword yes\n");
    refuses(&sb, &["NoSuchKeyword", "sshd -t"]);
    assert!(is_jailed(&sb, "anna"));
    sb.sh(&format!("sed -i /NoSuchKeyword/d /etc/ssh/sshd_config; sleep 0.5; {UNDO} --force"));
    assert!(has_a_shell(&sb, "anna"));
}

#[test]
fn members_by_their_primary_group_in_a_service_are_said_to_be_no_longer_jailed() {
    let sb = set_up();
    sb.sh("sed -i 's/^passwd:.*/passwd: files extrausers/' /etc/nsswitch.conf; mkdir -p /var/lib/extrausers
        echo \"lena:x:7001:$(getent group sftp | cut -d: -f3)::/home/lena:/bin/bash\" >/var/lib/extrausers/passwd");
    let out = sb.try_sh("sftpjail setup --undo --dry-run");
    assert!(
        out.stdout.contains("\nMembers who will no longer be jailed, with the shell /bin/bash: lena.\n"),
        "{out}"
    );
    // Who is listed by nobody now may be one of them, too.
    sb.sh("rm -r /var/lib/extrausers");
    let out = sb.try_sh("sftpjail setup --undo --dry-run");
    let note = "\nNote: not all members are known, because a service of NSS does not answer: ";
    assert!(out.stdout.contains(note) && out.stdout.contains("with the shell /bin/sh: anna.\n"), "{out}");
}
