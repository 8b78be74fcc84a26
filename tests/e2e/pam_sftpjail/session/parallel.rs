//! Many at once (threats, row 16: of 200 parallel logins of one user, a pam_exec script failed 80 to
//! 91, and pam_mount left a mount for each behind).

use crate::common::jailed::left_nothing;
use sandbox::{Namespace, Sandbox};

in_both_namespaces!(
    two_hundred_logins_of_one_user_are_all_served_and_leave_nothing,
    two_hundred_logins_of_fifty_users_are_all_served_and_leave_nothing,
);

/// 200 logins, 16 at a time, the n-th as the user that `$((n % users))` names; each uploads a file.
#[track_caller]
fn two_hundred_logins(namespace: Namespace, users: u32) {
    let sb = Sandbox::in_namespace(namespace);
    for n in 0..users {
        sb.user(format!("user{n}")).group("sftp").add();
    }
    sb.sshd();
    let before = sb.mounts();
    sb.sh("echo hello > /tmp/hello");
    let login = format!(
        "echo put /tmp/hello file$1 | sftp -q -b - -o BatchMode=yes -o User=user$(($1 % {users})) 127.0.0.1 \
         >/tmp/out.$1 2>&1 || {{ cat /tmp/out.$1; exit 1; }}"
    );
    sb.write("/tmp/login", login);
    sb.sh("seq 200 | xargs -P 16 -n 1 sh /tmp/login");
    assert_eq!(sb.sh("cat /home/user*/file* | wc -l").stdout, "200\n");
    left_nothing(&sb, &before);
    for event in ["opened", "closed"] {
        let lines = sb.log_lines(&format!("pam_sftpjail(sshd:session): session {event} for user user"));
        assert_eq!(lines.len(), 200, "{event}");
    }
}

fn two_hundred_logins_of_one_user_are_all_served_and_leave_nothing(namespace: Namespace) {
    two_hundred_logins(namespace, 1);
}

fn two_hundred_logins_of_fifty_users_are_all_served_and_leave_nothing(namespace: Namespace) {
    two_hundred_logins(namespace, 50);
}
