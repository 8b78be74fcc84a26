//! `sftpjail list`: the live sessions, and what it says when it cannot read them.

use nix::fcntl::{FcntlArg, fcntl};
use sandbox::{LiveSftp, Sandbox};
use serde_json::Value;
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn live_sessions_are_listed_and_no_others() {
    for namespace in ["private", "host"] {
        let sb = Sandbox::new();
        sb.sh(&format!(
            "mkdir -p /etc/sftpjail; echo 'namespace = \"{namespace}\"' > /etc/sftpjail/config.toml"
        ));
        sb.user("mle").group("sftp").add();
        sb.user("anna-with-a-long-name").group("sftp").add();
        assert_eq!(sb.sh("sftpjail list").stdout, "Nobody is in a jail.\n");

        let anna = sb.sftp_live("anna-with-a-long-name");
        let mut mle = sb.sftp_live("mle");
        let (of_anna, of_mle) = (sb.session_monitor("anna-with-a-long-name"), sb.session_monitor("mle"));
        let now = sb.sh("date +'%F %H:%M'").stdout.trim().to_owned();
        let list = sb.sh("sftpjail list").stdout;
        let lines: Vec<_> = list.lines().map(|line| line.split_whitespace().collect::<Vec<_>>()).collect();
        assert_eq!(lines[0], ["USER", "PID", "SINCE", "IDLE", "MOVED", "FROM", "PROFILE", "JAIL"]);
        let row = |user, pid: &i32| format!("{user} {pid} {now} 127.0.0.1 home /jail/{user} ({namespace})");
        // Leaves out what differs from run to run: the seconds of the start, the idle time, and the bytes with their
        // unit.
        let fixed = |line: &[&str]| [&line[..3], &[&line[3][..5]], &line[7..]].concat().join(" ");
        assert_eq!(fixed(&lines[1]), row("anna-with-a-long-name", &of_anna));
        assert_eq!(fixed(&lines[2]), row("mle", &of_mle));
        assert_eq!(lines.len(), 3);

        let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
        assert_eq!(document["version"], 3);
        assert_eq!(document["sessions"][1]["user"], "mle");
        assert_eq!(document["sessions"][1]["authentication"].as_array().map(Vec::len), Some(1));

        // 1 MB up, 500 KB down, and what the protocol adds.
        sb.sh("head -c 1000000 /dev/urandom > /tmp/up; head -c 500000 /tmp/up > /home/mle/down");
        let number = |sb: &Sandbox, key: &str| {
            let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
            document["sessions"][1][key].as_u64().expect("a number")
        };
        let before = number(&sb, "bytes_moved");
        mle.send("put /tmp/up");
        mle.send("get down /tmp/down");
        let moved = number(&sb, "bytes_moved") - before;
        assert!((1_500_000..1_600_000).contains(&moved), "{moved}");
        // What `ls` costs is not a wait, and what came after it is.
        let (idle, least, most) = idle_after_ls(&sb, &mut mle, Duration::ZERO);
        assert!((least..=most).contains(&idle), "{idle} s, of {least} to {most}");
        let (idle, least, most) = idle_after_ls(&sb, &mut mle, Duration::from_secs(3));
        assert!((least..=most).contains(&idle), "{idle} s, of {least} to {most}");

        // A session that has ended is not listed, whatever its record says.
        let child = sb.session_child("anna-with-a-long-name");
        sb.sh(&format!("kill -9 {of_anna} {child}"));
        drop(anna);
        for pid in [of_anna, child] {
            sb.wait_gone(pid);
        }
        assert!(!sb.sh("sftpjail list").stdout.contains("anna"));
    }
}

/// What the session of mle is said to be idle after `ls` and a wait, in s; and the least and the most that it can be.
/// Asks again where the scheduler has moved internal-sftp, so that it is unknown.
fn idle_after_ls(sb: &Sandbox, mle: &mut LiveSftp, wait: Duration) -> (u64, u64, u64) {
    for _ in 0..20 {
        let begun = Instant::now();
        mle.send("ls");
        let done = Instant::now();
        thread::sleep(wait);
        let least = done.elapsed().as_secs();
        let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
        if let Some(idle) = document["sessions"][1]["idle_seconds"].as_u64() {
            return (idle, least.saturating_sub(1), begun.elapsed().as_secs());
        }
    }
    panic!("the idle time was unknown twenty times");
}

