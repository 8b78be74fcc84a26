//! A login that finds no place waits for one; and who is refused keeps nobody else out.

use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Output, Sandbox};
use std::process::Stdio;
use std::thread::{self, JoinHandle, sleep};
use std::time::Duration;

const ONE_AT_MOST: &str = "[[profile]]\nname = \"few\"\ngroups = [\"sftp\"]\nmax_sessions = 1\n";

/// The sentence of a login that was refused in the account phase.
const SENTENCE: &str = "you have as many open connections as you are allowed";

/// A machine with the member mle, who may have `max` sessions.
fn machine(namespace: Namespace, max: u32) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    sb.configure(&ONE_AT_MOST.replace('1', &max.to_string()));
    sb.user("mle").group("sftp").add();
    sb.sshd();
    sb
}

/// What sftp says to a login of mle's, once it has said it.
fn beginning(sb: &Sandbox) -> JoinHandle<Output> {
    let mut sftp = sb.login("mle").client("sftp");
    sftp.args(["-b", "-", "127.0.0.1"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut sftp = sftp.spawn().expect("sandbox-enter runs");
    // At its end, sftp quits.
    drop(sftp.stdin.take());
    thread::spawn(move || {
        let ended = sftp.wait_with_output().expect("it ends");
        Output {
            what: "sftp as mle".into(),
            code: ended.status.code(),
            stdout: String::from_utf8_lossy(&ended.stdout).into(),
            stderr: String::from_utf8_lossy(&ended.stderr).into(),
        }
    })
}

/// Waits until a login of mle's asks PAM, and then a little, so that it has asked.
fn asked(sb: &Sandbox) {
    sb.sh("for i in $(seq 500); do pgrep -f '^sshd: mle \\[(priv|pam)\\]' >/dev/null && break; sleep 0.02; done");
    sleep(Duration::from_millis(700));
}

/// Waits until so many refusals are logged.
#[track_caller]
fn logged(sb: &Sandbox, refusals: usize) {
    sb.sh(&format!(
        "for i in $(seq 500); do [ $(grep -c 'refused user mle' /var/log/auth.log) = {refusals} ] && exit 0; sleep 0.02; done; exit 1"
    ));
}

in_both_namespaces!(
    who_waits_is_let_in_when_a_session_ends,
    who_waits_is_let_in_when_root_ends_a_session,
    who_waits_is_let_in_when_a_session_is_killed,
    short_logins_share_few_places,
    who_is_refused_by_the_session_hook_is_not_served,
    where_refusals_count_the_session_hook_answers_and_only_what_passes,
);

fn who_waits_is_let_in_when_a_session_ends(namespace: Namespace) {
    let sb = machine(namespace, 1);
    let live = sb.sftp_live("mle");
    let waiting = beginning(&sb);
    sleep(Duration::from_secs(1));
    assert!(!waiting.is_finished());
    live.quit();
    waiting.join().expect("no panic").ok();
    assert_eq!(sb.log_lines("refused user"), [""; 0]);
}

fn who_waits_is_let_in_when_root_ends_a_session(namespace: Namespace) {
    let sb = machine(namespace, 1);
    let _live = sb.sftp_live("mle");
    let waiting = beginning(&sb);
    asked(&sb);
    sb.sh("sftpjail kick mle");
    waiting.join().expect("no panic").ok();
    assert_eq!(sb.log_lines("refused user"), [""; 0]);
}

/// Of which nothing in /run/sftpjail tells but the kernel.
fn who_waits_is_let_in_when_a_session_is_killed(namespace: Namespace) {
    let sb = machine(namespace, 1);
    let _live = sb.sftp_live("mle");
    let (monitor, child) = (sb.session_monitor("mle"), sb.session_child("mle"));
    let waiting = beginning(&sb);
    asked(&sb);
    sb.sh(&format!("kill -9 {monitor} {child}"));
    waiting.join().expect("no panic").ok();
    assert_eq!(sb.log_lines("refused user"), [""; 0]);
}

fn short_logins_share_few_places(namespace: Namespace) {
    let sb = machine(namespace, 4);
    sb.sh("seq 24 | xargs -P 12 -I{} sftp -q -b /dev/null -o BatchMode=yes mle@127.0.0.1");
    assert_eq!(sb.log_lines("refused user"), [""; 0]);
    sb.wait_for_logouts();
    assert_eq!(sb.log_lines("pam_sftpjail(sshd:session): session opened").len(), 24);
    assert_eq!(sb.sh("find /run/sftpjail -mindepth 1 -type d").stdout, "");
}

/// sshd goes on where pam_open_session fails; in the host's namespace there is a jail to go to. What keeps
/// the user out is in sshd's own do_child, and here it is seen to.
fn who_is_refused_by_the_session_hook_is_not_served(namespace: Namespace) {
    let sb = machine(namespace, 1);
    sb.sh("sed -i '/^account.*pam_sftpjail/d' /etc/pam.d/sshd");
    let mut live = sb.sftp_live("mle");
    let mounts = sb.mounts();
    let refused = beginning(&sb).join().expect("no panic").failed();
    assert!(!refused.stderr.contains(SENTENCE), "{refused}");
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): refused user mle rhost=127.0.0.1: ");
    assert!(line.contains("mle has 1 of the 1 sessions that the profile allows (after "), "{line}");
    // A connection that runs nothing stays, and is not served whenever it asks, either.
    let hold = "ssh -o BatchMode=yes -o ControlMaster=yes -o ControlPath=/tmp/c -fN mle@127.0.0.1";
    sb.sh(&format!("{hold} >/dev/null 2>&1 </dev/null"));
    logged(&sb, 2);
    let out = sb.try_sh("sftp -b /dev/null -o ControlPath=/tmp/c mle@127.0.0.1");
    assert_ne!(out.code, Some(0), "{out}");
    assert_eq!(sb.log_lines("session opened for local user").len(), 1, "internal-sftp's");
    assert_eq!(sb.mounts(), mounts);
    assert!(!live.send("ls -a").is_empty());
}

/// The program's name is what tells an sshd that counts.
fn where_refusals_count_the_session_hook_answers_and_only_what_passes(namespace: Namespace) {
    let sb = machine(namespace, 1);
    install_alone(&sb, "");
    sb.sh("cp /usr/local/sbin/pam-driver /usr/local/sbin/sshd-session");
    let _live = sb.sftp_live("mle");
    // An upgrade may replace the program under a process that runs.
    for upgrade in ["", "rm /usr/local/sbin/sshd-session;"] {
        let script = format!(
            "mkfifo /tmp/go; sshd-session --confdir /etc/alone mle wait account open < /tmp/go & exec 9> /tmp/go; \
             sleep 0.3; {upgrade} echo >&9; wait; rm /tmp/go"
        );
        let out = sb.sh(&script);
        assert_eq!((answers(&out, "account"), answers(&out, "open")), (vec!["0"], vec!["14"]), "{out}");
        assert!(!out.stdout.contains("message"), "{out}");
    }
    // What does not pass is told where the user reads it.
    sb.sh("cp /usr/local/sbin/pam-driver /usr/local/sbin/sshd-session; chown root:root /home/mle; chown 1 /home/mle");
    let out = sb.sh("sshd-session --confdir /etc/alone mle account");
    assert_eq!(answers(&out, "account"), ["6"], "{out}");
    assert!(out.stdout.contains("your home directory is missing or not safe to use"), "{out}");
}

#[test]
fn who_waits_for_an_older_jail_to_go_gets_the_new_one() {
    let sb = Sandbox::in_namespace(Namespace::Host);
    sb.user("mle").group("sftp").password("secret").add();
    let old = sb.sftp_live("mle");
    sb.sh("usermod -d /home/mle/other mle; mkdir -p /home/mle/other; chown mle /home/mle/other");
    sb.sh("cp -a /home/mle/.ssh /home/mle/other");
    let waiting = beginning(&sb);
    asked(&sb);
    assert!(!waiting.is_finished());
    old.quit();
    waiting.join().expect("no panic").ok();
    assert_eq!(sb.log_lines("refused user"), [""; 0]);
    sb.wait_for_log("home=/home/mle/other ");
}

#[test]
fn few_logins_wait_where_they_hold_up_those_of_others() {
    let sb = machine(Namespace::Private, 1);
    sb.stop_sshd();
    // With Debian's MaxStartups, 10:30:100.
    sb.sshd_as("/usr/sbin/sshd -D");
    sb.user("joe").add();
    let _live = sb.sftp_live("mle");
    let mut waiting = Vec::new();
    for _ in 0..14 {
        waiting.push(beginning(&sb));
        // They come one after the other, so that no more than one of them is being authenticated.
        sleep(Duration::from_millis(150));
    }
    for _ in 0..10 {
        sb.ssh("joe", &["true"]).ok();
    }
    assert_eq!(sb.log_lines("MaxStartups"), [""; 0]);
    let told = waiting.into_iter().map(|login| login.join().expect("no panic").failed());
    let told = told.filter(|refused| refused.stderr.contains(SENTENCE)).count();
    assert!((4..14).contains(&told), "{told} were told why");
    logged(&sb, 14);
}
