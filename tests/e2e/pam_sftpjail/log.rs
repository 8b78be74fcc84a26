//! What stands in the log.

use std::time::Instant;

use sandbox::{Namespace, Sandbox};

use crate::common::libpam::{alone, code, driven, install_alone};

in_both_namespaces!(
    a_session_is_two_lines_with_all_that_is_known_of_it,
    a_refusal_is_one_notice,
    all_of_it_is_in_auth_log_and_none_in_syslog,
    a_host_without_syslog_lets_members_in,
    a_syslog_daemon_that_is_stopped_keeps_nobody_waiting_for_ever,
    a_home_and_a_profile_cannot_pretend_to_be_other_fields,
    a_login_name_cannot_pretend_to_be_another_line,
    a_remote_host_cannot_pretend_to_be_another_field,
    control_characters_of_a_home_are_escaped,
    a_newline_behind_a_symlink_is_escaped,
    every_volume_of_a_session_is_in_the_log_however_many_there_are,
);

/// rsyslog's usual line with `facility.severity ` before it.
const PRIORITIES: &str = r#"
template(name="Priorities" type="string"
    string="%pri-text% %TIMESTAMP:::date-rfc3339% %HOSTNAME% %syslogtag%%msg:::sp-if-no-1st-sp%%msg:::drop-last-lf%\n")
$ActionFileDefaultTemplate Priorities
"#;

/// From now on every line of the log begins with its facility and severity.
pub(crate) fn with_priorities(sb: &Sandbox) {
    sb.write("/etc/rsyslog.d/priorities.conf", PRIORITIES);
    sb.restart_syslog();
}

/// The line without the priority and time that rsyslog put before it; the time must be its only one.
#[track_caller]
fn message<'a>(line: &'a str, priority: &str) -> &'a str {
    let rest = line.strip_prefix(priority).and_then(|rest| rest.strip_prefix(' '));
    let (time, rest) = rest.unwrap_or_else(|| panic!("not {priority}: {line}")).split_once(' ').unwrap();
    assert!(time.starts_with("20") && time.contains('T'), "{line}");
    rest.strip_prefix("sandbox ").unwrap_or_else(|| panic!("something between time and host: {line}"))
}

/// Asserts that `text` is `prefix`, a number and `suffix`.
#[track_caller]
fn numbered(text: &str, prefix: &str, suffix: &str) {
    let number = text.strip_prefix(prefix).and_then(|rest| rest.strip_suffix(suffix));
    assert!(number.is_some_and(|n| n.parse::<u64>().is_ok()), "not {prefix}N{suffix}: {text}");
}

fn a_session_is_two_lines_with_all_that_is_known_of_it(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    with_priorities(&sb);
    let uid = sb.user("mle").group("sftp").add().uid;
    let live = sb.sftp_live("mle");
    let tag = format!("sshd[{}]: pam_sftpjail(sshd:session): ", sb.session_monitor("mle"));

    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened");
    let opened = message(&line, "authpriv.info").strip_prefix(&tag).expect("sshd's tag and pid");
    let all = format!(
        "session opened for user mle(uid={uid}): home=/home/mle rhost=127.0.0.1 profile=home \
         home_access=read-write jail=/jail/mle volumes=0 setup_us="
    );
    numbered(opened, &all, "");

    assert_eq!(live.quit(), Some(0));
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session closed");
    let closed = message(&line, "authpriv.info").strip_prefix(&tag).expect("sshd's tag and pid");
    let duration = closed.strip_prefix(&format!("session closed for user mle(uid={uid}): duration="));
    let (seconds, rest) = duration.and_then(|d| d.split_once('.')).unwrap_or_else(|| panic!("{line}"));
    assert!(seconds.parse::<u64>().is_ok() && rest.len() == 4, "{line}");
    numbered(rest, "", "s");
    assert_eq!(sb.log_lines("pam_sftpjail").len(), 2, "{}", sb.log());
}

fn a_refusal_is_one_notice(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    with_priorities(&sb);
    sb.user("mle").group("sftp").password("pw").make_home(false).home("/etc").add();
    sb.login("mle").password("pw").sftp("pwd\n").failed();
    let line = sb.wait_for_log("pam_sftpjail");
    let (pid, rest) = message(&line, "authpriv.notice").split_once(": ").unwrap();
    numbered(pid, "sshd[", "]");
    assert_eq!(
        rest,
        "pam_sftpjail(sshd:account): refused user mle rhost=127.0.0.1: the home directory /etc is in the \
         system directory /etc; fix: give the account another home, such as /home/mle"
    );
    sb.wait_for_log("Access denied for user mle by PAM account configuration");
    assert_eq!(sb.log_lines("pam_sftpjail").len(), 1, "{}", sb.log());
}

fn all_of_it_is_in_auth_log_and_none_in_syslog(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_log("session closed for user mle(uid=");
    // What came after our lines, and to that file.
    sb.sh("logger -p daemon.info the end");
    sb.wait_for_log("the end");
    let count = |path: &str| sb.read_text(path).matches("pam_sftpjail(").count();
    assert_eq!((count("/var/log/auth.log"), count("/var/log/syslog")), (2, 0));
}

fn a_host_without_syslog_lets_members_in(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sshd();
    sb.stop_syslog();
    let out = sb.sftp("mle", "pwd\nls -1 /\n").ok();
    assert!(out.stdout.contains("Remote working directory: /home/mle\n"), "{out}");
    assert!(!out.stdout.contains("dev\n"), "there is no log to show: {out}");
}