#[test]
fn a_record_that_cannot_be_read_is_reported_and_hides_no_other() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let _live = sb.sftp_live("mle");
    sb.sh("mkdir -p /run/sftpjail/kim");
    // As a later version might write it.
    for (text, problem) in [
        (
            "version = 2\\n$(tail -n +2 /run/sftpjail/mle/*)",
            "has version 2, but this sftpjail reads version 1",
        ),
        ("version = 1", "was not written by this version of sftpjail; the session goes on"),
        ("\\377", "cannot be read: stream did not contain valid UTF-8"),
    ] {
        sb.sh(&format!("printf \"{text}\" > /run/sftpjail/kim/private-7"));
        // Locked as a session locks it: while this descriptor is open.
        let record = format!("/proc/{}/root/run/sftpjail/kim/private-7", sb.outer_pid());
        let record = std::fs::File::open(record).expect("root can enter the sandbox");
        let whole = nix::libc::flock { l_type: 0, l_whence: 0, l_start: 0, l_len: 0, l_pid: 0 };
        fcntl(&record, FcntlArg::F_OFD_SETLK(&whole)).expect("no other process has locked it");
        let out = sb.try_sh("sftpjail list");
        assert_eq!(out.code, Some(1), "{out}");
        assert!(out.stdout.contains("\nmle "), "{out}");
        assert!(out.stdout.contains(&format!("! kim: the record private-7 {problem}\n")), "{out}");
    }
}

#[test]
fn without_root_it_says_to_run_as_root() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let _live = sb.sftp_live("mle");
    for verb in ["list", "reap"] {
        let out = sb.try_sh(&format!("setpriv --reuid nobody --clear-groups sftpjail {verb}"));
        assert_eq!(out.code, Some(2), "{out}");
        assert!(out.stderr.contains("permission denied; run this as root"), "{out}");
    }
}

/// The scheduler forgets when a process last ran while it moves the process to another processor.
#[test]
fn an_upload_on_a_busy_machine_is_not_shown_as_idle() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    sb.sh("head -c 20000000 /dev/zero > /tmp/up");
    let begun = Instant::now();
    let mut live = sb.sftp_live("mle");
    let server = sb.session_server("mle");
    // More processes than processors, and the server is moved from one processor to the next.
    sb.sh(&format!(
        "exec >/dev/null 2>&1 </dev/null
         last=$(( $(nproc) - 1 ))
         for i in $(seq 0 $last); do (while :; do :; done) & done
         while :; do for i in $(seq 0 $last); do taskset -cp $i {server}; done; done &"
    ));
    let mut known = 0;
    for round in 0..100 {
        if round % 10 == 0 {
            live.write("put /tmp/up");
        }
        let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
        // A busy machine may let the client wait, but a session cannot be idle for longer than it lives.
        if let Some(idle) = document["sessions"][0]["idle_seconds"].as_u64() {
            assert!(idle <= begun.elapsed().as_secs(), "round {round}: {document}");
            known += 1;
        }
    }
    assert!(known > 0, "no idle time was known");
}

#[test]
fn the_helps_example_ends_idle_sessions_and_no_others() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let (mut idle, mut busy) = (sb.sftp_live("mle"), sb.sftp_live("mle"));
    let help = sb.sh("sftpjail list --help").stdout;
    let (_, example) = help.split_once("  sftpjail list --json | jq").expect("an example");
    // An hour, in the example.
    let example = format!("sftpjail list --json | jq{example}").replace("3600", "4");
    let (command, _) = example.split_once("      end what").expect("a comment");
    for _ in 0..20 {
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_secs(6) {
            busy.send("ls");
            // Not idle, and no load for the tests beside this one.
            thread::sleep(Duration::from_millis(100));
        }
        let ended = sb.sh(command).stdout;
        busy.send("ls");
        // Unless the idle time is unknown, which it is on a busy machine now and then.
        if !ended.is_empty() {
            assert_eq!(ended.matches("✓ the session").count(), 1, "{ended}");
            idle.try_send("ls").unwrap_err();
            return;
        }
        idle.send("ls");
    }
    panic!("no session was idle");
}

