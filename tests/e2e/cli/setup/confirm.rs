//! `--confirm-within`: whoever locks themselves out is let in again.

use super::{assert_same, etc};
use sandbox::Sandbox;
use std::thread::sleep;
use std::time::{Duration, Instant};

#[test]
fn what_nobody_confirms_is_put_back_after_the_session_that_began_it_is_gone() {
    let sb = Sandbox::stock();
    sb.user("joe").add();
    sb.sshd();
    let before = etc(&sb);
    // A session of its own, which is killed with all that is in it.
    let out = sb.sh("setsid sh -c 'sftpjail setup --yes --confirm-within 3s; kill -HUP 0' || true");
    assert!(out.stdout.contains("sftpjail setup --confirm`") && out.stdout.contains("in 3 s"), "{out}");
    assert!(etc(&sb) != before);
    let out = sb.try_sh("sftpjail setup --yes").failed();
    assert!(out.stderr.contains("waits to be confirmed"), "{out}");
    let start = Instant::now();
    while etc(&sb) != before && start.elapsed() < Duration::from_secs(15) {
        sleep(Duration::from_millis(100));
    }
    sb.wait_for_log("setup: not confirmed in time: everything is put back");
    assert_same(&before, &etc(&sb), &[]);
    sb.sh("! test -e /var/lib/sftpjail");
    assert_eq!(sb.pids("setup-timer"), [] as [i32; 0]);
    sb.ssh("joe", &["true"]).ok();
    let out = sb.try_sh("sftpjail setup --confirm").failed();
    assert!(out.stderr.contains("all is as before"), "{out}");
}

#[test]
fn what_is_confirmed_stays_and_can_be_undone() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 2s; sftpjail setup --confirm");
    let complete = etc(&sb);
    sleep(Duration::from_secs(4));
    assert_same(&complete, &etc(&sb), &[]);
    assert_eq!(sb.pids("setup-timer"), [] as [i32; 0]);
    sb.sh("sftpjail setup --undo");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_timer_that_was_killed_is_made_up_for_by_the_next_run() {
    let sb = Sandbox::stock();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 1s");
    for pid in sb.pids("setup-timer") {
        sb.kill(pid, "KILL");
    }
    sleep(Duration::from_millis(2100));
    let out = sb.sh("sftpjail setup --yes");
    assert!(out.stdout.contains("An earlier setup was not finished: putting back"), "{out}");
    sb.sh("sftpjail setup --undo");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_time_that_is_none_is_refused() {
    let sb = Sandbox::stock();
    for time in ["0s", "5", "-3m", "soon"] {
        let out = sb.try_sh(&format!("sftpjail setup --yes --confirm-within={time}"));
        assert!(out.code == Some(2) && out.stderr.contains("such as 5m"), "{out}");
    }
}

#[test]
fn what_cannot_be_put_back_at_once_is_put_back_later() {
    let sb = Sandbox::stock();
    sb.sshd();
    let before = etc(&sb);
    sb.sh("sftpjail setup --yes --confirm-within 1s
        mount --bind /etc /etc; mount -o remount,bind,ro /etc");
    sb.wait_for_log("setup: not confirmed in time, and not put back: /etc/");
    sb.sh("umount /etc");
    sb.wait_for_log("setup: not confirmed in time: everything is put back");
    assert_same(&before, &etc(&sb), &[]);
}

#[test]
fn a_timer_that_waited_for_its_turn_leaves_alone_what_another_run_has_begun_since() {
    let sb = Sandbox::stock();
    // One run ends and removes the directory, the next one makes it anew.
    sb.sh("sftpjail setup --yes --confirm-within 1s
        exec 8</var/lib/sftpjail/setup; flock 8; sleep 2.5
        rm -r /var/lib/sftpjail/setup; mkdir -m 700 /var/lib/sftpjail/setup
        exec 9</var/lib/sftpjail/setup; flock 9; touch /var/lib/sftpjail/setup/before-0
        exec 8<&-; sleep 1; test -e /var/lib/sftpjail/setup/before-0");
}
