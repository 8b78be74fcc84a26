//! What `sftpjail check` says about the log.

use sandbox::{Namespace, Sandbox};

use crate::common::config::switch_off;

in_both_namespaces!(check_says_whether_the_log_survives_a_restart);

/// The evidence about a socket that a restart of the syslog daemon replaces.
pub(crate) const LOST: &str = "/dev/log, which open sessions lose when the syslog daemon is restarted";

/// `check` reports this about the log, and mle is jailed in any case.
#[track_caller]
fn says(sb: &Sandbox, finding: &str, fix: &str) {
    let out = sb.sh("sftpjail check mle");
    let fix = if fix.is_empty() { String::new() } else { format!("                 → {fix}") };
    let expected = format!("✓ kernel         it has every system call that jails need\n{finding}\n{fix}");
    assert!(out.stdout.contains(&expected), "not {expected}: {out}");
    assert!(out.stdout.contains("mle is jailed and can log in."), "{out}");
}

fn check_says_whether_the_log_survives_a_restart(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let words = "install sftpjail's rsyslog.d/sftpjail.conf as /etc/rsyslog.d/10-sftpjail.conf, and restart rsyslog: ";
    let no_manager =
        "end rsyslogd, whose pid is in /run/rsyslogd.pid, and start it again as this host does when it boots";
    // By the command of what starts services.
    for (made, command) in [
        ("/etc/init.d/rsyslog", "/etc/init.d/rsyslog restart"),
        ("/run/openrc", "rc-service rsyslog restart"),
        ("/run/systemd/system", "systemctl restart rsyslog"),
    ] {
        sb.sh(&format!("mkdir -p {made}"));
        let out = sb.try_sh("sftpjail check mle").stdout;
        assert!(
            out.contains(&format!("! log            {LOST}\n                 → {words}{command}\n")),
            "{out}"
        );
        sb.sh(&format!("rmdir {made}"));
    }
    let install = &format!("{words}{no_manager}");
    says(&sb, &format!("! log            {LOST}"), install);
    let document: serde_json::Value =
        serde_json::from_str(&sb.sh("sftpjail check --json mle").stdout).expect("JSON");
    assert_eq!(document["status"], "ok");
    let log = document["findings"].as_array().unwrap().iter().find(|f| f["check"] == "log").unwrap();
    let expected = serde_json::json!({"check": "log", "outcome": "warned", "evidence": LOST, "fix": install});
    assert_eq!(*log, expected);

    sb.stop_syslog();
    says(&sb, "! log            there is no syslog, so no log entries for the user's actions", install);

    // As with systemd: /dev/log is a symlink, and the socket stays. Where another daemon has made it, it does not.
    sb.write(
        "/etc/rsyslog.d/journal.conf",
        "input(type=\"imuxsock\" Socket=\"/run/systemd/journal/dev-log\" CreatePath=\"on\")\n",
    );
    sb.start_syslog();
    sb.sh("ln -sf /run/systemd/journal/dev-log /dev/log");
    says(&sb, &format!("! log            {LOST}"), install);
    sb.sh("mkdir -p /run/systemd/system");
    let out = sb.try_sh("sftpjail check mle").stdout;
    assert!(
        out.contains("\n✓ log            /dev/log, the journal's, which systemd keeps over restarts\n"),
        "{out}"
    );
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_log("session opened for local user mle from [127.0.0.1]");
    sb.sh("rm /etc/rsyslog.d/journal.conf; rmdir /run/systemd/system");

    sb.install_log_drop_in();
    says(&sb, "✓ log            /run/sftpjail-dev/log, which survives a restart of rsyslog", "");
    // What else somebody put there is shown.
    sb.sh("touch /run/sftpjail-dev/bait");
    let tree = sb.sh("sftpjail check mle").stdout;
    let dev = [
        "    0755     0     0  /dev\n",
        "    0644     0     0  /dev/bait\n",
        "    0666     0     0  /dev/log  ← the host's, for internal-sftp's log\n",
    ];
    assert!(tree.contains(&dev.concat()), "{tree}");
    sb.sh("rm /run/sftpjail-dev/bait");

    sb.stop_syslog();
    let waiting =
        "no syslog daemon is running; open sessions will find /run/sftpjail-dev/log when rsyslog is started";
    says(&sb, &format!("! log            {waiting}"), "start rsyslogd as this host does when it boots\n");

    switch_off(&sb, &["log"]);
    says(&sb, "✓ log            none, as the profile says: no log entries for the user's actions", "");
}
