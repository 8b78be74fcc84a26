//! `sftpjail audit`: what an auditor asks, and what the log could be taken for.

use std::time::Duration;

use sandbox::{Sandbox, wait_until};
use serde_json::Value;

use super::{audit, described, kinds, machine, quit};

/// Sends commands in one session of mle's, and waits until its end is in the log.
fn session(sb: &Sandbox, commands: &[&str]) {
    let mut live = sb.sftp_live("mle");
    for command in commands {
        live.send(command);
    }
    quit(sb, live, "mle");
}

fn shown(sb: &Sandbox, arguments: &str) -> Vec<String> {
    audit(sb, arguments).0.iter().map(described).collect()
}

#[test]
fn the_words_that_people_use_name_operations() {
    let sb = machine(&["mle"]);
    sb.sh("touch /tmp/empty");
    session(
        &sb,
        &[
            "mkdir d",
            "put /etc/hostname d/a",
            "put /tmp/empty d/empty",
            "get d/a /tmp/back",
            "rename d/a d/b",
            "chmod 600 d/b",
            "ls d",
            "rm d/b",
            "rm d/empty",
            "rmdir d",
            "get secret /tmp/x",
        ],
    );
    let put = "WRITE,CREATE,TRUNCATE";
    assert_eq!(
        shown(&sb, "--op upload"),
        [
            format!("open /home/mle/d/a {put}: ok"),
            "close /home/mle/d/a 0/8: ok".into(),
            format!("open /home/mle/d/empty {put}: ok"),
            "close /home/mle/d/empty 0/0: ok".into(),
        ]
    );
    let down = [
        "open /home/mle/d/a READ: ok",
        "close /home/mle/d/a 8/0: ok",
        "open /home/mle/secret READ: failed Permission denied",
    ];
    assert_eq!(shown(&sb, "--op download"), down);
    let delete = ["remove /home/mle/d/b: ok", "remove /home/mle/d/empty: ok", "rmdir /home/mle/d: ok"];
    assert_eq!(shown(&sb, "--op delete"), delete);
    let several = [
        "mkdir /home/mle/d mode 0777: ok",
        "rename /home/mle/d/a -> /home/mle/d/b: ok",
        "set /home/mle/d/b mode 0600: ok",
    ];
    assert_eq!(shown(&sb, "--op mkdir,rename --op chmod"), several);
    assert_eq!(shown(&sb, "--op list"), ["opendir /home/mle/d: ok", "closedir /home/mle/d: ok"]);
    let out = sb.try_sh("sftpjail audit --op uplod");
    assert!(out.code == Some(2) && out.stderr.contains("'upload'"), "{out}");
}

#[test]
fn a_summary_has_the_sums_of_each_user() {
    let sb = machine(&["mle", "joe", "kim"]);
    session(
        &sb,
        &["put /etc/hostname a", "put /etc/hostname b", "get a /tmp/x", "rm b", "get secret /tmp/y"],
    );
    session(&sb, &["put /etc/hostname c"]);
    sb.sftp("joe", "pwd\n").ok();
    sb.wait_for_log("]: session closed for local user joe from");
    let (sums, gaps) = audit(&sb, "--summary");
    assert_eq!((sums.len(), gaps), (2, vec![]));
    let of = |sums: &Value, keys: &[&str]| keys.iter().map(|key| sums[key].clone()).collect::<Vec<_>>();
    let keys = [
        "user",
        "sessions",
        "uploaded_files",
        "uploaded_bytes",
        "downloaded_files",
        "downloaded_bytes",
        "deletions",
        "failed",
    ];
    let expected =
        |user: &str, numbers: [u32; 7]| [vec![Value::from(user)], numbers.map(Value::from).to_vec()].concat();
    assert_eq!(of(&sums[0], &keys), expected("joe", [1, 0, 0, 0, 0, 0, 0]));
    assert_eq!(of(&sums[1], &keys), expected("mle", [2, 3, 24, 1, 8, 1, 1]));
    assert!(sums[1]["first"].as_str() < sums[1]["last"].as_str());
    // A user without a session is not among them, and one who is asked for is alone.
    let csv = sb.sh("sftpjail audit joe --summary --csv").stdout;
    assert!(
        csv.starts_with("user,sessions,uploaded_files,") && csv.contains("\njoe,1,0,0,0,0,0,0,0,0,20"),
        "{csv}"
    );
    assert_eq!(csv.lines().count(), 2);
    let table = sb.sh("sftpjail audit --summary").stdout;
    assert!(table.starts_with("USER  SESSIONS  UPLOADED  DOWNLOADED  DELETED  FAILED  FIRST"), "{table}");
    assert!(table.contains("\nmle   2         3 (24 B)  1 (8 B)     1        1       20"), "{table}");
    // Only what is asked for is in the sums.
    let (sums, _) = audit(&sb, "--summary --op delete");
    assert_eq!(of(&sums[0], &keys), expected("mle", [1, 0, 0, 0, 0, 1, 0]));
}

#[test]
fn what_the_probe_did_is_shown_only_when_asked_for() {
    let sb = machine(&["mle"]);
    session(&sb, &["mkdir own"]);
    sb.sh("sftpjail probe mle");
    let out = sb.sh("sftpjail audit mle --json");
    assert_eq!(out.stdout.lines().count(), 1, "{out}");
    assert!(out.stderr.ends_with(" operations of `sftpjail probe` left out; --probe shows them\n"), "{out}");
    let (all, _) = audit(&sb, "mle --probe");
    let of_probe = all.iter().filter(|row| row["address"] == "UNKNOWN").count();
    assert!(of_probe > 5 && all.len() == of_probe + 1, "{all:#?}");
    assert_eq!(audit(&sb, "--summary").0[0]["sessions"], 1);
    // Each command of the probe's connection is a session of internal-sftp.
    assert!(audit(&sb, "--summary --probe").0[0]["sessions"].as_u64() > Some(1));
}

