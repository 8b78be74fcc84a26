//! The hooks that libpam calls: what each answers and says where a member is refused.

pub(crate) mod stack;

use sandbox::{Namespace, Sandbox};

use crate::common::libpam::{alone, code};
use crate::common::refused::{HOME, mle, surroundings};

in_both_namespaces!(
    the_session_hook_refuses_by_itself_and_says_nothing,
    the_account_hook_says_it_once_as_an_error,
    without_the_account_line_sshd_still_lets_nobody_in,
);

fn the_session_hook_refuses_by_itself_and_says_nothing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).make_home(false).add();
    let before = surroundings(&sb);
    for (made_by, reason) in [
        ("true", "it does not exist"),
        ("mkfifo /home/mle", "it is not a directory"),
        ("rm /home/mle; mkdir /home/mle; chown 7 /home/mle", "belongs to uid 7"),
        ("chown mle /home/mle; touch /jail", "/jail is not a directory"),
    ] {
        sb.sh(made_by);
        let out = alone(&sb, "mle", &["open"]);
        // PAM_SESSION_ERR, and no message: text would land in the SFTP stream.
        assert_eq!(out.stdout, "open 14\n", "{reason}");
        let line = sb.wait_for_log(reason);
        assert!(line.contains("pam_sftpjail(sshd:session): refused user mle rhost=192.0.2.7: "), "{line}");
    }
    sb.sh("rm /jail; rmdir /home/mle");
    assert_eq!(surroundings(&sb), before);
}

fn the_account_hook_says_it_once_as_an_error(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).make_home(false).add();
    let out = alone(&sb, "mle", &["account"]);
    // PAM_PERM_DENIED; 3 is PAM_ERROR_MSG.
    assert_eq!(out.stdout, format!("message 3: {HOME}\naccount 6\n"));
    sb.sh("install -d -o mle /home/mle");
    assert_eq!(code(&alone(&sb, "mle", &["account"]), "account"), "0");
}

fn without_the_account_line_sshd_still_lets_nobody_in(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).make_home(false).add();
    sb.sh("sed -i '/^account.*pam_sftpjail/d' /etc/pam.d/sshd");
    let login = sb.login("mle").password("pw");
    for out in [login.sftp("pwd\n").failed(), login.ssh(&["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
    }
    sb.wait_for_log("pam_sftpjail(sshd:session): refused user mle rhost=127.0.0.1: the home");
    sb.sh("test ! -e /jail");
}
