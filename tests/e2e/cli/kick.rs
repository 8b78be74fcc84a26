//! `sftpjail kick`: ends the sessions that it is asked to end, properly, and no others.

use sandbox::Sandbox;
use serde_json::Value;

/// A machine with the members mle and kim.
fn machine(namespace: &str) -> Sandbox {
    let sb = Sandbox::new();
    sb.sh(&format!("mkdir -p /etc/sftpjail; echo 'namespace = \"{namespace}\"' > /etc/sftpjail/config.toml"));
    sb.user("mle").group("sftp").add();
    sb.user("kim").group("sftp").add();
    sb
}

#[test]
fn all_sessions_of_a_user_end_and_are_closed_properly() {
    for namespace in ["private", "host"] {
        let sb = machine(namespace);
        let (mut first, mut second, mut other) =
            (sb.sftp_live("mle"), sb.sftp_live("mle"), sb.sftp_live("kim"));
        let out = sb.sh("sftpjail kick mle");
        let lines: Vec<_> = out.stdout.lines().collect();
        assert_eq!(lines.len(), 5, "{out}");
        assert!(
            lines[..2]
                .iter()
                .all(|l| l.starts_with("✓ the session of mle from 127.0.0.1 has ended (process ")),
            "{out}"
        );
        // It has waited: nothing is left when it returns.
        assert_eq!(sb.sh("ls /run/sftpjail").stdout, "kim\n");
        assert_eq!(sb.log_lines("session closed for user mle(uid=").len(), 2);
        assert!(!sb.sh("ls /jail").stdout.contains("mle"));
        first.try_send("ls").unwrap_err();
        second.try_send("ls").unwrap_err();
        other.send("ls");
    }
}

/// The file that is sent while the session is ended has its size there.
#[test]
fn what_was_open_and_the_end_are_in_the_log() {
    for namespace in ["private", "host"] {
        let sb = machine(namespace);
        sb.install_log_drop_in();
        let mut live = sb.sftp_live("mle");
        sb.sh("truncate -s 2G /tmp/large");
        live.write("put /tmp/large large");
        sb.sh("until test -s /home/mle/large; do sleep 0.01; done");
        let started = std::time::Instant::now();
        sb.sh("sftpjail kick mle");
        assert!(started.elapsed() < std::time::Duration::from_secs(9), "{:?}", started.elapsed());
        sb.wait_for_log("]: session closed for local user mle from");
        let size = sb.sh("stat -c %s /home/mle/large").stdout;
        sb.wait_for_log(&format!("close \"/home/mle/large\" bytes read 0 written {}", size.trim()));
        let out = sb.sh("sftpjail audit mle");
        assert_eq!(out.stderr, "", "{out}");
        drop(live);
    }
}

#[test]
fn one_session_ends_by_the_pid_of_any_of_its_processes_even_without_its_monitor() {
    let sb = machine("private");
    for kill_monitor in [false, true] {
        let mut other = sb.sftp_live("kim");
        let _live = sb.sftp_live("mle");
        let (monitor, child) = (sb.session_monitor("mle"), sb.session_child("mle"));
        if kill_monitor {
            sb.sh(&format!("kill -9 {monitor}"));
            sb.wait_gone(monitor);
        }
        let out = sb.sh(&format!("sftpjail kick --pid {child} --json"));
        let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
        let pid = if kill_monitor { child } else { monitor };
        assert_eq!(document["sessions"].as_array().map(Vec::len), Some(1), "{out}");
        assert_eq!(document["sessions"][0]["pid"], pid, "{out}");
        assert_eq!(document["sessions"][0]["ended"], true, "{out}");
        assert!(!sb.sh("sftpjail list").stdout.contains("mle"));
        other.send("ls");
    }
}