#[test]
fn a_refused_command_is_no_gap() {
    let sb = machine(&["mle"]);
    sb.ssh("mle", &["id"]).failed();
    sb.ssh("mle", &["rsync", "--server", "--sender", "-logDtpre.iLsfxC", ".", "."]).failed();
    sb.ssh("mle", &["git-upload-pack", "'x.git'"]).failed();
    sb.scp("mle", &["-O", "/etc/hostname", "127.0.0.1:"]).failed();
    let mut live = sb.sftp_live("mle");
    live.send("mkdir own");
    quit(&sb, live, "mle");
    let count = |text: &str| sb.read_text("/var/log/sftp.log").matches(text).count();
    let all_closed = || (count("pam_sftpjail(sshd:session): session closed for user mle") == 5).then_some(());
    wait_until(Duration::from_secs(60), all_closed).expect("five sessions");
    assert_eq!(count("refusing non-sftp session"), 4, "{}", sb.log());
    let (operations, gaps) = audit(&sb, "");
    assert_eq!((operations.len(), kinds(&gaps)), (1, vec![]));
}

#[test]
fn a_write_that_was_cut_short_is_shown_with_its_close() {
    let sb = machine(&["mle"]);
    // A disk with room for less than what a client writes at once.
    sb.sh("mkdir /home/mle/disk; mount -t tmpfs -o size=16k,mode=777 tmpfs /home/mle/disk
        head -c 30000 /dev/zero > /tmp/big");
    session(&sb, &["put /tmp/big disk/big"]);
    let log = sb.read_text("/var/log/sftp.log");
    assert!(log.contains("]: sent status Failure\n") && !log.contains("process_write"), "{log}");
    let (operations, gaps) = audit(&sb, "--op upload");
    let rows: Vec<_> = operations.iter().map(described).collect();
    assert_eq!(rows[0], "open /home/mle/disk/big WRITE,CREATE,TRUNCATE: ok");
    assert!(
        rows[1].starts_with("close /home/mle/disk/big 0/") && rows[1].ends_with(": unclear Failure"),
        "{rows:?}"
    );
    assert_eq!(kinds(&gaps), [("unclear", 1)]);
}

#[test]
fn a_name_makes_no_renaming_that_never_was() {
    let sb = machine(&["mle"]);
    session(&sb, &["put /etc/hostname \"invoice.pdf\\\" new \"", "rename \"invoice.pdf\\\" new \" b"]);
    sb.sh("test -e /home/mle/b");
    let (operations, gaps) = audit(&sb, "--op rename");
    assert_eq!(operations[0]["path"], "/home/mle/invoice.pdf\" new \" new \"/home/mle/b");
    assert_eq!((&operations[0]["target"], kinds(&gaps)), (&Value::Null, vec![("ambiguous", 1)]));
}

#[test]
fn old_rows_keep_their_paths_after_the_configuration_has_changed() {
    let sb = machine(&["mle"]);
    let configure = |source: &str, target: &str| {
        sb.configure(&format!(
            "[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n[[profile.volume]]\nsource = \"{source}\"\ntarget = \"{target}\"\n"
        ));
    };
    sb.sh("install -d -o mle /srv/old '/srv/n \"w' /srv/in; mkdir /home/mle/in");
    configure("/srv/old", "/up");
    session(&sb, &["mkdir /up/a"]);
    configure("/srv/n \\\"w", "/up");
    session(&sb, &["mkdir /up/a"]);
    configure("/srv/in", "/home/mle/in");
    session(&sb, &["mkdir in/a"]);
    // The home has no directory for it, so the volume is left out.
    sb.sh("rmdir /home/mle/in");
    session(&sb, &["mkdir in", "mkdir in/b"]);
    sb.sh("rm /etc/sftpjail/config.toml");
    let expected = ["/srv/old/a", "/srv/n \"w/a", "/srv/in/a", "/home/mle/in", "/home/mle/in/b"];
    let rows = |file: &str| {
        let (operations, gaps) = audit(&sb, &format!("--op mkdir {file}"));
        assert_eq!(kinds(&gaps), []);
        operations.iter().map(|row| row["path"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(rows(""), expected);
    // On another host, too.
    sb.sh("sed 's/ sandbox / elsewhere /' /var/log/sftp.log > /tmp/other.log");
    assert_eq!(rows("--file /tmp/other.log"), expected);
    // Entries of an earlier version do not say it: then the configuration counts, as it is now.
    sb.sh("sed -i 's/ home_access=.* setup_us/ setup_us/' /var/log/sftp.log");
    assert_eq!(rows("")[..1], ["/jail/mle/up/a"]);
}

#[test]
fn times_that_leave_nothing_between_them_are_an_error() {
    let sb = machine(&["mle"]);
    for (since, until) in [("3h", "4h"), ("today", "yesterday"), ("2026-11-27", "2026-11-27")] {
        for form in ["", "--json", "--csv", "--summary"] {
            let out = sb.try_sh(&format!("sftpjail audit {form} --since {since} --until {until}"));
            assert_eq!(out.code, Some(2), "{out}");
            assert!(out.stderr.starts_with("sftpjail: --since (") && out.stdout.is_empty(), "{out}");
            assert!(out.stderr.ends_with("); exchange them, or give other times\n"), "{out}");
        }
    }
    sb.sh("sftpjail audit --since 4h --until 3h");
}
