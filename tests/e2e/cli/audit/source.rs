//! `sftpjail audit`: where it finds the log, and the forms of its output.

use std::process::Child;

use sandbox::{Sandbox, end};

use super::follow::Running;
use super::{audit, described, kinds, machine, quit};

const MADE: [&str; 2] = ["mkdir /home/mle/first mode 0777: ok", "mkdir /home/mle/second mode 0777: ok"];

/// A session that makes two directories.
fn make_two(sb: &Sandbox) {
    let mut live = sb.sftp_live("mle");
    live.send("mkdir first");
    live.send("mkdir second");
    assert_eq!(live.quit(), Some(0));
}

#[track_caller]
fn shows_both(sb: &Sandbox, arguments: &str) -> Vec<String> {
    let (operations, gaps) = audit(sb, arguments);
    assert_eq!(operations.iter().map(described).collect::<Vec<_>>(), MADE);
    assert!(operations.iter().all(|operation| operation["user"] == "mle"));
    assert_eq!(kinds(&gaps), []);
    operations.iter().map(|operation| operation["time"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn stamps_without_a_year_are_in_the_hosts_time_zone_and_of_this_year() {
    let sb = machine(&["mle"]);
    sb.sh("ln -sf /usr/share/zoneinfo/Asia/Kathmandu /etc/localtime");
    let template = "$ActionFileDefaultTemplate RSYSLOG_TraditionalFileFormat\n";
    sb.write("/etc/rsyslog.d/00-traditional.conf", template);
    sb.restart_syslog();
    let before = sb.sh("date +%s").stdout.trim().parse::<i64>().unwrap();
    make_two(&sb);
    sb.wait_for_log("]: session closed for local user mle");
    let log = sb.read_text("/var/log/sftp.log");
    let stamp = log.lines().last().unwrap().get(..7).unwrap().to_owned();
    assert_eq!(sb.sh("LC_ALL=C date +'%b %e '").stdout.trim_end_matches('\n'), stamp, "{log}");
    for time in shows_both(&sb, "") {
        assert!(time.ends_with("+05:45"), "{time}");
        let second = sb.sh(&format!("date -d {time} +%s")).stdout.trim().parse::<i64>().unwrap();
        assert!((before - 1..before + 30).contains(&second), "{time}");
    }
}

#[test]
fn stamps_without_a_year_change_the_year_where_the_month_turns() {
    let sb = machine(&["mle"]);
    make_two(&sb);
    sb.wait_for_log("]: session closed for local user mle");
    // The entries of a New Year's Eve, in a file that was rotated two days later, and then compressed.
    sb.sh(
        "grep internal-sftp /var/log/sftp.log | sed -E 's/^[^ ]+/Jan  1 00:00:02/; 1,2s/^Jan  1 00:00:02/Dec 31 23:59:58/' > /tmp/old.log
         touch -d '2024-01-03 06:00' /tmp/old.log; gzip -k /tmp/old.log",
    );
    for file in ["/tmp/old.log", "/tmp/old.log.gz"] {
        let times = shows_both(&sb, &format!("--file {file}"));
        assert_eq!(times, ["2023-12-31T23:59:58+00:00", "2024-01-01T00:00:02+00:00"]);
    }
    let times = shows_both(&sb, "--file /tmp/old.log --since 2023-12-31 --until '2024-01-01 00:00:03'");
    assert_eq!(times.len(), 2);
    assert_eq!(audit(&sb, "--file /tmp/old.log --since 2024-01-01").0.len(), 1);
}

/// A machine with the real journald and without rsyslog, and the journald.
fn with_journal() -> (Sandbox, Child) {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.stop_syslog();
    sb.sh("rm -f /var/log/*.log /var/log/syslog");
    let journald = start_journald(&sb);
    (sb, journald)
}

/// Starts the real journald, without systemd. It has /dev/log. Panics if a syslog daemon runs.
pub(super) fn start_journald(sb: &Sandbox) -> Child {
    let daemon = "/lib/systemd/systemd-journald";
    assert!(sb.try_sh(&format!("test -x {daemon}")).code == Some(0), "no {daemon}: run `make deps`");
    // It needs control groups.
    sb.sh("mkdir -p /sys/fs/cgroup; mount -t cgroup2 -o ro cgroup2 /sys/fs/cgroup");
    let journald = sb.command(daemon).spawn().expect("sandbox-enter");
    sb.sh("until test -S /run/systemd/journal/dev-log; do sleep 0.01; done; ln -s /run/systemd/journal/dev-log /dev/log");
    journald
}

#[test]
fn what_another_process_wrote_under_sshds_name_is_not_used_and_reported() {
    let (sb, mut journald) = with_journal();
    sb.user("joe").add();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir first");
    // joe claims to be mle's internal-sftp, by its pid, and by a session of mle's.
    let server = sb.session_server("mle");
    for (pid, text) in [
        (server, "remove name \"/home/mle/never\""),
        (4711, "session opened for local user mle from [6.6.6.6]"),
    ] {
        sb.script(
            // It lives until journald has looked.
            "(echo \"$2\"; sleep 1) | setpriv --reuid joe --clear-groups logger -t internal-sftp --id=$1",
            &[pid.to_string().as_str(), text],
            b"",
        )
        .ok();
    }
    live.send("mkdir second");
    assert_eq!(live.quit(), Some(0));
    sb.sh("until journalctl -t internal-sftp | grep -q 'session closed'; do sleep 0.01; done");
    let (operations, gaps) = audit(&sb, "mle");
    assert_eq!(operations.iter().map(described).collect::<Vec<_>>(), MADE);
    assert_eq!(kinds(&gaps), [("forged", 2)]);
    assert!(gaps[0]["examples"].to_string().contains(", logger, pid "), "{gaps:#?}");
    end(&mut journald);
}

#[test]
fn the_journal_is_followed() {
    let (sb, mut journald) = with_journal();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir before");
    let running = Running::start(&sb, "exec sftpjail audit --follow --json mle");
    let pid = running.pid(&sb);
    live.send("mkdir first");
    assert_eq!(running.row(), MADE[0]);
    sb.kill(pid, "INT");
    assert_eq!(running.ended(), Some(0));
    assert_eq!(live.quit(), Some(0));
    end(&mut journald);
}

#[test]
fn without_log_files_the_journal_is_read() {
    let (sb, mut journald) = with_journal();
    make_two(&sb);
    sb.sh("until journalctl -t internal-sftp | grep -q 'session closed'; do sleep 0.01; done");
    shows_both(&sb, "mle");
    // A program of the same name elsewhere in PATH is not run.
    sb.sh("printf '#!/bin/sh\\ntouch /tmp/ran\\n' > /usr/local/bin/journalctl; chmod +x /usr/local/bin/journalctl");
    shows_both(&sb, "mle");
    sb.sh("not test -e /tmp/ran; rm /usr/local/bin/journalctl");
    // NixOS has its programs elsewhere.
    let nixos = "/run/current-system/sw/bin";
    sb.sh(&format!("mkdir -p {nixos}; mv /usr/bin/journalctl {nixos}"));
    shows_both(&sb, "mle");
    sb.sh(&format!("mv {nixos}/journalctl /usr/bin"));
    // An export of the journal, for example from another machine.
    sb.sh("journalctl -o json > /tmp/journal.json");
    shows_both(&sb, "--file /tmp/journal.json");

    end(&mut journald);

    sb.sh("printf '#!/bin/sh\\nexit 1\\n' > /usr/bin/journalctl");
    let out = sb.try_sh("sftpjail audit");
    let message = "sftpjail: journalctl could not read the journal (exit status: 1); see what it says: journalctl --verify\n";
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stderr.starts_with(message), "{out}");
    sb.sh("rm /usr/bin/journalctl");
    let out = sb.try_sh("sftpjail audit");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stderr.starts_with("sftpjail: there is no log to read: neither /var/log/sftp.log,"), "{out}");
}

/// What only the files have would be missing without a word.
#[test]
fn logs_that_cannot_be_listed_are_reported_though_the_journal_is_read() {
    let (sb, mut journald) = with_journal();
    make_two(&sb);
    sb.sh("until journalctl -t internal-sftp | grep -q 'session closed'; do sleep 0.01; done");
    sb.sh("chown mle /var/log; chmod 700 /var/log");
    let as_root = "setpriv --bounding-set=-dac_override,-dac_read_search sftpjail";
    let out = sb.try_sh(&format!("{as_root} audit mle"));
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stderr.starts_with("sftpjail: /var/log cannot be read: Permission denied; "), "{out}");
    assert!(out.stdout.contains("/home/mle/second"), "{out}");
    let out = sb.try_sh(&format!("{as_root} review mle"));
    assert_eq!(out.stdout.matches("/var/log cannot be read").count(), 1, "{out}");
    assert_eq!(sb.try_sh(&format!("{as_root} audit --follow mle")).code, Some(2));
    end(&mut journald);
    let joe = "setpriv --reuid nobody --clear-groups sftpjail audit";
    let out = sb.try_sh(joe);
    assert!(
        out.code == Some(2) && out.stderr.starts_with("sftpjail: /var/log cannot be read: run this as root"),
        "{out}"
    );
}

