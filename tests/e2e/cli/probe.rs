//! `sftpjail probe`: a real login, its findings, and that it leaves nothing behind.

mod accounts;
mod blame;
mod faults;
mod fixes;
mod interrupted;
mod log;
mod server;
mod unanswered;

use sandbox::{Output, Sandbox};
use serde_json::Value;
use std::collections::BTreeSet;
use std::time::Duration;

/// A sandbox with the member mle, who has logged in before.
fn machine() -> Sandbox {
    let sb = Sandbox::new();
    sb.install_log_drop_in();
    sb.user("mle").group("sftp").add();
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_log("session closed for user mle(uid=");
    let has_ended = || !sb.processes().into_iter().any(|(_, line)| line.starts_with("sshd: mle"));
    sandbox::wait_until(Duration::from_secs(60), || has_ended().then_some(())).expect("the session ends");
    sb
}

/// The output of `sftpjail probe USER`, whose exit status must be `code`. It prints nothing on stderr.
#[track_caller]
fn probe(sb: &Sandbox, user: &str, code: i32) -> String {
    let out = sb.script("sftpjail probe -- \"$1\"", &[user], b"");
    has_status(&out, code);
    out.stdout
}

#[track_caller]
fn has_status(out: &Output, code: i32) {
    assert_eq!(out.code, Some(code), "{out}");
    assert_eq!(out.stderr, "", "{out}");
    assert!(!out.stdout.contains("panicked") && !out.stdout.contains('\x1b'), "{out}");
}

/// The output of a probe in which all is as it should be.
#[track_caller]
fn all_ok(sb: &Sandbox, user: &str) -> String {
    let out = probe(sb, user, 0);
    assert!(!out.contains('✗') && !out.contains("! "), "{out}");
    assert!(out.ends_with(&format!("{user} is jailed and can log in.\n")), "{out}");
    out
}

/// Everything that a probe could leave behind, one a line: files with owner and mode, mounts, processes, sockets.
fn state(sb: &Sandbox) -> BTreeSet<String> {
    let files = "find /etc/ssh /etc/pam.d /home /jail /root/.ssh /run /srv /tmp -printf '%p %m %U %G %s\\n'; \
                 ls -A /root; ss -Hltnx; ss -Hlun; md5sum /etc/passwd /etc/shadow /etc/group; \
                 md5sum /var/log/wtmp /var/log/btmp /var/log/lastlog /var/run/utmp 2>&1 || true";
    let lines = sb.sh(files).stdout;
    // Without a command line, a process is ending, as one of before the probe may be on a busy machine.
    let processes = sb.processes().into_iter().filter(|(_, line)| !line.is_empty());
    let processes = processes.map(|(pid, line)| format!("{pid} {line}"));
    lines.lines().map(str::to_owned).chain(sb.mounts()).chain(processes).collect()
}

/// Everything is as it was before.
#[track_caller]
fn left_nothing(sb: &Sandbox, before: &BTreeSet<String>, what: &str) {
    let after = state(sb);
    let difference: Vec<_> = after.symmetric_difference(before).collect();
    assert!(difference.is_empty(), "{what}: {difference:#?}");
}

