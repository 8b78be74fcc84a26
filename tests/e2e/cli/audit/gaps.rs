//! `sftpjail audit`: it reports what is missing from the log, and nothing else.

use sandbox::Sandbox;
use serde_json::Value;

use super::{audit, described, kinds, machine, quit};

/// The gap of a kind; panics if there is none.
#[track_caller]
fn gap<'g>(gaps: &'g [Value], kind: &str) -> &'g Value {
    gaps.iter().find(|gap| gap["gap"] == kind).unwrap_or_else(|| panic!("no {kind}: {gaps:#?}"))
}

#[test]
fn a_session_without_an_end_is_reported_unless_it_is_open() {
    let sb = machine(&["mle", "joe"]);
    let mut live = sb.sftp_live("mle");
    live.send("mkdir first");
    sb.wait_for_log("mkdir name \"/home/mle/first\"");
    assert_eq!(kinds(&audit(&sb, "").1), [], "it is open");
    sb.kill(sb.pids("sshd: mle@internal-sftp")[0], "KILL");
    drop(live);
    sb.wait_for_log("pam_sftpjail(sshd:session): session closed for user mle");
    let (operations, gaps) = audit(&sb, "");
    assert_eq!(operations.iter().map(described).collect::<Vec<_>>(), ["mkdir /home/mle/first mode 0777: ok"]);
    assert_eq!(kinds(&gaps), [("no-end", 1)]);
    let example = gaps[0]["examples"][0].as_str().unwrap();
    assert!(example.starts_with("mle from 127.0.0.1, host sandbox, pid "), "{example}");
    // As text it is on stderr.
    let out = sb.sh("sftpjail audit");
    let message = "! a session has no end in the log: it was killed, or its last log entries are missing, or it is still open\n    mle from 127.0.0.1, host sandbox, pid ";
    assert!(
        out.stderr.starts_with(message) && out.stderr.contains("\n  → run `sftpjail check USER`: "),
        "{out}"
    );
    // It is not reported for another user or another time.
    assert_eq!(kinds(&audit(&sb, "joe").1), []);
    assert_eq!(kinds(&audit(&sb, "--until 1h").1), []);
}

#[test]
fn a_session_without_a_beginning_has_the_user_of_its_end() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    live.send("mkdir first");
    sb.wait_for_log("mkdir name \"/home/mle/first\"");
    sb.sh("mv /var/log/sftp.log /var/log/sftp.log.2");
    sb.restart_syslog();
    live.send("mkdir second");
    sb.wait_for_log("mkdir name \"/home/mle/second\"");
    quit(&sb, live, "mle");
    // Both files are whole, but the one between them is missing.
    assert_eq!(kinds(&audit(&sb, "mle").1), [("missing-file", 1), ("restarted", 1)]);
    sb.sh("rm /var/log/sftp.log.2");
    let (operations, gaps) = audit(&sb, "");
    assert_eq!(
        operations.iter().map(described).collect::<Vec<_>>(),
        ["mkdir /home/mle/second mode 0777: ok"]
    );
    // Its end names them.
    assert_eq!((&operations[0]["user"], &operations[0]["address"]), (&"mle".into(), &"127.0.0.1".into()));
    assert_eq!(kinds(&gaps), [("no-beginning", 1)]);
    let example = gaps[0]["examples"][0].as_str().unwrap();
    assert!(example.starts_with("mle as its end says, host sandbox, pid "), "{example}");
    assert!(example.ends_with(", operations: 1"), "{example}");
    let (operations, gaps) = audit(&sb, "mle");
    assert_eq!((operations.len(), kinds(&gaps)), (1, vec![("no-beginning", 1)]));
    let (operations, gaps) = audit(&sb, "joe");
    assert_eq!((operations.len(), kinds(&gaps)), (0, vec![]));
    // Without the end, nothing does.
    sb.sh("sed -i '/session closed for local user/d' /var/log/sftp.log");
    let (operations, gaps) = audit(&sb, "");
    assert_eq!((&operations[0]["user"], &operations[0]["address"]), (&Value::Null, &Value::Null));
    assert_eq!(kinds(&gaps), [("no-beginning", 1)]);
    assert!(sb.sh("sftpjail audit").stdout.contains("  ?     ?        mkdir      ok"));
}

#[test]
fn a_log_level_that_is_too_low_is_reported() {
    let sb = machine(&["mle", "joe"]);
    sb.sftp("mle", "pwd\n").ok();
    // They come through two sockets, so in any order.
    sb.wait_for_log("pam_sftpjail(sshd:session): session closed for user mle");
    sb.wait_for_log("]: session closed for local user mle");
    // A session in which nothing was done is not a gap.
    assert_eq!(kinds(&audit(&sb, "").1), []);
    sb.sh("sed -i 's/-l INFO/-l ERROR/' /etc/ssh/sshd_config");
    sb.restart_sshd();
    sb.sftp("joe", "mkdir unseen\n").ok();
    sb.wait_for_log("pam_sftpjail(sshd:session): session closed for user joe");
    let (operations, gaps) = audit(&sb, "");
    assert_eq!(operations.len(), 0);
    assert_eq!(kinds(&gaps), [("not-logged", 1)]);
    assert!(gaps[0]["examples"][0].as_str().unwrap().starts_with("joe, sshd's pid "), "{gaps:#?}");
    assert!(gaps[0]["fix"].as_str().unwrap().contains("internal-sftp -l INFO"));
    assert_eq!(kinds(&audit(&sb, "mle").1), []);
}

