//! pam_limits sets how large a file the user may write, before our session line: a limit for what the user
//! does, and no reason to refuse anybody, let alone to end sshd by SIGXFSZ.

use crate::common::jailed::left_nothing;
use crate::common::libpam::states;
use crate::common::libpam::{answers, install_alone};
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    a_member_who_may_write_no_file_is_served_and_listed,
    limits_and_signals_are_as_before_whatever_they_were,
);

fn a_member_who_may_write_no_file_is_served_and_listed(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.write("/etc/security/limits.conf", "mle hard fsize 0\nmle soft fsize 0\n");
    let before = sb.mounts();
    let mut live = sb.sftp_live("mle");
    assert_eq!(live.send("pwd"), ["Remote working directory: /home/mle"]);
    assert_eq!(live.send("mkdir made"), [""; 0]);
    let list = sb.sh("sftpjail list").stdout;
    assert!(list.contains("/jail/mle") && list.contains("127.0.0.1"), "the session is on record: {list}");
    let limits = sb.read_text(format!("/proc/{}/limits", sb.session_child("mle")));
    let fsize = limits.lines().find(|line| line.starts_with("Max file size")).expect("a limit");
    assert_eq!(fsize.split_whitespace().collect::<Vec<_>>()[3..5], ["0", "0"], "the member's limit holds");
    assert_eq!(live.quit(), Some(0));
    sb.wait_for_log("session opened for user mle(uid=");
    sb.wait_for_log("session closed for user mle(uid=");
    assert_eq!(sb.log_lines("no record of a session"), [""; 0]);
    left_nothing(&sb, &before);
}

fn limits_and_signals_are_as_before_whatever_they_were(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    install_alone(&sb, "");
    for kept in ["0", "0:4096", "100:unlimited"] {
        for pending in ["", "pending=XFSZ pending=PIPE"] {
            let steps = format!("fsize={kept} {pending} state account open state close state");
            let out = sb.sh(&format!("pam-driver --confdir /etc/alone mle {steps}"));
            for step in ["account", "open", "close"] {
                assert_eq!(answers(&out, step), ["0"], "{kept} {pending}: {out}");
            }
            let [before, during, after] = &states(&out)[..] else { panic!("{out}") };
            assert_eq!(before, after, "{kept} {pending}");
            assert_eq!(limits(before), limits(during), "{kept} {pending}");
        }
    }
}

/// What is inherited by what sshd starts.
fn limits<'a>(state: &[&'a str]) -> Vec<&'a str> {
    state.iter().copied().filter(|line| line.contains(" Max ") || line.contains(" Sig")).collect()
}
