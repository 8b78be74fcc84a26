//! How members log in, and how often at once.

use sandbox::{Namespace, Sandbox};

use crate::common::jailed::{has_only_its_home, left_nothing, works_in};

in_both_namespaces!(
    a_member_logs_in_by_password_key_and_keyboard_interactive,
    two_sessions_of_one_user_do_not_need_each_other,
    channels_of_one_connection_share_its_jail,
    members_manage_the_keys_in_their_own_home,
);

const OPENED: &str = "pam_sftpjail(sshd:session): session opened for user mle(";
const CLOSED: &str = "pam_sftpjail(sshd:session): session closed for user mle(";

fn a_member_logs_in_by_password_key_and_keyboard_interactive(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").password("an old horse").add();
    sb.sshd_with("KbdInteractiveAuthentication yes");
    let before = sb.mounts();
    for (login, method) in [
        (sb.login("mle"), "publickey"),
        (sb.login("mle").password("an old horse"), "password"),
        // Here sshd calls the account hook in another process than the session hook.
        (sb.login("mle").password("an old horse").method("keyboard-interactive"), "keyboard-interactive/pam"),
    ] {
        let mut live = login.live();
        has_only_its_home(&sb, &mut live, "/home/mle");
        assert_eq!(live.quit(), Some(0));
        sb.wait_for_log(&format!("Accepted {method} for mle from 127.0.0.1"));
        left_nothing(&sb, &before);
    }
    sb.login("mle").password("a wrong one").sftp("pwd\n").failed();
    left_nothing(&sb, &before);
    assert_eq!(sb.log_lines(OPENED).len(), 3, "a jail is for those who got in");
}

fn two_sessions_of_one_user_do_not_need_each_other(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let before = sb.mounts();
    let mut first = sb.sftp_live("mle");
    let ended = sb.session_monitor("mle");
    let mut second = sb.sftp_live("mle");
    has_only_its_home(&sb, &mut first, "/home/mle");
    has_only_its_home(&sb, &mut second, "/home/mle");
    first.send("mkdir made-by-first");
    assert_eq!(second.send("ls made-by-first"), [""; 0], "each sees what the other does");

    assert_eq!(first.quit(), Some(0));
    sb.wait_gone(ended);
    has_only_its_home(&sb, &mut second, "/home/mle");
    // A third comes while the second is there, and outlives it.
    let mut third = sb.sftp_live("mle");
    assert_eq!(second.quit(), Some(0));
    has_only_its_home(&sb, &mut third, "/home/mle");
    assert_eq!(third.quit(), Some(0));
    left_nothing(&sb, &before);
    assert_eq!([sb.log_lines(OPENED).len(), sb.log_lines(CLOSED).len()], [3, 3]);
}

fn channels_of_one_connection_share_its_jail(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    let before = sb.mounts();
    // A connection of its own, without a channel: the one that a first sftp makes would end with it.
    // -f lets go of us once the socket is there.
    sb.sshd();
    let master = "ssh -f -N -o User=mle -o ControlMaster=yes -o ControlPath=/tmp/mux 127.0.0.1";
    sb.sh(&format!("{master} >/dev/null 2>&1"));

    let channel = sb.login("mle").option("ControlPath=/tmp/mux");
    let mut first = channel.live();
    let mut second = channel.live();
    has_only_its_home(&sb, &mut first, "/home/mle");
    has_only_its_home(&sb, &mut second, "/home/mle");
    assert_eq!(first.quit(), Some(0));
    has_only_its_home(&sb, &mut second, "/home/mle");
    let mut third = channel.live();
    assert_eq!(second.quit(), Some(0));
    has_only_its_home(&sb, &mut third, "/home/mle");
    // A channel is no way around internal-sftp either.
    assert!(!channel.ssh(&["echo", "from a shell"]).failed().stdout.contains("from a shell"));
    works_in(&sb, &mut third, "/home/mle");
    assert_eq!(third.quit(), Some(0));

    assert_eq!(sb.log_lines(CLOSED).len(), 0, "the jail ends with the connection, not with a channel");
    channel.ssh(&["-O", "exit"]).ok();
    sb.wait_for_log(CLOSED);
    left_nothing(&sb, &before);
    for once in ["Accepted publickey for mle", OPENED, CLOSED] {
        assert_eq!(sb.log_lines(once).len(), 1, "one connection, one jail: {once}");
    }
}

fn members_manage_the_keys_in_their_own_home(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    sb.user("mle").group("sftp").add();
    sb.sh("ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/second");
    let before = sb.mounts();
    let with_second = || sb.login("mle").option("IdentityFile=/root/.ssh/second");
    let mut live = sb.sftp_live("mle");
    let said = live.send("put /root/.ssh/second.pub .ssh/authorized_keys");
    assert_eq!(live.quit(), Some(0), "{said:?}");
    left_nothing(&sb, &before);

    sb.sftp("mle", "pwd\n").failed();
    let mut live = with_second().live();
    has_only_its_home(&sb, &mut live, "/home/mle");
    live.send("rm .ssh/authorized_keys");
    assert_eq!(live.quit(), Some(0));
    with_second().sftp("pwd\n").failed();
    left_nothing(&sb, &before);
}