#[test]
fn a_session_that_does_not_end_is_reported_and_killed_only_with_force() {
    let sb = machine("private");
    let _live = sb.sftp_live("mle");
    let (monitor, child) = (sb.session_monitor("mle"), sb.session_child("mle"));
    sb.sh(&format!("kill -STOP {monitor}"));
    let out = sb.try_sh("sftpjail kick mle");
    assert_eq!(out.code, Some(1), "{out}");
    let expected = format!(
        "✗ the session of mle from 127.0.0.1 goes on (process {monitor})\n  → kill it: sftpjail kick --force --pid {monitor}\n"
    );
    assert_eq!(out.stdout, expected);
    sb.sh(&format!("sftpjail kick --force --pid {monitor}"));
    sb.wait_gone(monitor);
    sb.wait_gone(child);
    assert_eq!(sb.sh("sftpjail list").stdout, "Nobody is in a jail.\n");
}

#[test]
fn a_stopped_internal_sftp_is_killed_with_force() {
    let sb = machine("private");
    let _live = sb.sftp_live("mle");
    let server = sb.session_server("mle");
    sb.kill(server, "STOP");
    let out = sb.sh("sftpjail kick --force mle");
    assert!(out.stdout.starts_with("✓ the session of mle from 127.0.0.1 has ended"), "{out}");
    sb.wait_gone(server);
}

#[test]
fn a_file_at_a_records_path_in_another_mount_namespace_is_not_a_record() {
    let sb = machine("private");
    for kill_monitor in [false, true] {
        let _live = sb.sftp_live("mle");
        let (monitor, child) = (sb.session_monitor("mle"), sb.session_child("mle"));
        // As any user can, in a user namespace.
        let forged = "record=$(ls /run/sftpjail/mle/*); mount -t tmpfs none /run; mkdir -p /run/sftpjail/mle
                      exec sleep 1000 9>$record";
        sb.sh(&format!("setsid unshare --mount sh -ec '{forged}' >/dev/null 2>&1 </dev/null &"));
        let forger = loop {
            // Not a shell that is about to become it: its script has these words, too.
            let is_it = |(_, line): &(i32, String)| line == "sleep 1000";
            if let Some((pid, _)) = sb.processes().into_iter().find(is_it) {
                break pid;
            }
        };
        if kill_monitor {
            sb.kill(monitor, "KILL");
            sb.wait_gone(monitor);
        }
        assert_eq!(sb.try_sh(&format!("sftpjail kick --pid {forger}")).code, Some(3));
        sb.sh("sftpjail kick --force mle");
        sb.wait_gone(child);
        sb.kill(forger, "KILL");
        sb.wait_gone(forger);
    }
}

/// It is on a filesystem that keeps root out, which everybody can mount in a user namespace.
#[test]
fn a_file_at_a_records_path_that_root_may_not_look_at_hides_no_session() {
    let sb = machine("private");
    let forged = "mount -t tmpfs none /run; mkdir -p /run/sftpjail/mle
        gocryptfs -q -extpass \"echo pw\" /srv/cipher /run/sftpjail/mle </dev/null
        exec sleep 1000 9>/run/sftpjail/mle/private-1";
    sb.sh(&format!(
        "test -e /dev/fuse || mknod -m 666 /dev/fuse c 10 229; install -d -o kim /srv/cipher
        setpriv --reuid kim --regid kim --clear-groups sh -c '
            gocryptfs -q -init -scryptn 10 -extpass \"echo pw\" /srv/cipher </dev/null'
        setsid setpriv --reuid kim --regid kim --clear-groups unshare -Urm sh -ec '{forged}' \
            >/dev/null 2>&1 </dev/null &
        until pgrep -u kim -x sleep; do sleep 0.05; done"
    ));
    let out = sb.try_sh("stat -L /proc/$(pgrep -u kim -x sleep)/fd/9").failed();
    assert!(out.stderr.contains("Permission denied"), "{out}");
    let _live = sb.sftp_live("mle");
    let monitor = sb.session_monitor("mle");
    sb.kill(monitor, "KILL");
    sb.wait_gone(monitor);
    let out = sb.sh("sftpjail list");
    assert!(!out.stdout.contains("not all processes"), "{out}");
    let out = sb.sh("sftpjail kick mle");
    assert!(out.stdout.starts_with("✓ the session of mle from 127.0.0.1 has ended"), "{out}");
}

