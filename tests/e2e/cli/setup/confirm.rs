//! `--confirm-within`: an admin who is locked out can log in again after the time has passed.

use super::{assert_same, etc};
use sandbox::{Sandbox, wait_until};
use std::thread::sleep;
use std::time::{Duration, Instant};

// Times are long enough for a busy machine to finish a setup before they have passed.

#[test]
fn a_setup_that_nobody_confirms_is_undone_after_the_admins_session_has_ended() {
    let sb = Sandbox::stock();
    sb.user("joe").add();
    sb.sshd();
    let before = etc(&sb);
    // All processes of the session that runs setup are killed.
    let out = sb.sh("setsid sh -c 'sftpjail setup --yes --confirm-within 8s; kill -HUP 0' || true");
    assert!(out.stdout.contains("sftpjail setup --confirm`") && out.stdout.contains("in 8s"), "{out}");
    assert!(etc(&sb) != before);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("waits to be confirmed"), "{out}");
    let start = Instant::now();
    while etc(&sb) != before && start.elapsed() < Duration::from_secs(30) {
        sleep(Duration::from_millis(100));
    }
    sb.wait_for_log("setup: not confirmed in time: everything is undone");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("! test -e /var/lib/sftpjail");
    assert_eq!(sb.pids("setup-timer"), [] as [i32; 0]);
    sb.ssh("joe", &["true"]).ok();
    let out = sb.try_sh("sftpjail setup --confirm").failed();
    assert!(out.stderr.contains("everything is as it was before"), "{out}");
}

/// A group that somebody is in stays, and the journal with it.
#[test]
fn a_confirmation_that_comes_too_late_is_an_error_also_where_something_stays() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes --confirm-within 8s");
    sb.user("anna").group("sftp").add();
    sb.wait_for_log("setup: not confirmed in time: ");
    // It has the lock for a little longer.
    let has_ended = || sb.pids("setup-timer").is_empty().then_some(());
    assert!(wait_until(Duration::from_secs(20), has_ended).is_some());
    sb.sh("test -e /var/lib/sftpjail/setup/journal.json");
    let out = sb.try_sh("sftpjail setup --confirm").failed();
    assert!(out.stderr.contains("nothing waits to be confirmed: the last setup is undone"), "{out}");
    // A setup that is there was confirmed, or did not have to be.
    let out = sb.sh("sftpjail setup --yes >/dev/null; sftpjail setup --confirm");
    assert!(out.stdout.starts_with("Nothing waits to be confirmed."), "{out}");
}

#[test]
fn a_confirmed_setup_stays_and_can_be_undone() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 8s; sftpjail setup --confirm");
    let complete = etc(&sb);
    sleep(Duration::from_secs(10));
    assert_same(&complete, &etc(&sb), &[]);
    assert_eq!(sb.pids("setup-timer"), [] as [i32; 0]);
    sb.sh("sftpjail setup --undo --yes");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn the_next_run_undoes_a_setup_whose_timer_was_killed() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 60s");
    for pid in sb.pids("setup-timer") {
        sb.kill(pid, "KILL");
    }
    // As it is after 60 s.
    sb.sh(r#"sed -i -E 's/"until": ?[0-9]+/"until":1/' /var/lib/sftpjail/setup/journal.json
        grep -q '"until":1\b' /var/lib/sftpjail/setup/journal.json"#);
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("An earlier setup was not finished: restoring"), "{out}");
    sb.sh("sftpjail setup --undo --yes");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn an_undo_that_was_interrupted_is_called_one() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes");
    // As an undo that is killed leaves it before it has changed a file.
    sb.sh(r#"sed -i -E 's/"phase": ?"applied"/"phase":"undoing"/; s/"settled": ?[0-9]+/"settled":0/' /var/lib/sftpjail/setup/journal.json
        grep -q '"phase":"undoing"' /var/lib/sftpjail/setup/journal.json"#);
    let dry = sb.try_sh("sftpjail setup --dry-run");
    assert!(dry.stdout.contains("An undo was interrupted; the next setup goes on with it first.\n"), "{dry}");
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("An undo was not finished: going on with it.\n"), "{out}");
    sb.sh("sftpjail setup --undo --yes");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn text_that_is_not_a_time_is_refused() {
    let sb = Sandbox::stock();
    for time in ["0s", "5", "-3m", "soon"] {
        let out = sb.try_sh(&format!("sftpjail setup --yes --confirm-within={time}"));
        assert!(out.code == Some(2) && out.stderr.contains("such as 5m"), "{out}");
    }
}

