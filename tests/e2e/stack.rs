//! Other modules of sshd's PAM stack, which change PAM's environment, start threads, and mount at login
//! what they unmount at logout.

mod mounts;

use sandbox::{Namespace, Sandbox};

use crate::jailed::{has_only_its_home, left_nothing, works_in};

in_both_namespaces!(
    what_a_user_writes_into_pam_environment_is_not_taken_for_sshds_word,
    threads_of_another_module_keep_nobody_out,
    without_its_file_the_module_keeps_members_out_and_nobody_else,
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
        has_only_its_home(&sb, &mut live, "/home/mle");
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