#[test]
fn a_session_whose_processes_cannot_be_seen_has_not_ended() {
    let sb = machine("private");
    let _live = sb.sftp_live("mle");
    // In another PID namespace, like a container that shares /run.
    let out = sb.try_sh("unshare --pid --fork --mount-proc sftpjail kick mle");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(
        out.stdout.starts_with("✗ the session of mle from 127.0.0.1 goes on: its processes cannot be seen"),
        "{out}"
    );
}

#[test]
fn users_without_a_session_cannot_be_kicked() {
    let sb = machine("private");
    let mut live = sb.sftp_live("mle");
    for (arguments, expected) in [
        ("kim", "kim has no live session.\n"),
        ("--pid 1", "1 is not a process of a live session.\n"),
        ("'a\nb'", "\"a\\x0ab\" has no live session.\n"),
    ] {
        let out = sb.try_sh(&format!("sftpjail kick {arguments}"));
        assert_eq!((out.code, out.stdout.as_str()), (Some(3), expected), "{out}");
    }
    // A reader that has closed the pipe does not change the exit status.
    let unread = "{ sleep 0.3; sftpjail kick kim; } | true; exit ${PIPESTATUS[0]}";
    assert_eq!(sb.try_sh(&format!("bash -c '{unread}'")).code, Some(3));
    for arguments in ["", "mle --pid 1", "--pid x"] {
        assert_eq!(sb.try_sh(&format!("sftpjail kick {arguments}")).code, Some(2), "{arguments}");
    }
    live.send("ls");
}

#[test]
fn a_misspelt_name_is_answered_with_the_user_that_was_meant_with_or_without_a_session() {
    let sb = Sandbox::new();
    sb.user("eve").group("sftp").add();
    let kick = |user: &str| {
        let out = sb.try_sh(&format!("sftpjail kick {user}"));
        assert_eq!((out.code, out.stderr.as_str()), (Some(3), ""), "{out}");
        out.stdout
    };
    assert_eq!(kick("evve"), "evve has no live session; did you mean eve?\n");
    assert_eq!(kick("eve"), "eve has no live session.\n");
    sb.user("eve2").group("sftp").add();
    let live = sb.sftp_live("eve");
    assert_eq!(kick("evve"), "evve has no live session; did you mean eve?\n");
    // A name that is right is not answered with another one.
    assert_eq!(kick("eve2"), "eve2 has no live session.\n");
    sb.sh("userdel -f eve");
    let out = sb.sh("sftpjail kick eve");
    let last = out.stdout.lines().last();
    assert_eq!(
        last,
        Some("✓ there is no account eve any more, so nobody can log in with this name"),
        "{out}"
    );
    drop(live);
    assert_eq!(kick("xyz"), "xyz has no live session.\n");
}

#[test]
fn a_user_can_come_back_until_the_account_is_locked_as_it_says() {
    let sb = machine("private");
    sb.sh("chage -E 2090-01-02 kim");
    for (user, unlock) in [("mle", "chage -E -1 mle"), ("kim", "chage -E 43831 kim")] {
        let first = sb.sftp_live(user);
        let out = sb.sh(&format!("sftpjail kick {user}")).stdout;
        drop(first);
        assert!(
            out.contains(&format!("\n! {user} can log in again, and some clients do so at once\n")),
            "{out}"
        );
        let (_, lock) = out.split_once("let the account expire first: ").expect("a command");
        let (lock, later) = lock.split_once('\n').expect("a line");
        assert_eq!(later, format!("  → and let it in again later: {unlock}\n"));
        // A client that comes back at once.
        let _back = sb.sftp_live(user);
        let out = sb.sh(lock).stdout;
        assert!(out.starts_with(&format!("✓ the session of {user} from 127.0.0.1 has ended")), "{out}");
        assert_eq!(out.lines().count(), 1, "{out}");
        sb.sftp(user, "pwd\n").failed();
        sb.sh(unlock);
        sb.sftp(user, "pwd\n").ok();
    }
}
