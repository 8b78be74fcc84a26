//! `sftpjail list`: the live sessions, and what it says when it cannot read them.

use nix::fcntl::{FcntlArg, fcntl};
use sandbox::Sandbox;
use serde_json::Value;

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
        // Leaves out what differs from run to run: the seconds of the start, the idle time, and the bytes with their unit.
        let fixed = |line: &[&str]| [&line[..3], &[&line[3][..5]], &line[7..]].concat().join(" ");
        assert_eq!(fixed(&lines[1]), row("anna-with-a-long-name", &of_anna));
        assert_eq!(fixed(&lines[2]), row("mle", &of_mle));
        assert_eq!(lines.len(), 3);

        let document: Value = serde_json::from_str(&sb.sh("sftpjail list --json").stdout).expect("JSON");
        assert_eq!(document["version"], 2);
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
        // The scheduler's clocks differ by some tenths of a second between processors.
        sb.sh("sleep 3");
        assert!((2..30).contains(&number(&sb, "idle_seconds")));
        mle.send("ls");
        assert!(number(&sb, "idle_seconds") < 2);

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
        assert!(out.stderr.contains("permission denied; fix: run this as root"), "{out}");
    }
}
