//! The children that check users. Filesystems that do not answer them cost ten seconds, however many there are, and
//! nothing else.

use super::{checked, findings, json, machine};
use crate::common::unanswered::take_and_never_answer;
use std::time::{Duration, Instant};

#[test]
fn homes_that_never_answer_cost_ten_seconds_together_and_hide_nothing() {
    let sb = machine();
    let stuck: Vec<_> = (1..=12).map(|n| format!("stuck{n}")).collect();
    for user in &stuck {
        sb.user(user).group("sftp").shell("/usr/sbin/nologin").add();
    }
    // Found whatever the home does.
    sb.sh("printf 'Match User stuck7\\n ChrootDirectory none\\n' > /etc/ssh/sshd_config.d/x.conf");
    for user in &stuck {
        take_and_never_answer(&sb, user, &format!("/home/{user}"));
    }
    let begun = Instant::now();
    // A shell waits until nobody has the pipe any more.
    let out = checked(
        sb.try_sh("out=$(sftpjail check --all --json 2>&1 9>&1) || code=$?; echo \"$out\"; exit ${code:-0}"),
        1,
    );
    // One after the other, they would take two minutes.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
    let document: serde_json::Value = serde_json::from_str(&out.stdout).expect("JSON");
    let users = document["users"].as_array().expect("users");
    assert_eq!(users.len(), 13);
    for report in users {
        let user = report["user"].as_str().expect("a name");
        let all = findings(report);
        let has = |check, outcome, part: &str| {
            all.iter().any(|f| f[..2] == [check, outcome] && f[2].contains(part))
        };
        if user == "mle" {
            assert_eq!(report["status"], "ok");
            continue;
        }
        let why = format!("the check of {user} took more than 10 s: a filesystem does not answer");
        assert!(has("home", "unknown", &why), "{report:#}");
        assert!(has("profile", "passed", "home, as a member of sftp"), "{report:#}");
        assert_eq!(has("sshd chroot", "passed", ""), user != "stuck7", "{report:#}");
        assert_eq!(has("sshd chroot", "failed", "ChrootDirectory is none"), user == "stuck7", "{report:#}");
    }
}

#[test]
fn a_mount_that_never_answers_is_waited_for_once_whoever_has_a_home_on_it() {
    let sb = machine();
    // More than are waited for at a time.
    let homes = 150;
    sb.sh(&format!(
        "gid=$(getent group sftp | cut -d: -f3); mkdir /home/far
         for n in $(seq {homes}); do
             echo \"far$n:x:$((5000 + n)):$gid::/home/far/far$n:/usr/sbin/nologin\" >> /etc/passwd
             echo \"far$n:!:20000:0:99999:7:::\" >> /etc/shadow
         done"
    ));
    take_and_never_answer(&sb, "root", "/home/far");
    let out = checked(sb.try_sh("sftpjail check --all --json"), 2);
    let document: serde_json::Value = serde_json::from_str(&out.stdout).expect("JSON");
    let users = document["users"].as_array().expect("users");
    assert_eq!(users.len(), homes + 1);
    let with = |part: &str| {
        let has = |report: &&serde_json::Value| {
            findings(report).iter().any(|f| f[0] == "home" && f[2].contains(part))
        };
        users.iter().filter(has).count()
    };
    let silent = "the filesystem at /home/far has not answered the check of far";
    assert!(with("took more than 10 s: a filesystem does not answer") >= 1, "{out}");
    // The first of them, at a time.
    assert!(with("took more than 10 s") <= 70, "{out}");
    assert!(with(&format!("was not made: {silent}")) >= homes - 70, "{out}");
    let mle = users.iter().find(|report| report["user"] == "mle").expect("mle");
    assert_eq!(mle["status"], "ok", "{mle:#}");
}

#[test]
fn a_directory_that_does_not_answer_its_user_costs_ten_seconds() {
    let sb = machine();
    sb.sh("mkdir -p -m 755 /run/sshd /jail; install -d -o mle -g mle /home/mle/.ssh");
    // Nobody reads the requests, as if the FUSE daemon was stopped; and root gets an error at once.
    sb.sh("mknod /dev/fuse c 10 229; exec 3<>/dev/fuse
        mount -i -t fuse -o fd=3,rootmode=40000,user_id=$(id -u mle),group_id=$(id -g mle) none /home/mle/.ssh
        setsid sleep 1000 >/dev/null 2>&1 </dev/null &");
    let document = json(&sb, "mle", "unchecked");
    let all = findings(&document);
    assert!(
        all.iter().any(|f| f[..2] == ["home", "unknown"] && f[2].contains("took more than 10 s")),
        "{document:#}"
    );
    assert!(all.iter().any(|f| f[..2] == ["sshd chroot", "passed"]), "{document:#}");
}

#[test]
fn the_daemon_of_a_home_that_is_stopped_and_goes_on() {
    let sb = machine();
    sb.sh("echo mle:pw | chpasswd; mknod /dev/fuse c 10 229; mkdir /srv/cipher; echo secret > /root/pass
        gocryptfs -q -init -scryptn 10 -passfile /root/pass /srv/cipher
        gocryptfs -q -nonempty -allow_other -passfile /root/pass /srv/cipher /home/mle
        chown mle: /home/mle; mkdir -p -m 755 /run/sshd /jail");
    checked(sb.try_sh("sftpjail check mle"), 0);
    let [daemon] = sb.pids("gocryptfs -fg")[..] else { panic!("{:?}", sb.processes()) };
    sb.kill(daemon, "STOP");
    // It waits until the kernel has forgotten the attributes.
    sb.sh("sleep 2");
    let out =
        checked(sb.try_sh("out=$(sftpjail check mle 2>&1) || code=$?; echo \"$out\"; exit ${code:-0}"), 2);
    assert!(out.stdout.contains("! home           the check of mle took more than 10 s"), "{out}");
    sb.kill(daemon, "CONT");
    checked(sb.try_sh("sftpjail check mle"), 0);
}

#[test]
fn check_ends_after_all_of_its_children() {
    let sb = machine();
    // The children are still ending when they have nothing left to do.
    sb.sh(
        "strace -qqfo /tmp/trace -e trace=wait4,waitid,exit_group -e inject=exit_group:delay_enter=200000 \
           sftpjail check mle >/dev/null",
    );
    let trace = sb.read_text("/tmp/trace");
    let calls = || trace.lines().filter_map(|line| line.split_once(char::is_whitespace));
    let ended: Vec<_> = calls().filter(|(_, call)| call.trim_start().starts_with("exit_group(")).collect();
    let [children @ .., _check] = &ended[..] else { panic!("{trace}") };
    assert!(children.len() > 1, "{trace}");
    for (child, _) in children {
        let is_result =
            |call: &str| call.ends_with(&format!(" = {child}")) || call.contains(&format!("si_pid={child},"));
        assert!(calls().any(|(_, call)| is_result(call)), "nobody has waited for {child}:\n{trace}");
    }
}