#[test]
fn a_session_that_was_refused_is_no_gap() {
    let sb = machine(&["mle", "joe"]);
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n");
    // By the module: there is one already.
    let live = sb.sftp_live("mle");
    sb.sftp("mle", "pwd\n").failed();
    sb.wait_for_log("refused user mle");
    quit(&sb, live, "mle");
    // By sshd, which finds no directory of the jail: a user's session, and that of a probe.
    sb.sh("sed -i 's,ChrootDirectory /jail/,ChrootDirectory /elsewhere/,' /etc/ssh/sshd_config");
    sb.restart_sshd();
    sb.sftp("joe", "pwd\n").failed();
    sb.wait_for_log("pam_sftpjail(sshd:session): session closed for user joe");
    sb.try_sh("sftpjail probe joe");
    let (operations, gaps) = audit(&sb, "");
    assert_eq!((operations.len(), kinds(&gaps)), (0, vec![]), "{gaps:#?}");
}

#[test]
fn messages_that_rsyslog_dropped_are_reported() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    // Debian's auth.log is read. rsyslog's own messages are in /var/log/syslog.
    sb.sh("sed -i 's/module(load=\"imuxsock\")/module(load=\"imuxsock\" SysSock.RateLimit.Interval=\"2\" SysSock.RateLimit.Burst=\"5\")/' /etc/rsyslog.conf");
    sb.restart_syslog();
    let mut live = sb.sftp_live("mle");
    for n in 0..20 {
        live.send(&format!("mkdir many{n}"));
    }
    // rsyslog counts in whole seconds.
    sb.sh("sleep 3.1");
    live.send("mkdir late");
    quit(&sb, live, "mle");
    sb.wait_for_log("messages lost due to rate-limiting");
    let (operations, gaps) = audit(&sb, "mle");
    assert!(operations.len() < 20, "{operations:#?}");
    let dropped = gap(&gaps, "dropped");
    let examples = dropped["examples"].to_string();
    assert!(
        examples.contains("begin to drop messages") && examples.contains(" messages lost due to"),
        "{dropped}"
    );
    assert_eq!(gaps.len(), 1, "{gaps:#?}");
}

#[test]
fn damaged_files_are_reported_and_the_rest_is_read() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    let long = format!("/home/mle/{}/{}", "y".repeat(200), "x".repeat(250));
    let commands =
        [format!("mkdir {}", "y".repeat(200)), format!("put /etc/hostname {long}"), "mkdir end".into()];
    for command in commands {
        live.send(&command);
    }
    quit(&sb, live, "mle");
    // sshd cuts long messages: here the end of the flags is missing.
    let (operations, gaps) = audit(&sb, "--op open,close");
    assert_eq!(kinds(&gaps), [("cut", 1)], "{gaps:#?}");
    let line = operations.iter().find(|operation| operation["cut"] == true).unwrap();
    assert_eq!((line["path"].as_str(), &line["detail"]), (Some(long.as_str()), &Value::Null));

    let ends_early = |setup: &str, file: &str, kind: &str| {
        sb.sh(&format!(
            "rm -rf /tmp/x; mkdir /tmp/x; cd /tmp/x; grep internal-sftp /var/log/sftp.log > log; {setup}"
        ));
        let (operations, gaps) = audit(&sb, &format!("--file /tmp/x/{file}"));
        assert_eq!(
            operations.first().map(described).unwrap(),
            format!("mkdir /home/mle/{} mode 0777: ok", "y".repeat(200))
        );
        let found = gap(&gaps, kind);
        assert_eq!(
            (&found["count"], found["examples"].to_string().contains(file)),
            (&1.into(), kind != "unreadable")
        );
    };
    ends_early("truncate -s -3 log", "log", "truncated");
    ends_early("cat log log log | gzip > log.gz; truncate -s -20 log.gz", "log.gz", "truncated");
    ends_early("head -c 100000 /dev/zero | tr '\\0' x >> log; echo >> log", "log", "too-long");
    ends_early("sed 's/\\[[0-9]*\\]: mkdir name \".*end/[x&/' log > log2", "log2", "unreadable");

    sb.sh("echo nothing > /tmp/nothing");
    assert_eq!(kinds(&audit(&sb, "--file /tmp/nothing").1), [("no-entries", 1)]);
    assert_eq!(kinds(&audit(&sb, "--file /dev/null").1), [("no-entries", 1)]);
}
