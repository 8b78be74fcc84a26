//! Filesystems that do not answer: the probe says so after ten seconds, and keeps nothing of the caller's open.

use crate::common::unanswered::take_and_never_answer;
use sandbox::Sandbox;

#[test]
fn a_home_that_never_answers_costs_ten_seconds() {
    let sb = Sandbox::new();
    sb.user("anna").group("sftp").shell("/usr/sbin/nologin").add();
    sb.sh("mkdir -p -m 755 /run/sshd /jail");
    take_and_never_answer(&sb, "anna", "/home/anna");
    // The shell waits until nobody has the pipe any more, for longer than the probe's child could.
    let out = sb.try_sh("out=$(sftpjail probe anna 2>&1 9>&1) || code=$?; echo \"$out\"; exit ${code:-0}");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(
        out.stdout.contains("the check of anna took more than 10 s: a filesystem does not answer"),
        "{out}"
    );
    assert!(out.stdout.contains("make the filesystems of the home and the volumes answer"), "{out}");
}

#[test]
fn a_login_that_a_module_of_pam_holds_up_is_not_called_refused() {
    let sb = super::machine();
    sb.sh("sed -i '1i account optional pam_exec.so /bin/sleep 40' /etc/pam.d/sshd");
    let out = sb.try_sh("sftpjail probe mle");
    assert_eq!(out.code, Some(2), "{out}");
    assert!(out.stdout.contains("sshd has neither let the user in nor refused the login for 20 s"), "{out}");
    assert!(out.stdout.ends_with("mle could not be probed: see what is marked !.\n"), "{out}");
}
