//! Other modules of sshd's PAM stack, which change PAM's environment, start threads, and mount at login
//! what they unmount at logout.

pub(crate) mod mounts;

use sandbox::{Namespace, Output, Sandbox};

use crate::common::jailed::{has_only_its_home, left_nothing, works_in};
use crate::common::libpam::states;
use crate::common::libpam::{answers, install};

in_both_namespaces!(
    what_a_user_writes_into_pam_environment_is_not_taken_for_sshds_word,
    threads_of_another_module_keep_nobody_out,
    without_its_file_the_module_keeps_members_out_and_nobody_else,
    two_lines_leave_the_process_as_it_was,
    an_unknown_argument_of_the_first_line_refuses_members_and_nobody_else,
    lines_of_two_copies_of_the_module_do_not_know_each_other_and_work,
);

/// Takes our first session line out, as in a stack of an earlier version.
pub(crate) fn without_first_line(sb: &Sandbox) {
    sb.sh("sed -i '/pam_sftpjail.so close$/d; s/\\(pam_sftpjail.so\\) open$/\\1/' /etc/pam.d/sshd");
}

/// Threats, row 24.
fn what_a_user_writes_into_pam_environment_is_not_taken_for_sshds_word(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    // Debian's own line.
    sb.sh("grep -q '^session .*pam_env.so user_readenv=1' /etc/pam.d/sshd");
    sb.write("/tmp/forged", "SSH_AUTH_INFO_0 OVERRIDE=forged\n");
    sb.sftp("mle", "put /tmp/forged .pam_environment\n").ok();
    let said = |sb: &Sandbox| {
        let _live = sb.sftp_live("mle");
        let seen = sb.sh("cat /run/sftpjail/mle/*; sftpjail list --json").stdout + &sb.log();
        (seen.contains("forged"), seen.matches("publickey ssh-ed25519 ").count())
    };
    let (is_forged, words) = said(&sb);
    assert!(!is_forged && words >= 2, "{words}");
    // The user's file does what it is said to do.
    without_first_line(&sb);
    sb.wait_for_logouts();
    assert_eq!(said(&sb), (true, 0));
}

/// libpam-fscrypt is written in Go, whose threads share the root and working directory of sshd's own;
/// setns(2) answers EINVAL then.
fn threads_of_another_module_keep_nobody_out(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.unpack("libpam-fscrypt");
    sb.configure("[[profile]]\nname = \"home\"\ngroups = [\"sftp\"]\numask = \"027\"\n");
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    sb.sh("sed -i '/pam_sftpjail.so open$/i session optional pam_fscrypt.so' /etc/pam.d/sshd");
    let before = sb.mounts();
    for _ in 0..2 {
        let mut live = sb.sftp_live("mle");
        let status = format!("/proc/{}/status", sb.session_monitor("mle"));
        let status = sb.read_text(status);
        let threads = status.lines().find_map(|line| line.strip_prefix("Threads:")).expect("a number");
        assert!(threads.trim().parse::<u32>().expect("a number") > 1, "{status}");
        sb.sh("rm -f /home/mle/letter");
        has_only_its_home(&sb, &mut live, "/home/mle");
        // Threads share the umask, too.
        assert_eq!(sb.sh("stat -c %a /home/mle/letter").stdout, "640\n");
        let mut second = sb.sftp_live("mle");
        works_in(&sb, &mut second, "/home/mle");
        assert_eq!(second.quit(), Some(0));
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_logouts();
    }
    sb.ssh("joe", &["true"]).ok();
    assert_eq!(sb.log_lines("setns"), [""; 0]);
    assert_eq!(sb.log_lines("closing the session"), [""; 0]);
    left_nothing(&sb, &before);
}

