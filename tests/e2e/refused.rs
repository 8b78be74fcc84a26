//! Refused, with the right words to user and admin: a member whose home or jail root is not sound.

mod jail_root;
mod kept;
mod names;
mod spellings;
mod symlinks;

use sandbox::{Namespace, Sandbox, User};

use crate::driven::{alone, code};

in_both_namespaces!(
    a_home_that_is_missing,
    a_home_whose_parent_is_missing,
    a_home_that_is_a_file,
    a_home_that_is_a_fifo_hangs_nobody,
    a_fifo_on_the_way_to_the_home_hangs_nobody,
    a_file_on_the_way_to_the_home,
    a_home_of_a_third_user,
    the_session_hook_refuses_by_itself_and_says_nothing,
    the_account_hook_says_it_once_as_an_error,
    without_the_account_line_sshd_still_lets_nobody_in,
);

/// What the user is told about a home, and about what is wrong elsewhere.
const HOME: &str = "SFTP is not possible: your home directory is missing or not safe to use. \
                    Please ask the administrator of this server to check it.";
const SERVER: &str = "SFTP is not possible because of a problem on this server. \
                      Please tell its administrator; your account and your files are untouched.";

/// The member who is refused. The password, because sshd itself refuses a key in some of the homes.
fn mle(sb: &Sandbox) -> User<'_> {
    sb.user("mle").group("sftp").password("pw").key(false)
}

/// Everything that a login could have made or changed.
fn surroundings(sb: &Sandbox) -> (Vec<String>, String) {
    let find = "find /jail /srv /home /run/sftpjail -printf '%p %y %m %U %G %l\\n' 2>/dev/null | sort";
    (sb.mounts(), sb.sh(find).stdout)
}

/// mle logs in by sftp and ssh and is refused: the user reads `told` and no more, the admin `reason`
/// and `fix` in the log and from `check`, and nothing is left.
#[track_caller]
fn refused(sb: &Sandbox, told: &str, reason: &str, fix: &str) {
    let before = surroundings(sb);
    let login = sb.login("mle").password("pw");
    for out in [login.sftp("pwd\n").failed(), login.ssh(&["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
        let said: Vec<_> = out.stderr.lines().filter(|l| !l.starts_with("Connection closed")).collect();
        assert_eq!(said, [told]);
    }
    let line = sb.wait_for_log("pam_sftpjail(sshd:account): refused user mle rhost=127.0.0.1: ");
    assert!(line.ends_with(&format!("127.0.0.1: {reason}; fix: {fix}")), "{line}");

    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    let lines: Vec<_> = check.stdout.lines().collect();
    let at = lines.iter().position(|l| l.starts_with('✗') && l.ends_with(reason));
    let at = at.unwrap_or_else(|| panic!("no ✗ … {reason}: {check}"));
    assert_eq!(lines[at + 1].trim(), format!("→ {fix}"), "{check}");
    assert_eq!(surroundings(sb), before);
}

fn a_home_that_is_missing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let mle = mle(&sb).make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /home/mle cannot be used: it does not exist",
        &format!("install -d -m 0700 -o mle -g {} /home/mle", mle.gid),
    );
}

fn a_home_whose_parent_is_missing(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let mle = mle(&sb).home("/srv/web/mle").make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /srv/web/mle cannot be used: /srv/web does not exist",
        &format!("install -d -m 0700 -o mle -g {} /srv/web/mle", mle.gid),
    );
}

/// A home, or a component of it, at which something else than a directory stands.
#[track_caller]
fn refused_obstacle(namespace: Namespace, home: &str, made_by: &str, stands_there: &str) {
    let sb = Sandbox::in_namespace(namespace);
    mle(&sb).home(home).make_home(false).add();
    sb.sh(made_by);
    refused(
        &sb,
        HOME,
        &format!("the home directory {home} cannot be used: {stands_there} is not a directory"),
        "move it away and make a directory there",
    );
}

fn a_home_that_is_a_file(namespace: Namespace) {
    refused_obstacle(namespace, "/home/mle", "install -o mle /dev/null /home/mle", "it");
}

fn a_home_that_is_a_fifo_hangs_nobody(namespace: Namespace) {
    refused_obstacle(namespace, "/home/mle", "mkfifo /home/mle; chown mle /home/mle", "it");
}

fn a_fifo_on_the_way_to_the_home_hangs_nobody(namespace: Namespace) {
    refused_obstacle(namespace, "/home/way/mle", "mkfifo /home/way", "/home/way");
}

fn a_file_on_the_way_to_the_home(namespace: Namespace) {
    refused_obstacle(namespace, "/home/way/mle", "touch /home/way", "/home/way");
}

fn a_home_of_a_third_user(namespace: Namespace) {
    let sb = Sandbox::in_namespace(namespace);
    let joe = sb.user("joe").add();
    let mle = mle(&sb).make_home(false).home("/home/joe").add();
    let (joe, mle) = (joe.uid, mle.uid);
    refused(
        &sb,
        HOME,
        &format!("the home directory /home/joe belongs to uid {joe}, neither to mle (uid {mle}) nor to root"),
        "chown -h mle /home/joe",
    );
}

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