#[test]
fn a_member_is_probed_and_nothing_is_left_behind() {
    let sb = machine();
    let uid = sb.sh("id -u mle").stdout.trim().to_owned();
    let before = state(&sb);
    let opened = format!("session opened for user mle(uid={uid})");
    let earlier = sb.read_text("/var/log/sftp.log").matches(&opened).count();

    let out = all_ok(&sb, "mle");
    let steps: Vec<_> = out.lines().filter_map(|line| line.strip_prefix("✓ ")).collect();
    let expected = [
        "login          the user can log in",
        "module         built the jail: profile home, namespace private",
        "user manager   none: systemd does not run here",
        "pwd            /home/mle",
        "ls             served",
        "cd ..          mle and nothing else",
        "ls /           dev, etc, home and nothing else",
        "/etc/passwd    the jail's, with root and the user",
        "ssh COMMAND    refused: sftp only",
        "ssh -L         refused",
        "ssh -R port    refused",
        "ssh -R socket  refused",
        "scp -O         refused",
        "write          /home/mle: a file is written, read and removed",
        "scp            works, over SFTP",
        "logout         sshd has ended the session",
        "log            /var/log/sftp.log has the session and the user's actions",
    ];
    assert_eq!(steps, expected, "{out}");

    left_nothing(&sb, &before, "the probe");
    let log = sb.read_text("/var/log/sftp.log");
    assert_eq!(log.matches(&opened).count(), earlier + 1, "one login: {log}");
    assert_eq!(log.matches("session closed for user mle(uid=").count(), earlier + 1, "{log}");
    // The time is that of the log entry.
    let us = out.lines().find_map(|line| line.strip_suffix(" µs.")?.rsplit(' ').next()).expect("a figure");
    assert!(log.contains(&format!(" setup_us={us}\n")), "{us}: {log}");
    // It used the system's PAM stack, and a key of its own.
    assert_eq!(sb.log_lines("pam_unix(sshd:session): session opened for user mle").len(), earlier + 1);
    sb.wait_for_log("Accepted publickey for mle from UNKNOWN port 65535 ssh2: ECDSA");
}

