//! `sftpjail audit` where rsyslog and systemd's journal both have a log, as on Debian 12: each may lack what the other
//! has.

use std::process::Child;

use sandbox::{LiveSftp, Sandbox, end};

use super::follow::Running;
use super::source::start_journald;
use super::{audit, described, kinds, machine, quit};

/// A machine with the member mle, with rsyslog's drop-in, and with the real journald, which passes on to rsyslog what
/// it gets. On such a machine a jail has rsyslog's own socket or, where rsyslog does not run, the journal's.
pub(crate) fn with_both() -> (Sandbox, Child) {
    let sb = machine(&["mle"]);
    sb.stop_syslog();
    let journald = start_journald(&sb);
    // Where systemd runs the host, rsyslog takes this socket by itself, since systemd has made it.
    sb.sh("mkdir -p /run/systemd/system; rm -f /var/log/*.log /var/log/syslog
           sed -i 's,module(load=\"imuxsock\"),module(load=\"imuxsock\" SysSock.Name=\"/run/systemd/journal/syslog\"),' /etc/rsyslog.conf");
    sb.start_syslog();
    (sb, journald)
}

/// Waits until the journal has this.
fn wait_for_journal(sb: &Sandbox, text: &str) {
    sb.sh(&format!(
        "for i in $(seq 500); do journalctl | grep -qF '{text}' && exit; sleep 0.02; done; exit 1"
    ));
}

fn end_in_journal(sb: &Sandbox, live: LiveSftp) {
    let before = sb.sh("journalctl | grep -cF ']: session closed for local user mle' || true").stdout;
    assert_eq!(live.quit(), Some(0));
    sb.sh(&format!(
        "for i in $(seq 500); do test $(journalctl | grep -cF ']: session closed for local user mle') -gt {} && exit; \
         sleep 0.02; done; exit 1",
        before.trim()
    ));
}

fn made(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| format!("mkdir /home/mle/{name} mode 0777: ok")).collect()
}

#[track_caller]
fn rows(sb: &Sandbox, arguments: &str, gaps: &[(&str, u64)]) -> Vec<String> {
    let (operations, found) = audit(sb, arguments);
    assert_eq!(kinds(&found), gaps, "{found:#?}");
    operations.iter().map(described).collect()
}

