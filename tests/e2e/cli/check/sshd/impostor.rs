//! A process that only calls itself sshd: a user runs a setuid program by the name and with the arguments of an sshd.
//! What it says of itself must lead root nowhere.

use super::super::machine;
use sandbox::{Sandbox, wait_until};
use std::time::Duration;

/// joe's program, which records that it ran.
const EVIL: &str = "#!/bin/sh\nid -u >>/srv/joe/ran\nexec /usr/sbin/sshd \"$@\"\n";

/// Listens on a port, and hands the socket to the program in the first argument, whose command line is the second.
const LISTEN: &str = "use Socket; $^F = 99; socket(S, PF_INET, SOCK_STREAM, 0) && bind(S, pack_sockaddr_in(0, INADDR_ANY)) \
    && listen(S, 1) or die; exec { $ARGV[0] } $ARGV[1]";

/// Lets joe run `program`, which waits with root's effective uid, as an sshd that listens and has this command line.
fn impostor(sb: &Sandbox, program: &str, arguments: &str) {
    let run = format!(
        "cd; ln -sf {program} sshd; cp /etc/ssh/sshd_config cfg
        (sleep 300 | setsid perl -e '{LISTEN}' ./sshd 'sshd: {arguments} [listener] 0 of 10-100 startups') \
        >/dev/null 2>&1 &"
    );
    sb.sh("install -d -o joe -m 755 /srv/joe; install -m 666 /dev/null /srv/joe/ran");
    sb.write_mode("/srv/joe/evil", EVIL, 0o755);
    sb.script(
        "exec setpriv --reuid joe --regid joe --init-groups env HOME=/srv/joe bash -c \"$1\"",
        &[run],
        b"",
    )
    .ok();
    let runs = || sb.try_sh("pgrep -x sshd -u root -U joe").code.filter(|code| *code == 0);
    wait_until(Duration::from_secs(10), runs).expect("a process named sshd with root's effective uid");
}

/// Runs every verb that asks sshd, and panics if one believes the impostor.
#[track_caller]
fn is_not_believed(sb: &Sandbox) {
    for verb in
        ["check mle", "check --all", "check --json mle", "probe mle", "setup --dry-run", "setup --yes"]
    {
        let out = sb.try_sh(&format!("sftpjail {verb}"));
        assert!(!out.stdout.contains("/srv/joe") && !out.stderr.contains("/srv/joe"), "{verb}: {out}");
        assert!(!out.stdout.contains("impostor") && !out.stderr.contains("impostor"), "{verb}: {out}");
    }
    assert_eq!(sb.sh("cat /srv/joe/ran").stdout, "", "root ran joe's program");
}

#[test]
fn its_program_is_not_run_beside_the_real_sshd_and_without_one() {
    for has_sshd in [true, false] {
        let sb = machine();
        // The real one comes later, so that it has the higher pid.
        impostor(&sb, "/usr/bin/su", "/srv/joe/evil");
        if has_sshd {
            sb.sshd();
        }
        is_not_believed(&sb);
    }
}

#[test]
fn its_configuration_and_options_are_not_passed_on() {
    let sb = machine();
    sb.sshd();
    impostor(&sb, "/usr/bin/su", "/usr/sbin/sshd -f /srv/joe/cfg");
    impostor(&sb, "/usr/bin/su", "/usr/sbin/sshd -o Banner=/impostor");
    is_not_believed(&sb);
}

#[test]
fn a_setuid_program_is_no_sshd_whatever_its_name() {
    let sb = machine();
    sb.sh("install -m 4755 /usr/bin/su /usr/sbin/sshd-su");
    impostor(&sb, "/usr/sbin/sshd-su", "/srv/joe/evil");
    sb.sshd();
    is_not_believed(&sb);
}

#[test]
fn another_users_sshd_is_not_asked_without_being_root() {
    let sb = machine();
    impostor(&sb, "/usr/bin/su", "/srv/joe/evil");
    sb.try_sh("setpriv --reuid mle --clear-groups sftpjail check mle");
    assert_eq!(sb.sh("cat /srv/joe/ran").stdout, "", "mle ran joe's program");
}

/// joe could replace what root started, and what root would run to ask it.
#[test]
fn a_program_that_others_can_replace_is_not_run_again() {
    let sb = machine();
    sb.sh(
        "install -d -o joe /srv/joe; install -m 666 /dev/null /srv/joe/ran; cp /usr/sbin/sshd /srv/joe/sshd",
    );
    let pid = sb.sshd_as("/srv/joe/sshd -D");
    sb.write_mode("/srv/joe/evil", EVIL, 0o755);
    sb.sh("mv /srv/joe/sshd /srv/joe/sshd-1; mv /srv/joe/evil /srv/joe/sshd");
    let out = sb.try_sh("sftpjail check mle; sftpjail probe mle; sftpjail setup --dry-run");
    assert_eq!(sb.sh("cat /srv/joe/ran").stdout, "", "root ran joe's program");
    let warning = format!(
        "! sshd running   sshd (pid {pid}, port 22) was started by a path that others than root can change: \
         /usr/sbin/sshd is asked\n                 → start sshd by a path that only root can change\n"
    );
    assert!(out.stdout.contains(&warning), "{out}");
}

#[test]
fn a_configuration_that_others_can_change_is_named_without_a_command() {
    let sb = machine();
    sb.sh("install -d -o joe /srv/joe");
    for (file, port) in [("/srv/joe/second", 2222), ("/etc/ssh/second", 2223)] {
        sb.sh(&format!(
            "(echo Port {port}; cat /etc/ssh/sshd_config) >{file}; /usr/sbin/sshd -f {file} -o PidFile=none"
        ));
    }
    sb.sshd();
    let out = sb.try_sh("sftpjail check mle").stdout;
    assert!(out.contains("sftpjail check --sshd-config /etc/ssh/second"), "{out}");
    assert!(out.contains("/srv/joe/second") && !out.contains("--sshd-config /srv/joe/second"), "{out}");
}