#[test]
fn a_failed_undo_is_tried_again() {
    let sb = Sandbox::stock();
    sb.sshd();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 8s
        mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    sb.wait_for_log("setup: not confirmed in time, and not undone: /etc/");
    sb.sh("umount /etc");
    sb.wait_for_log("setup: not confirmed in time: everything is undone");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_timer_that_waited_for_the_lock_changes_nothing_of_another_run() {
    let sb = Sandbox::stock();
    // A run removes the directory when it ends, and the next one makes another.
    sb.sh("sftpjail setup --yes --confirm-within 8s
        exec 8</var/lib/sftpjail/setup; flock 8; sleep 9.5
        rm -r /var/lib/sftpjail/setup; mkdir -m 700 /var/lib/sftpjail/setup
        exec 9</var/lib/sftpjail/setup; flock 9; touch /var/lib/sftpjail/setup/before-0
        exec 8<&-; sleep 1; test -e /var/lib/sftpjail/setup/before-0");
}

#[test]
fn what_the_timer_cannot_undo_is_logged_and_keeps_what_it_needs() {
    let sb = Sandbox::stock();
    let drop_in = "/etc/ssh/sshd_config.d/00-sftpjail.conf";
    sb.sh(&format!("sftpjail setup --yes --confirm-within 8s; sed -i 's/-l INFO/-l VERBOSE/' {drop_in}"));
    sb.user("anna").group("sftp").add();
    sb.sshd();
    let line = sb.wait_for_log("setup: not confirmed in time: undone, but not all of it: ");
    assert!(line.contains(&format!("{drop_in} has been edited since setup, so it stays as it is")), "{line}");
    assert!(line.contains("the jail root") && line.contains("/etc/pam.d/sshd"), "{line}");
    sb.sftp("anna", "pwd\n").ok();
    sb.sftp("anna", "ls /etc/ssh\n").failed();
    sb.sh("not test -e /etc/rsyslog.d/10-sftpjail.conf; test -e /var/lib/sftpjail/setup/journal.json");
}

#[test]
fn a_question_that_waits_for_its_answer_does_not_keep_the_timer_waiting() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 20s; mkfifo /run/answer; sleep 600 >/run/answer 2>&1 &
        script -qfec 'sftpjail setup --undo' /run/asked </run/answer >/dev/null 2>&1 &
        for i in $(seq 200); do ! grep -q 'Do this?' /run/asked || break; sleep 0.05; done; grep -q 'Do this?' /run/asked");
    sb.sh("for i in $(seq 800); do test -e /var/lib/sftpjail/setup/journal.json || break; sleep 0.05; done");
    sb.wait_for_log("setup: not confirmed in time: everything is undone");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("echo y >/run/answer
        for i in $(seq 600); do ! grep -q 'something has changed' /run/asked || break; sleep 0.05; done
        grep -q 'something has changed' /run/asked; not test -e /var/lib/sftpjail");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_setup_with_nothing_to_do_says_that_it_set_no_timer() {
    let sb = Sandbox::stock();
    sb.sh("sftpjail setup --yes");
    let out = sb.sh("sftpjail setup --yes --confirm-within 10m");
    let said = "No file was changed, so no timer was set, and nothing waits to be confirmed.\n";
    assert!(out.stdout.contains(said), "{out}");
    assert_eq!(sb.pids("setup-timer"), [] as [i32; 0]);
}