#[test]
fn what_was_logged_while_rsyslog_was_stopped_comes_from_the_journal_and_nothing_twice() {
    let (sb, mut journald) = with_both();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir up");
    quit(&sb, live, "mle");
    sb.end_syslog("TERM");
    let mut live = sb.sftp_live("mle");
    live.send("mkdir down");
    end_in_journal(&sb, live);
    // A session that begins without rsyslog, and goes on with it.
    let mut live = sb.sftp_live("mle");
    live.send("mkdir before");
    wait_for_journal(&sb, "/home/mle/before");
    sb.start_syslog();
    live.send("mkdir after");
    sb.wait_for_log("/home/mle/after");
    let of_this = sb.session_server("mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log(&format!("internal-sftp[{of_this}]: session closed for local user mle"));
    let mut live = sb.sftp_live("mle");
    live.send("mkdir again");
    let of_this = sb.session_server("mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log(&format!("internal-sftp[{of_this}]: session closed for local user mle"));

    let all = made(&["up", "down", "before", "after", "again"]);
    assert_eq!(rows(&sb, "mle", &[]), all);
    let sums = audit(&sb, "--summary").0;
    assert_eq!((sums.len(), &sums[0]["sessions"]), (1, &4.into()), "{sums:#?}");
    // A file is read alone.
    let file = made(&["up", "after", "again"]);
    assert_eq!(rows(&sb, "--file /var/log/sftp.log", &[("no-beginning", 1)]), file);
    // Rotated files, and stamps of whole seconds.
    sb.sh("cd /var/log; head -n 4 sftp.log >sftp.log.1; sed -i 1,4d sftp.log; gzip -c sftp.log.1 >sftp.log.2.gz
           grep -v mkdir sftp.log.1 >sftp.log.3 || true; rm sftp.log.3; mv sftp.log.2.gz sftp.log.1.gz; rm sftp.log.1");
    assert_eq!(rows(&sb, "mle", &[]), all);
    sb.sh("cd /var/log; gunzip sftp.log.1.gz; export TZ=UTC LC_ALL=C; for f in sftp.log.1 sftp.log; do
           while read -r stamp rest; do echo \"$(date -d $stamp '+%b %e %H:%M:%S') $rest\"; done <$f >new; mv new $f; done");
    // Which session was earlier in one second is unknown then.
    let sorted = |mut rows: Vec<String>| {
        rows.sort();
        rows
    };
    assert_eq!(sorted(rows(&sb, "mle", &[])), sorted(all));
    // The journal alone has no more than it got, and the files alone neither.
    sb.sh("mkdir /root/log; mv /var/log/sftp.log* /var/log/auth.log /var/log/syslog /root/log");
    assert_eq!(rows(&sb, "mle", &[("not-logged", 2)]), made(&["down", "before", "after"]));
    end(&mut journald);
}

#[test]
fn a_repeated_entry_counts_as_often_as_in_the_journal() {
    let (sb, mut journald) = with_both();
    sb.write("/etc/rsyslog.d/00-reduced.conf", "$RepeatedMsgReduction on\n");
    sb.end_syslog("TERM");
    sb.sh("touch /home/mle/a; chown mle /home/mle/a");
    let mut live = sb.sftp_live("mle");
    live.send("mkdir before");
    wait_for_journal(&sb, "/home/mle/before");
    sb.start_syslog();
    for _ in 0..5 {
        live.send("chmod 600 a");
    }
    live.send("mkdir after");
    let server = sb.session_server("mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log(&format!("internal-sftp[{server}]: session closed for local user mle"));
    assert!(sb.log().contains("message repeated 4 times"), "{}", sb.log());
    let (before, after) = (made(&["before"]), made(&["after"]));
    let set = vec!["set /home/mle/a mode 0600: ok".to_owned(); 5];
    assert_eq!(rows(&sb, "mle", &[]), [before, set, after].concat());
    end(&mut journald);
}

#[test]
fn an_entry_that_the_journal_knows_to_be_forged_is_not_believed_in_a_file_either() {
    let (sb, mut journald) = with_both();
    sb.user("joe").add();
    sb.sh("(echo 'session opened for local user mle from [6.6.6.6]'; sleep 1) |
         setpriv --reuid joe --clear-groups logger -t sftp-server --id=4711");
    sb.wait_for_log("sftp-server[4711]");
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    quit(&sb, live, "mle");
    assert_eq!(rows(&sb, "", &[("forged", 1)]), made(&["own"]));
    end(&mut journald);
}

#[test]
fn a_copy_of_an_entry_by_a_program_named_sshd_takes_nothing_from_the_users_session() {
    let (sb, mut journald) = with_both();
    sb.user("joe").add();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    sb.wait_for_log("/home/mle/own");
    // By syslog(3) the file gets the pid that joe names, and by the journal's own protocol that of his process.
    let server = sb.session_server("mle");
    let text = "mkdir name \"/home/mle/own\" mode 0777";
    sb.sh(&format!(
        "cp /usr/bin/logger /tmp/sshd; as_joe='setpriv --reuid joe --clear-groups /tmp/sshd'
         (echo '{text}'; sleep 1) | $as_joe -t internal-sftp --id={server}
         printf 'SYSLOG_IDENTIFIER=internal-sftp\\nSYSLOG_PID={server}\\nMESSAGE=%s\\n' '{text}' >/tmp/native
         (cat /tmp/native; sleep 1) | $as_joe --journald"
    ));
    quit(&sb, live, "mle");
    assert_eq!(sb.log().matches("/home/mle/own").count(), 3, "{}", sb.log());
    assert_eq!(rows(&sb, "", &[("forged", 2)]), made(&["own"]));
    assert_eq!(rows(&sb, "mle", &[("forged", 2)]), made(&["own"]));
    end(&mut journald);
}

#[test]
fn where_the_journal_passes_nothing_on_a_forged_copy_takes_no_entry_from_a_file() {
    let (sb, mut journald) = with_both();
    end(&mut journald);
    sb.sh("mkdir -p /etc/systemd/journald.conf.d");
    sb.write("/etc/systemd/journald.conf.d/own.conf", "[Journal]\nForwardToSyslog=no\n");
    sb.sh("rm /dev/log /run/systemd/journal/dev-log; umount /sys/fs/cgroup");
    let mut journald = start_journald(&sb);
    sb.user("joe").add();
    let mut live = sb.sftp_live("mle");
    wait_for_journal(&sb, "session opened for user mle");
    // Within two seconds, the file's copy could still be under way.
    sb.sh("sleep 3");
    live.send("mkdir own");
    sb.wait_for_log("/home/mle/own");
    let server = sb.session_server("mle");
    sb.sh(&format!(
        "(echo 'mkdir name \"/home/mle/own\" mode 0777'; sleep 1) |
         setpriv --reuid joe --clear-groups logger -t internal-sftp --id={server}"
    ));
    quit(&sb, live, "mle");
    assert_eq!(rows(&sb, "mle", &[("forged", 1)]), made(&["own"]));
    end(&mut journald);
}

#[test]
fn what_a_user_writes_into_the_socket_for_jails_is_in_no_session_that_exists() {
    let (sb, mut journald) = with_both();
    sb.user("joe").add();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    sb.wait_for_log("/home/mle/own");
    sb.sh("pid=$(sed -n 's/.*internal-sftp\\[\\([0-9]*\\)\\]: session opened.*/\\1/p' /var/log/sftp.log)
         setpriv --reuid joe --clear-groups logger --socket /run/sftpjail-dev/log -t internal-sftp --id=$pid \\
             'mkdir name \"/home/mle/forged\" mode 0777'");
    sb.wait_for_log("/home/mle/forged");
    quit(&sb, live, "mle");
    // Its pid is that of logger, whatever that said.
    assert_eq!(rows(&sb, "mle", &[("no-beginning", 1)]), made(&["own"]));
    assert_eq!(rows(&sb, "", &[("no-beginning", 1)]).len(), 2);
    end(&mut journald);
}

#[test]
fn a_session_that_lost_its_socket_with_rsyslog_is_a_gap_and_one_with_the_journals_is_none() {
    let (sb, mut journald) = with_both();
    let mut own = sb.sftp_live("mle");
    own.send("mkdir first");
    sb.wait_for_log("/home/mle/first");
    sb.end_syslog("TERM");
    own.send("mkdir lost");
    let mut journals = sb.sftp_live("mle");
    journals.send("mkdir kept");
    wait_for_journal(&sb, "/home/mle/kept");
    sb.start_syslog();
    own.send("mkdir last");
    sb.wait_for_log("/home/mle/last");
    end_in_journal(&sb, journals);
    quit(&sb, own, "mle");
    let (operations, gaps) = audit(&sb, "mle");
    let operations: Vec<_> = operations.iter().map(described).collect();
    assert_eq!(operations, made(&["first", "kept", "last"]));
    assert_eq!(kinds(&gaps), [("restarted", 1)]);
    let example = gaps[0]["examples"][0].as_str().unwrap();
    assert!(
        example.starts_with("mle from 127.0.0.1, host sandbox, pid ")
            && example.contains(": it did not run at some time from "),
        "{example}"
    );
    assert_eq!(rows(&sb, "joe", &[]), [""; 0]);
    end(&mut journald);
}

#[test]
fn both_are_followed_and_nothing_is_shown_twice() {
    let (sb, mut journald) = with_both();
    sb.end_syslog("TERM");
    let mut live = sb.sftp_live("mle");
    live.send("mkdir old");
    wait_for_journal(&sb, "/home/mle/old");
    let running = Running::start(&sb, "exec sftpjail audit --follow --json mle");
    let pid = running.pid(&sb);
    live.send("mkdir down");
    assert_eq!(running.row(), made(&["down"])[0]);
    sb.start_syslog();
    for name in ["up", "more"] {
        live.send(&format!("mkdir {name}"));
        sb.wait_for_log(&format!("/home/mle/{name}"));
        assert_eq!(running.row(), made(&[name])[0]);
    }
    quit(&sb, live, "mle");
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    assert_eq!(running.row(), made(&["own"])[0]);
    sb.kill(pid, "INT");
    assert_eq!(running.ended(), Some(0));
    quit(&sb, live, "mle");
    end(&mut journald);
}

#[test]
fn a_part_of_the_journal_that_cannot_be_read_is_reported_beside_what_the_files_have() {
    let (sb, mut journald) = with_both();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    quit(&sb, live, "mle");
    end(&mut journald);
    sb.sh("for f in /run/log/journal/*/*.journal; do dd if=/dev/zero of=$f bs=1 count=64 conv=notrunc status=none; done");
    let out = sb.try_sh("sftpjail audit mle");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stdout.contains("mkdir      ok"), "{out}");
    assert!(
        out.stderr.contains("sftpjail: entries that only the journal has may be missing: journalctl "),
        "{out}"
    );
    sb.sh("rm -r /run/log/journal");
    assert_eq!(rows(&sb, "mle", &[]), made(&["own"]));
    assert_eq!(rows(&sb, "mle --since 2020-01-01", &[("begins-later", 1)]), made(&["own"]));
}