/// sshd itself waits for it with syslog(3), and so does every other program that logs.
fn a_syslog_daemon_that_is_stopped_keeps_nobody_waiting_for_ever(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.stop_syslog();
    // It listens, reads nothing, and has no room for another line.
    sb.sh(r#"perl -MSocket -MIO::Handle -e '
        socket(my $daemon, PF_UNIX, SOCK_DGRAM, 0); bind($daemon, sockaddr_un("/dev/log")) or die;
        socket(my $writer, PF_UNIX, SOCK_DGRAM, 0); connect($writer, sockaddr_un("/dev/log")) or die;
        $writer->blocking(0); 1 while defined send($writer, "x", 0);
        open my $full, ">", "/tmp/full"; close $full; sleep 1000' >/dev/null 2>&1 </dev/null &
        until [ -e /tmp/full ]; do sleep 0.05; done"#);
    install_alone(&sb, "");
    let begun = Instant::now();
    let out = sb.sh("timeout 60 pam-driver --confdir /etc/alone mle account open close");
    assert_eq!(["account", "open", "close"].map(|step| code(&out, step)), ["0"; 3], "{out}");
    let lasted = begun.elapsed().as_secs();
    assert!((10..50).contains(&lasted), "{lasted} s");
}

fn a_home_and_a_profile_cannot_pretend_to_be_other_fields(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let profile = r#"name = "a \"b\" setup_us=0""#;
    sb.configure(&format!("[[profile]]\n{profile}\ngroups = [\"sftp\"]\n"));
    let uid = sb.user("mle").home("/home/m l e rhost=6.6.6.6").group("sftp").raw().add().uid;
    sb.sftp("mle", "pwd\n").ok();
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened");
    let (_, fields) = line.split_once("for user ").unwrap();
    let expected = r#": home="/home/m l e rhost=6.6.6.6" rhost=127.0.0.1 profile="a \"b\" setup_us=0" home_access=read-write jail=/jail/mle volumes=0 setup_us="#;
    numbered(fields, &format!("mle(uid={uid}){expected}"), "");
}

fn a_login_name_cannot_pretend_to_be_another_line(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let name = "mle rhost=6.6.6.6: x\nsshd[1]: Accepted password for root\x1b[2J";
    alone(&sb, name, &["account"]);
    let line = sb.wait_for_log("pam_sftpjail");
    let (_, event) = line.split_once("(sshd:account): ").unwrap();
    let shown = r#""mle rhost=6.6.6.6: x\x0asshd[1]: Accepted password for root\x1b[2J""#;
    assert!(event.starts_with(&format!("refused user {shown} rhost=192.0.2.7: there is no user {shown}; ")));
    // rsyslog's own way of writing a control character.
    assert!(!line.contains('#'), "{line}");
    assert_eq!(sb.log_lines("Accepted").len(), 1);
}

fn a_remote_host_cannot_pretend_to_be_another_field(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    driven(&sb, &["--rhost", "evil setup_us=1\nx", "mle", "open", "close"]);
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened");
    assert!(line.contains(r#" rhost="evil setup_us=1\x0ax" profile=home home_access="#), "{line}");
    driven(&sb, &["--rhost", "", "mle", "open", "close"]);
    sb.wait_for_log(" rhost=\"\" profile=home home_access=");
}

fn control_characters_of_a_home_are_escaped(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").home("/home/m\tl\x1b[1me").make_home(false).group("sftp").raw().add();
    alone(&sb, "mle", &["account"]);
    let line = sb.wait_for_log("refused user mle");
    assert!(
        line.contains(r#": the home directory "/home/m\x09l\x1b[1me" contains a control character; "#),
        "{line}"
    );
}

fn a_newline_behind_a_symlink_is_escaped(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").home("/home/way/sub").make_home(false).group("sftp").add();
    sb.sh("ln -s \"$(printf '/srv/a\\nb')\" /home/way");
    alone(&sb, "mle", &["account"]);
    let line = sb.wait_for_log("refused user mle");
    assert!(line.contains(r#" cannot be used: "/srv/a\x0ab" does not exist; fix: "#), "{line}");
}

fn every_volume_of_a_session_is_in_the_log_however_many_there_are(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let name = |n: usize| format!("{n} {}", "x".repeat(240));
    let volume = |n| format!("[[profile.volume]]\nsource = \"/srv/{0}\"\ntarget = \"/{0}\"\n", name(n));
    let volumes: String = (0..60).map(volume).collect();
    sb.configure(&format!("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\n{volumes}"));
    sb.sh(&format!("cd /srv; for n in $(seq 0 59); do mkdir \"$n {}\"; done", "x".repeat(240)));
    let uid = sb.user("mle").group("sftp").add().uid;
    sb.sftp("mle", "pwd\n").ok();
    sb.wait_for_log("session closed for user mle(uid=");
    let opened = sb.log_lines(&format!("session opened for user mle(uid={uid}): "));
    assert_eq!(opened.len(), 1);
    // No end is cut off: it has the time that it took.
    assert!(opened[0].contains(" volumes=60 volume=") && opened[0].contains(" setup_us="), "{}", opened[0]);
    let more = sb.log_lines(&format!("session of user mle(uid={uid}): volume="));
    assert!(!more.is_empty() && more.iter().chain(&opened).all(|line| line.len() < 8 << 10));
    let all = [opened, more].concat().concat();
    for n in 0..60 {
        let volume = format!(" volume=\"/{0}\" from=\"/srv/{0}\"", name(n));
        assert!(all.contains(&volume), "{volume}");
    }
}
