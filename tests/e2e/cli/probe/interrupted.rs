//! `sftpjail probe` leaves nothing behind, however it ends.

use super::{all_ok, left_nothing, machine, state};
use sandbox::{Sandbox, one_moment_in};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Runs a probe, and sends a signal to it or to its child when the shell script `moment` has ended. Gives whether the
/// probe had ended by itself before.
fn interrupt(sb: &Sandbox, signal: &str, process: &str, moment: &str) -> bool {
    // It would ignore what the caller of the tests ignores: SIGINT of a shell in the background, SIGHUP of nohup(1).
    let mut probe = sb.command("env");
    probe
        .args(["--default-signal=INT,HUP", "sftpjail", "probe", "mle"])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut probe = probe.spawn().expect("sandbox-enter runs");
    sb.try_sh(moment);
    let found = sb.processes().into_iter().find(|(_, line)| line.starts_with(process));
    if let Some((pid, _)) = found {
        sb.try_sh(&format!("kill -{signal} {pid}"));
    }
    probe.wait().expect("it is our child").code() == Some(0)
}

/// Waits until all processes of the probe have ended.
#[track_caller]
fn quiet(sb: &Sandbox) {
    let start = Instant::now();
    let busy = |(_, line): &(i32, String)| {
        ["sftpjail", "ssh", "sftp", "/bin/sh", "cat "].iter().any(|word| line.contains(word))
            && !line.contains("sshd -D")
    };
    while let Some(process) = sb.processes().into_iter().find(busy) {
        assert!(start.elapsed() < Duration::from_secs(15), "{process:?} is still there");
        sleep(Duration::from_millis(10));
    }
}

/// Waits until the public key is there.
const KEY: &str = "for i in $(seq 100000); do test -s /run/sftpjail-probe/authorized_keys && break; done";

/// Waits until the user's directory is there.
const WRITING: &str = "for i in $(seq 100000); do set -- /home/mle/.sftpjail-probe-*; test -e \"$1\" && break; done; test -e \"$1\"";

#[test]
fn a_probe_that_is_interrupted_at_any_moment_leaves_nothing_behind() {
    let sb = machine();
    sb.stop_sshd();
    let before = state(&sb);
    let mut interrupted = 0;
    let moments = (0..12)
        .step_by(one_moment_in())
        .map(|n| format!("sleep 0.{:03}", n * 25))
        .chain([WRITING.to_owned()]);
    for moment in moments {
        for signal in ["INT", "TERM", "HUP", "KILL"] {
            let had_ended = interrupt(&sb, signal, "sftpjail probe mle", &moment);
            interrupted += usize::from(!had_ended);
            quiet(&sb);
            left_nothing(&sb, &before, &format!("{signal} {moment}"));
        }
    }
    assert!(interrupted * one_moment_in() > 30, "only {interrupted} were interrupted");
    all_ok(&sb, "mle");
}

#[test]
fn the_next_probe_removes_what_a_killed_child_left() {
    let sb = machine();
    sb.stop_sshd();
    let before = state(&sb);
    let later = format!("{KEY}; sleep 0.1");
    for moment in [KEY, &later, WRITING] {
        let had_ended = interrupt(&sb, "KILL", "sftpjail probing", moment);
        assert!(!had_ended, "{moment}");
        quiet(&sb);
        // Only root can read it, except for the public key.
        let left = sb.try_sh("find /run/sftpjail-probe -maxdepth 1 -printf '%p %m %U\\n' | sort").stdout;
        assert_eq!(
            left,
            "/run/sftpjail-probe 711 0\n/run/sftpjail-probe/authorized_keys 644 0\n/run/sftpjail-probe/private 700 0\n",
            "{moment}"
        );
        let key = sb.sh(
            "setpriv --reuid mle --regid mle --clear-groups cat /run/sftpjail-probe/private/key 2>&1 || true",
        );
        assert!(key.stdout.contains("Permission denied"), "{key}");
        let mut rest = state(&sb);
        rest.retain(|line| !line.starts_with("/run/sftpjail-probe") && !line.starts_with("/run "));
        assert!(rest.is_subset(&before), "{moment}: {:#?}", rest.difference(&before));
        all_ok(&sb, "mle");
        left_nothing(&sb, &before, moment);
    }
}

#[test]
fn a_reader_that_has_closed_the_pipe_does_not_change_the_exit_status() {
    let sb = machine();
    let before = state(&sb);
    let (reader, writer) = sandbox::pipe();
    drop(reader);
    let out = sb.command("sftpjail").args(["probe", "mle"]).stdout(writer).output().unwrap();
    assert_eq!((String::from_utf8_lossy(&out.stderr).as_ref(), out.status.code()), ("", Some(0)));
    left_nothing(&sb, &before, "the probe");
}