#[test]
fn table_and_csv_show_the_same() {
    let sb = machine(&["mle"]);
    let mut live = sb.sftp_live("mle");
    for command in
        ["put /etc/hostname \"a b\"", "get secret /tmp/x", "mkdir \u{202e}\u{1b}[2J", "mkdir a;=1+1"]
    {
        live.send(command);
    }
    quit(&sb, live, "mle");
    let out = sb.sh("sftpjail audit mle");
    let lines: Vec<_> = out.stdout.lines().collect();
    let [head, open, close, secret, odd, _] = lines[..] else { panic!("{out}") };
    assert!(head.starts_with("TIME                 USER  ADDRESS    OPERATION  RESULT "), "{out}");
    assert!(open.ends_with("  mle   127.0.0.1  open       ok                            \"/home/mle/a b\" (WRITE,CREATE,TRUNCATE)"), "{out}");
    assert!(close.ends_with("  close      ok                 8 written  \"/home/mle/a b\""), "{out}");
    assert!(secret.ends_with("  open       Permission denied             /home/mle/secret (READ)"), "{out}");
    assert!(odd.ends_with(r#"  "/home/mle/\xe2\x80\xae\x1b[2J" (mode 0777)"#), "{out}");
    assert_eq!(out.stderr, "");
    let csv = sb.sh("sftpjail audit --csv").stdout;
    assert!(csv.starts_with("time,user,address,operation,path,read,written,result,status,"), "{csv}");
    assert!(csv.contains(",mle,127.0.0.1,close,/home/mle/a b,0,8,ok,,,,,sandbox,"), "{csv}");
    assert!(csv.contains(r",mkdir,/home/mle/\xe2\x80\xae\x1b[2J,,,ok,,,mode 0777,,"), "{csv}");
    // A spreadsheet that takes `;` for the separator finds no formula.
    assert!(csv.contains(r",mkdir,/home/mle/a\x3b=1+1,") && !csv.contains(';'), "{csv}");
    assert!(csv.lines().skip(1).all(|line| line.split(',').next().unwrap().parse::<i64>().is_err()));
    let escape = |text: &str| text.chars().any(|c| c.is_control() && c != '\n' || c == '\u{202e}');
    for style in ["", "--csv", "--json"] {
        let out = sb.sh(&format!("sftpjail audit {style}"));
        assert!(!escape(&out.stdout), "{out}");
    }

    // On a terminal of 90 columns, with a progress bar that is erased.
    sb.sh("cd /tmp; cat /var/log/sftp.log > long.log; for n in $(seq 14); do cat long.log long.log > l; mv l long.log; done");
    let on_terminal = |command: &str| {
        let script = format!("script -qec 'stty cols 90; {command}' /dev/null < /dev/null");
        sb.sh(&script).stdout
    };
    let narrow = on_terminal("sftpjail audit --op open,mkdir");
    assert!(narrow.lines().all(|line| line.trim_end().chars().count() <= 90), "{narrow}");
    assert!(narrow.contains("\r\n    \"/home/mle/a b\" (WRITE,CREATE,TRUNCATE)\r\n"), "{narrow}");
    let with_bar = on_terminal("sftpjail audit nobody --file /tmp/long.log > /tmp/out");
    assert!(with_bar.contains("] ") && with_bar.contains("% of "), "{with_bar}");
    assert!(with_bar.contains("\r\u{1b}[K"), "{with_bar}");
    let silent = sb.sh("sftpjail audit nobody --file /tmp/long.log");
    assert!(!silent.stderr.contains('%'), "{silent}");
    // A reader that closes the pipe is no error.
    for style in ["", "--csv", "--json"] {
        let out = sb.sh(&format!("(sftpjail audit {style} --file /tmp/long.log; echo $? >&2) | head -n 1"));
        assert_eq!((out.stdout.lines().count(), out.stderr.as_str()), (1, "0\n"), "{out}");
    }
}

#[test]
fn a_log_that_cannot_be_read_gets_one_sentence_with_a_fix() {
    let sb = machine(&["mle"]);
    make_two(&sb);
    sb.wait_for_log("]: session closed for local user mle");
    sb.sh("printf '\\3757zXZ' > /tmp/sftp.log.xz");
    for (arguments, sentence) in [
        ("--file /none", "sftpjail: /none does not exist; name another file\n"),
        ("--file /var/log", "sftpjail: /var/log is a directory; name a file in it\n"),
        (
            "--file /tmp/sftp.log.xz",
            "sftpjail: /tmp/sftp.log.xz is compressed with xz; try `xz -dc /tmp/sftp.log.xz | sftpjail audit --file -`\n",
        ),
    ] {
        let out = sb.try_sh(&format!("sftpjail audit {arguments}"));
        assert_eq!((out.code, out.stderr.as_str()), (Some(2), sentence), "{out}");
        // The rest is read all the same.
        let out = sb.try_sh(&format!("sftpjail audit {arguments} --file /var/log/sftp.log"));
        assert_eq!(
            (out.code, out.stderr.as_str(), out.stdout.lines().count()),
            (Some(2), sentence, 3),
            "{out}"
        );
    }
    shows_both(&sb, "--file - < /var/log/sftp.log");
    let out = sb.try_sh("setpriv --reuid mle --clear-groups sftpjail audit");
    assert_eq!(out.code, Some(2), "{out}");
    assert_eq!(out.stderr, "sftpjail: /var/log/sftp.log cannot be read: run this as root\n");
    for (arguments, part) in [
        ("--since tomorrow", "write 2026-11-22, \"2026-11-22 03:04\""),
        ("--op fly", "[possible values: download, upload, "),
        ("--path '[a'", "[*] stands for a plain *"),
        ("--csv --json", "cannot be used with"),
    ] {
        let out = sb.try_sh(&format!("sftpjail audit {arguments}"));
        assert!(out.code == Some(2) && out.stderr.contains(part), "{out}");
    }
}