/// SELinux labels files after who makes them, and only their label tells the sshd that runs whether it may replace one.
#[test]
fn the_files_of_run_are_those_that_were_there_before() {
    let sb = machine();
    sb.sh("mkdir -p /etc/update-motd.d; printf '#!/bin/sh\\ndate +%%s.%%N\\n' >/etc/update-motd.d/99-now
           chmod 755 /etc/update-motd.d/99-now");
    let files = |sb: &Sandbox| sb.sh("find /run -type f -printf '%p %i %m %U %G %s %T@\\n' | sort").stdout;
    let motd = || sb.try_sh("stat -c %i /run/motd.dynamic").stdout;
    sb.sh("rm -f /run/motd.dynamic");
    let before = files(&sb);
    all_ok(&sb, "mle");
    assert_eq!(files(&sb), before);
    // A login writes it, as the probe's has.
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_logouts();
    let first = motd();
    assert_ne!(first, "");
    let before = files(&sb);
    all_ok(&sb, "mle");
    assert_eq!(files(&sb), before);
    // One that refuses, too.
    sb.sh("chown daemon /home/mle");
    probe(&sb, "mle", 1);
    assert_eq!(files(&sb), before);
    sb.sh("chown mle /home/mle");
    sb.sftp("mle", "pwd\n").ok();
    assert_ne!(motd(), first);
}

#[test]
fn no_port_is_opened_even_where_forwarding_is_allowed() {
    let sb = machine();
    sb.stop_sshd();
    for forwarding in ["no", "yes"] {
        sb.sh(&format!(
            "sed -Ei 's/(AllowTcpForwarding|AllowStreamLocalForwarding) .*/\\1 {forwarding}/; /Disable/d' /etc/ssh/sshd_config"
        ));
        // Lists the open ports as often as possible.
        let out = sb.try_sh(
            "rm -f /tmp/ports /tmp/over; \
             while ! test -e /tmp/over; do ss -Hltn; ss -Hlun; echo; done >/tmp/ports & \
             sftpjail probe mle || true; touch /tmp/over; wait",
        );
        let seen = sb.read_text("/tmp/ports");
        assert!(seen.lines().count() > 10, "listed {} times", seen.lines().count());
        assert_eq!(seen.trim(), "", "{out}");
        assert_eq!(out.stdout.contains("✗ ssh -R port    allowed"), forwarding == "yes", "{out}");
    }
}

#[test]
fn json_has_everything_that_the_text_has() {
    let sb = machine();
    let document = |command: &str, code| {
        let out = sb.try_sh(&format!("sftpjail probe --json {command}"));
        has_status(&out, code);
        serde_json::from_str::<Value>(&out.stdout).unwrap_or_else(|e| panic!("{e}: {out}"))
    };
    let ok = document("mle", 0);
    assert_eq!((&ok["version"], &ok["user"], &ok["status"]), (&3.into(), &"mle".into(), &"ok".into()));
    assert!(ok["login_ms"].is_u64() && ok["module_us"].is_u64(), "{ok}");
    let findings = ok["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 17, "{ok:#}");
    assert!(findings.iter().all(|finding| finding["outcome"] == "passed" && finding["fix"].is_null()));

    sb.sh("chmod 550 /home/mle");
    let problems = document("mle", 1);
    assert_eq!(problems["status"], "problems");
    let failed: Vec<_> =
        problems["findings"].as_array().unwrap().iter().filter(|f| f["outcome"] == "failed").collect();
    assert_eq!(failed.len(), 1, "{problems:#}");
    assert_eq!((&failed[0]["check"], &failed[0]["fix"]), (&"write".into(), &"chmod u+rwx /home/mle".into()));

    sb.user("joe").add();
    let in_no_profile = document("joe", 3);
    assert_eq!(
        (&in_no_profile["status"], &in_no_profile["findings"][0]["evidence"]),
        (&"in-no-profile".into(), &"in no profile".into())
    );
    let nobody = document("nobody-of-that-name", 2);
    assert_eq!(
        (&nobody["status"], &nobody["findings"][0]["outcome"]),
        (&"unchecked".into(), &"unknown".into())
    );
}

#[test]
fn without_a_record_the_jail_is_seen_all_the_same() {
    let sb = machine();
    for (break_it, why, fix) in [
        (
            "chmod 755 /run/sftpjail",
            "the registry of sessions cannot be used: /run/sftpjail is open to others than root",
            "see what is in it, then: chown root /run/sftpjail && chmod 0700 /run/sftpjail",
        ),
        ("rm -r /run/sftpjail; ln -s /tmp /run/sftpjail", "is not a directory", "mv /run/sftpjail /root"),
    ] {
        sb.sh(break_it);
        let out = probe(&sb, "mle", 0);
        let record = "! record         the session has none, so list and kick do not know it: ";
        let (_, record) = out.split_once(record).unwrap_or_else(|| panic!("{out}"));
        assert!(record.lines().next().unwrap().contains(why) && record.contains(fix), "{out}");
        assert!(out.contains("✓ module         built the jail: profile home, namespace private\n"), "{out}");
        assert!(out.ends_with("mle is jailed and can log in.\n"), "{out}");
    }
}

#[test]
fn users_in_no_profile_are_not_probed() {
    let sb = machine();
    sb.user("joe").add();
    let (before, log) = (state(&sb), sb.log());
    let join = "in no profile\n                 → to jail joe: usermod -aG sftp joe";
    for (user, why) in [("joe", join), ("root", "uid 0 is never jailed")] {
        let out = probe(&sb, user, 3);
        assert_eq!(out, format!("✓ profile        {why}\n{user} is in no profile, and was not probed.\n"));
    }
    left_nothing(&sb, &before, "nobody was probed");
    assert_eq!(sb.log(), log);
    let out = sb.try_sh("setpriv --reuid mle --regid mle --clear-groups sftpjail probe mle");
    has_status(&out, 2);
    assert!(out.stdout.contains("only root can log in as somebody else\n"), "{out}");
}

#[test]
fn two_at_once_take_turns() {
    let sb = machine();
    let before = state(&sb);
    let out = sb.sh("sftpjail probe mle >/tmp/one & sftpjail probe mle >/tmp/two; wait; cat /tmp/one /tmp/two; rm /tmp/one /tmp/two");
    assert_eq!(out.stdout.matches("mle is jailed and can log in.").count(), 2, "{out}");
    left_nothing(&sb, &before, "the probe");
}