#[test]
fn json_has_plain_values_and_a_terminal_obeys_nothing_in_them() {
    let sb = Sandbox::new();
    // A letter, a blank, and a character that reverses what follows it.
    let home = "/home/carl m\u{fc}ller \u{202e}x";
    sb.user("carl").home(home).group("sftp").raw().add();
    let _live = sb.sftp_live("carl");
    let json = |verb: &str| {
        let out = sb.sh(&format!("sftpjail {verb} --json")).stdout;
        assert!(!out.contains('\u{202e}'), "{out}");
        serde_json::from_str::<Value>(&out).expect("JSON")
    };
    let listed = json("list")["sessions"][0].clone();
    assert_eq!((&listed["home"], &listed["home_bytes"]), (&home.into(), &Value::Null), "{listed}");
    assert_eq!(
        (&listed["jail"], &listed["address"]),
        (&"/jail/carl".into(), &"127.0.0.1".into()),
        "{listed}"
    );
    let rehearsal = json("check carl")["rehearsal"].clone();
    assert_eq!(rehearsal["home"], home);
    let paths: Vec<_> = rehearsal["tree"].as_array().unwrap().iter().map(|entry| &entry["path"]).collect();
    assert!(paths.contains(&&home.into()), "{paths:?}");
    let kicked = json("kick carl")["sessions"][0].clone();
    assert_eq!((&kicked["user"], &kicked["address"]), (&"carl".into(), &"127.0.0.1".into()), "{kicked}");
}

/// An sftp session of mle's, with 900 open files.
fn with_many_handles(sb: &Sandbox) {
    // SSH_FXP_INIT, and SSH_FXP_OPEN of one file, again and again: draft-ietf-secsh-filexfer-02.
    sb.sh("touch /home/mle/f; chown mle /home/mle/f
        { printf '\\0\\0\\0\\5\\1\\0\\0\\0\\3'; for i in $(seq 900); do
        printf '\\0\\0\\0\\34\\3\\0\\0\\0\\1\\0\\0\\0\\13/home/mle/f\\0\\0\\0\\1\\0\\0\\0\\0'; done; } > /tmp/opens
        ({ cat /tmp/opens; sleep 1000; } | setsid ssh -s mle@127.0.0.1 sftp) >/dev/null 2>&1 &
        for i in $(seq 200); do
            for pid in $(pgrep -f 'sshd: mle@internal-sftp'); do [ $(ls /proc/$pid/fd | wc -l) -lt 900 ] || exit 0; done
            sleep 0.1
        done; exit 1");
}

#[test]
fn what_members_have_open_costs_nothing() {
    let sb = Sandbox::new();
    sb.user("mle").group("sftp").add();
    let _live = sb.sftp_live("mle");
    let calls = |verb: &str| {
        let trace =
            format!("strace -f -o /tmp/trace sftpjail {verb} >/dev/null; grep -c 'link\\|statx' /tmp/trace");
        sb.sh(&trace).stdout.trim().parse::<usize>().expect("a number")
    };
    let before = calls("list");
    with_many_handles(&sb);
    let monitor = sb.session_monitor("mle");
    // One session more, and not its files.
    assert!(calls("list") < before + 100, "{} instead of {before}", calls("list"));
    // Nor if its monitor was killed, so that any process may be its child.
    sb.kill(monitor, "KILL");
    sb.wait_gone(monitor);
    assert!(calls("list") < before + 500, "{} instead of {before}", calls("list"));
    assert!(calls("kick mle") < 2 * before + 500);
}