/// Threats, row 27. `check` calls the control field right that does this; see check/pam.rs.
fn without_its_file_the_module_keeps_members_out_and_nobody_else(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.user("kim").group("sftp").add();
    sb.user("joe").add();
    sb.sh("install -m 600 ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys");
    let live = sb.sftp_live("mle");
    let module =
        sb.sh("find /usr/lib /usr/lib64 -name pam_sftpjail.so -print -quit").stdout.trim().to_owned();
    // Missing, of another architecture or half-written, and without what libpam calls.
    for breaks in ["mv $1 /root/module", "echo nonsense >$1", "cp ${1%/*}/../libpam.so.0 $1"] {
        sb.script(breaks, &[&module], b"").ok();
        assert_eq!(sb.ssh("root", &["id", "-un"]).ok().stdout, "root\n", "{breaks}");
        assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n", "{breaks}");
        let refused = sb.sftp("kim", "pwd\n").failed();
        assert!(!refused.stdout.contains("/home/kim"), "{breaks}: {refused}");
        let other = sb.sftp("mle", "ls /\nls /etc/ssh\n").failed();
        assert!(!other.stdout.contains("usr"), "{breaks}: {other}");
        // In the host's namespace, whose sessions are live has a jail, and is served in it.
        assert_eq!(other.stdout.contains("home"), namespace == Namespace::Host, "{breaks}: {other}");
    }
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_logouts();
    sb.sftp("mle", "pwd\n").failed();
    sb.script("cat /root/module >$1", &[&module], b"").ok();
    sb.sftp("kim", "pwd\n").ok();
    sb.sftp("mle", "pwd\n").ok();
}

/// pam-driver with the stack `lines`, and what it prints.
fn driven(sb: &Sandbox, lines: &str, user: &str, steps: &str) -> Output {
    install(sb);
    sb.sh("mkdir -p /etc/lines");
    sb.write("/etc/lines/sshd", lines);
    sb.write("/etc/lines/other", "session required pam_deny.so\n");
    sb.sh(&format!("pam-driver --confdir /etc/lines {user} {steps}"))
}

fn two_lines_leave_the_process_as_it_was(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sh("printf '#!/bin/sh\nreadlink /proc/self/ns/mnt >>/run/at-$PAM_TYPE\n' >/usr/local/sbin/look; chmod +x /usr/local/sbin/look");
    let lines = "session required pam_sftpjail.so close\nsession required pam_exec.so /usr/local/sbin/look\n\
                 session required pam_sftpjail.so open\n";
    // The first open loads the modules.
    let out = driven(
        &sb,
        lines,
        "mle",
        "open close cd=/var/log umask=027 state open ls=/jail close close state open open close",
    );
    assert_eq!(answers(&out, "open"), ["0", "0", "0", "14"], "{out}");
    assert_eq!(answers(&out, "ls"), ["\"/jail\" [\"mle\"]"]);
    // pam_exec alone answers the second; the last is denied, as the second open was.
    assert_eq!(answers(&out, "close"), ["0", "0", "0", "6"], "{out}");
    let [before, after] = &states(&out)[..] else { panic!("{out}") };
    assert_eq!(before, after);
    // What stands between our lines closes where it opened: on the host.
    let host = sb.sh("readlink /proc/self/ns/mnt").stdout;
    let at_close = sb.read_text("/run/at-close_session");
    assert!(at_close.lines().count() == 4 && at_close.lines().all(|line| line == host.trim()), "{at_close}");
    assert_eq!(sb.log_lines("session closed for user mle").len(), 3);
    // libpam asks for a success of somebody; where nobody but us is asked, it is ours to say.
    let lines = "session required pam_sftpjail.so close\nsession required pam_sftpjail.so open\n";
    assert_eq!(answers(&driven(&sb, lines, "mle", "open close"), "close"), ["0"]);
    left_nothing(&sb, &sb.mounts());
}

fn an_unknown_argument_of_the_first_line_refuses_members_and_nobody_else(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    let lines = "session required pam_sftpjail.so close confg=x\nsession required pam_sftpjail.so open\n\
                 session required pam_permit.so\n";
    assert_eq!(answers(&driven(&sb, lines, "joe", "open close"), "open"), ["0"]);
    assert_eq!(answers(&driven(&sb, lines, "mle", "open close"), "open"), ["14"]);
    assert!(sb.wait_for_log("refused user mle").contains("unknown module argument \"confg=x\""));
}

fn lines_of_two_copies_of_the_module_do_not_know_each_other_and_work(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sh("cp $(find /usr/lib /usr/lib64 -name pam_sftpjail.so -print -quit) /root/pam_sftpjail.so
        sed -i 's|pam_sftpjail.so close|/root/&|' /etc/pam.d/sshd");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut live, "/home/mle");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log("session closed for user mle");
    left_nothing(&sb, &before);
}
