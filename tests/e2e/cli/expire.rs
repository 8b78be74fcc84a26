//! `sftpjail expire`: a session ends when something in its jail is granted no more, whatever it is doing, and no other
//! session does.

use crate::common::jailed::{left_nothing, names};
use crate::pam_sftpjail::grants::{grant, granted, machine};
use sandbox::{Namespace, Sandbox};
use serde_json::Value;
use std::io::Write;
use std::process::Stdio;

in_both_namespaces!(
    a_transfer_under_way_ends_with_its_grant_and_the_next_login_is_refused,
    a_session_ends_with_the_first_of_its_grants_and_the_next_login_has_what_is_left,
);

const GOES_ON: &str = "until = 2099-12-10T18:00:00+01:00";

/// A moment so many seconds from now, for `until` and in the form in which it is reported.
fn soon(sb: &Sandbox, seconds: u32) -> String {
    sb.sh(&format!("date -u -d '+{seconds} seconds' +%Y-%m-%dT%H:%M:%SZ")).stdout.trim().to_owned()
}

fn wait_until(sb: &Sandbox, moment: &str) {
    sb.sh(&format!("end=$(date -d {moment} +%s); while [ $(date +%s) -lt $end ]; do sleep 0.1; done"));
}

fn a_transfer_under_way_ends_with_its_grant_and_the_next_login_is_refused(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("head -c 100M /dev/urandom >/tmp/big");
    // Nothing has ended, and nobody has logged in yet.
    let quiet = || {
        let out = sb.sh("sftpjail expire");
        assert_eq!((out.stdout.as_str(), out.stderr.as_str()), ("", ""), "{out}");
    };
    quiet();
    let before = sb.mounts();
    sb.sshd();
    let end = soon(&sb, 12);
    grant(&sb, "felix", &granted("/srv/site/media", &format!("until = {end}")));
    let mut client = sb.login("felix").client("sftp");
    // A megabyte each second.
    client
        .args(["-l", "8000", "-b", "-", "127.0.0.1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut client = client.spawn().expect("sftp");
    let mut batch = client.stdin.take().expect("a pipe");
    batch.write_all(b"put /tmp/big /srv/site/media/big\n").expect("a reader");
    drop(batch);
    sb.sh("for i in $(seq 400); do test -s /srv/site/media/big && exit; sleep 0.05; done; exit 1");
    quiet();
    wait_until(&sb, &end);
    let monitor = sb.session_monitor("felix");
    let out = sb.sh("sftpjail expire");
    let became = format!("has ended: /srv/site/media was granted until {end}");
    let said = format!("✓ the session of felix from 127.0.0.1 (process {monitor}) {became}\n");
    assert_eq!(out.stdout, said, "{out}");
    // It has waited: nothing is left when it returns.
    assert_eq!(sb.sh("ls /run/sftpjail; ls -A /jail").stdout, "");
    let client = client.wait_with_output().expect("sftp is our child");
    assert!(!client.status.success(), "{client:?}");
    sb.sh("test $(stat -c %s /srv/site/media/big) -lt 104857600");
    sb.wait_for_log("session closed for user felix(uid=");
    let line = sb.wait_for_log("expire: the session of user felix(uid=");
    assert!(line.contains(" sftpjail[") && line.ends_with(&became), "{line}");
    let refused = sb.sftp("felix", "pwd\n").failed();
    assert!(refused.stderr.contains("Your access ended on "), "{refused}");
    quiet();
    assert_eq!(sb.log_lines("expire: ").len(), 1);
    left_nothing(&sb, &before);
}

fn a_session_ends_with_the_first_of_its_grants_and_the_next_login_has_what_is_left(namespace: Namespace) {
    let sb = machine(namespace);
    sb.sh("install -d -m 777 /srv/other '/srv/with blank'");
    sb.user("anna").group("sftp").add();
    sb.sshd();
    let end = soon(&sb, 12);
    let text = |end: &str| {
        granted("/srv/other", GOES_ON)
            + &granted("/srv/with blank", &format!("until = {end}"))
            + &granted("/srv/site/media", "")
    };
    grant(&sb, "mle", &text(&end));
    grant(&sb, "anna", &text("2099-01-01T00:00:00Z"));
    let mut first = sb.sftp_live("mle");
    let mut others = sb.sftp_live("anna");
    // The end was put off since, but what shares the jail of the first shares its end.
    grant(&sb, "mle", &text("2098-01-01T00:00:00Z"));
    let mut second = sb.sftp_live("mle");
    let listed: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
    assert_eq!(listed["sessions"][1]["until"], Value::from(end.as_str()), "{listed}");
    wait_until(&sb, &end);
    grant(&sb, "mle", &text(&end));
    let out = sb.sh("sftpjail expire --json");
    let document: Value = serde_json::from_str(&out.stdout).expect("JSON");
    let sessions = document["sessions"].as_array().expect("a list");
    assert_eq!(sessions.len(), if namespace == Namespace::Host { 2 } else { 1 }, "{out}");
    for session in sessions {
        for (key, value) in [("user", "mle"), ("folder", "/srv/with blank"), ("until", end.as_str())] {
            assert_eq!(session[key], value, "{out}");
        }
        assert_eq!(session["ended"], true, "{out}");
    }
    assert_eq!(document["problems"], Value::Array(Vec::new()), "{out}");
    first.try_send("ls").unwrap_err();
    others.send("ls");
    match namespace {
        Namespace::Host => drop(second.try_send("ls").unwrap_err()),
        Namespace::Private => drop(second.send("ls")),
    }
    assert_eq!(names(&mut sb.sftp_live("mle"), "/srv"), ["other", "site"]);
}

#[test]
fn a_session_that_does_not_end_is_killed() {
    let sb = machine(Namespace::Private);
    sb.sshd();
    let end = soon(&sb, 6);
    grant(&sb, "felix", &granted("/srv/site/media", &format!("until = {end}")));
    let _live = sb.sftp_live("felix");
    let (monitor, child, server) =
        (sb.session_monitor("felix"), sb.session_child("felix"), sb.session_server("felix"));
    for process in [monitor, server] {
        sb.kill(process, "STOP");
    }
    wait_until(&sb, &end);
    let out = sb.sh("sftpjail expire");
    assert!(out.stdout.contains(&format!("(process {monitor}) has ended: ")), "{out}");
    for process in [monitor, child, server] {
        sb.wait_gone(process);
    }
}

#[test]
fn what_it_cannot_read_or_end_is_named_and_the_others_are_ended() {
    let sb = machine(Namespace::Private);
    sb.sshd();
    let end = soon(&sb, 8);
    for user in ["felix", "mle"] {
        grant(&sb, user, &granted("/srv/site/media", &format!("until = {end}")));
    }
    let mut felix = sb.sftp_live("felix");
    let mut mle = sb.sftp_live("mle");
    sb.sh("for record in /run/sftpjail/mle/*; do echo 'version = 99' >$record; done");
    wait_until(&sb, &end);
    // In another PID namespace, as in a container that shares /run.
    let out = sb.try_sh("unshare --pid --fork --mount-proc sftpjail expire");
    assert_eq!(out.code, Some(1), "{out}");
    let goes_on = "✗ the session of felix from 127.0.0.1 goes on: /srv/site/media was granted until";
    assert!(
        out.stdout.starts_with(goes_on) && out.stdout.contains("\n  → run this where sshd runs"),
        "{out}"
    );
    sb.wait_for_log("expire: the session of user felix(uid=");
    felix.send("ls");
    let out = sb.try_sh("sftpjail expire");
    assert_eq!(out.code, Some(1), "{out}");
    assert!(out.stdout.starts_with("✓ the session of felix "), "{out}");
    assert!(out.stderr.starts_with("sftpjail: mle: the record private-"), "{out}");
    assert_eq!(out.stderr.lines().count(), 1, "{out}");
    felix.try_send("ls").unwrap_err();
    mle.send("ls");
    let out = sb.try_sh("sftpjail expire --json");
    assert_eq!((out.code, out.stderr.as_str()), (Some(1), ""), "{out}");
    assert!(out.stdout.contains("mle: the record private-"), "{out}");
    sb.sh("chmod 777 /run/sftpjail");
    assert_eq!(sb.try_sh("sftpjail expire").code, Some(2));
}
