//! Refused, with the right words to user and admin: a member whose home or jail root is not sound.

mod jail_root;
mod names;

use sandbox::{Sandbox, User};

use crate::driven::{alone, code};

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
/// and `cure` in the log and from `check`, and nothing is left.
#[track_caller]
fn refused(sb: &Sandbox, told: &str, reason: &str, cure: &str) {
    let before = surroundings(sb);
    let login = sb.login("mle").password("pw");
    for out in [login.sftp("pwd\n").failed(), login.ssh(&["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
        let said: Vec<_> = out.stderr.lines().filter(|l| !l.starts_with("Connection closed")).collect();
        assert_eq!(said, [told]);
    }
    let line = sb.wait_for_log("pam_sftpjail(sshd:account): refused user mle rhost=127.0.0.1: ");
    assert!(line.ends_with(&format!("127.0.0.1: {reason}; cure: {cure}")), "{line}");

    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    let lines: Vec<_> = check.stdout.lines().collect();
    let at = lines.iter().position(|l| l.starts_with('✗') && l.ends_with(reason));
    let at = at.unwrap_or_else(|| panic!("no ✗ … {reason}: {check}"));
    assert_eq!(lines[at + 1].trim(), format!("→ {cure}"), "{check}");
    assert_eq!(surroundings(sb), before);
}

/// The same for a home in which `why` is wrong with the spelling.
#[track_caller]
fn refused_spelling(home: &str, why: &str) {
    let sb = Sandbox::new();
    mle(&sb).home(home).make_home(false).raw().add();
    let shown = match home.len() {
        0 => "\"\"".to_owned(),
        // The middle of a very long one is left out.
        n if n > 512 => format!("{}[{} bytes]{}", &home[..256], n - 512, &home[n - 256..]),
        _ => home.to_owned(),
    };
    let reason = format!("the home directory {shown} {why}");
    refused(&sb, HOME, &reason, "give the account another home: usermod -d /home/mle mle");
}

#[test]
fn a_home_that_is_missing() {
    let sb = Sandbox::new();
    let mle = mle(&sb).make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /home/mle cannot be used: it does not exist",
        &format!("install -d -m 0700 -o mle -g {} /home/mle", mle.gid),
    );
}

#[test]
fn a_home_whose_parent_is_missing() {
    let sb = Sandbox::new();
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
fn refused_obstacle(home: &str, made_by: &str, stands_there: &str) {
    let sb = Sandbox::new();
    mle(&sb).home(home).make_home(false).add();
    sb.sh(made_by);
    refused(
        &sb,
        HOME,
        &format!("the home directory {home} cannot be used: {stands_there} is not a directory"),
        "move it away and make a directory there",
    );
}

#[test]
fn a_home_that_is_a_file() {
    refused_obstacle("/home/mle", "install -o mle /dev/null /home/mle", "it");
}

#[test]
fn a_home_that_is_a_fifo_hangs_nobody() {
    refused_obstacle("/home/mle", "mkfifo /home/mle; chown mle /home/mle", "it");
}

#[test]
fn a_fifo_on_the_way_to_the_home_hangs_nobody() {
    refused_obstacle("/home/way/mle", "mkfifo /home/way", "/home/way");
}

#[test]
fn a_file_on_the_way_to_the_home() {
    refused_obstacle("/home/way/mle", "touch /home/way", "/home/way");
}

#[test]
fn a_home_that_is_a_symlink_even_of_roots() {
    let sb = Sandbox::new();
    mle(&sb).make_home(false).add();
    sb.sh("install -d -o mle /srv/mle; ln -s /srv/mle /home/mle");
    refused(
        &sb,
        HOME,
        "the home directory /home/mle cannot be used: it is a symlink",
        "give the account the link's target as its home: usermod -d TARGET mle",
    );
}

/// `/home/way` or whatever `made_by` makes leads to /srv/real, where there is a sound home.
#[track_caller]
fn refused_symlink(home: &str, made_by: &str, link: &str) {
    let sb = Sandbox::new();
    mle(&sb).home(home).make_home(false).add();
    sb.sh(&format!("install -d /srv/real; install -d -o mle /srv/real/sub; {made_by}"));
    sb.sh(&format!("test -d {home}/."));
    refused(
        &sb,
        HOME,
        &format!(
            "the home directory {home} cannot be used: {link} is a symlink that others than root could replace"
        ),
        "replace the symlink by a directory, or let the home be spelt without it",
    );
}

#[test]
fn a_symlink_on_the_way_that_the_user_could_replace() {
    let made_by = "install -d -o mle /home/mle; ln -s /srv/real /home/mle/way";
    refused_symlink("/home/mle/way/sub", made_by, "/home/mle/way");
}

#[test]
fn a_symlink_on_the_way_that_belongs_to_a_user() {
    refused_symlink("/home/way/sub", "ln -s /srv/real /home/way; chown -h mle /home/way", "/home/way");
}

#[test]
fn roots_symlink_in_a_directory_that_a_group_can_write() {
    let made_by = "install -d -m 775 -g sftp /srv/team; ln -s /srv/real /srv/team/way";
    refused_symlink("/srv/team/way/sub", made_by, "/srv/team/way");
}

#[test]
fn roots_symlink_in_a_directory_that_everybody_can_write() {
    let made_by = "install -d -m 1777 /srv/all; ln -s /srv/real /srv/all/way";
    refused_symlink("/srv/all/way/sub", made_by, "/srv/all/way");
}

#[test]
fn roots_symlink_below_a_directory_that_everybody_can_write() {
    let made_by = "install -d -m 777 /srv/all; install -d /srv/all/in; ln -s /srv/real /srv/all/in/way";
    refused_symlink("/srv/all/in/way/sub", made_by, "/srv/all/in/way");
}

#[test]
fn roots_symlink_that_leads_into_the_system() {
    let sb = Sandbox::new();
    mle(&sb).home("/home/way/sub").make_home(false).add();
    sb.sh("ln -s /etc /home/way; install -d -o mle /etc/sub");
    refused(
        &sb,
        HOME,
        "the home directory /home/way/sub cannot be used: /etc/sub lies in the system directory /etc",
        "change the symlink that leads there",
    );
}

#[test]
fn the_root_directory_as_a_home() {
    refused_spelling("/", "is the root directory");
}

#[test]
fn etc_as_a_home() {
    refused_spelling("/etc", "lies in the system directory /etc");
}

#[test]
fn a_home_below_usr() {
    refused_spelling("/usr/share", "lies in the system directory /usr");
}

#[test]
fn a_home_below_the_jail_root() {
    refused_spelling("/jail/mle", "overlaps the jail root /jail");
}

#[test]
fn a_home_above_the_jail_root() {
    let sb = Sandbox::new();
    jail_root::at(&sb, "/srv/sftp/jail");
    sb.sh("mkdir -p /srv/sftp");
    mle(&sb).home("/srv").make_home(false).add();
    refused(
        &sb,
        HOME,
        "the home directory /srv overlaps the jail root /srv/sftp/jail",
        "give the account another home: usermod -d /home/mle mle",
    );
}

#[test]
fn a_relative_home() {
    refused_spelling("home/mle", "is relative");
}

#[test]
fn a_home_with_dots() {
    refused_spelling("/home/../home/mle", "holds a '..'");
}

#[test]
fn an_empty_home() {
    refused_spelling("", "is an empty path");
}

#[test]
fn a_home_of_five_thousand_bytes() {
    refused_spelling(&format!("/home/{}", "long/".repeat(999)), "is longer than 4095 bytes");
}

#[test]
fn a_home_of_a_third_user() {
    let sb = Sandbox::new();
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

#[test]
fn the_session_hook_refuses_by_itself_and_says_nothing() {
    let sb = Sandbox::new();
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

#[test]
fn the_account_hook_says_it_once_as_an_error() {
    let sb = Sandbox::new();
    mle(&sb).make_home(false).add();
    let out = alone(&sb, "mle", &["account"]);
    // PAM_PERM_DENIED; 3 is PAM_ERROR_MSG.
    assert_eq!(out.stdout, format!("message 3: {HOME}\naccount 6\n"));
    sb.sh("install -d -o mle /home/mle");
    assert_eq!(code(&alone(&sb, "mle", &["account"]), "account"), "0");
}

#[test]
fn without_the_account_line_sshd_still_lets_nobody_in() {
    let sb = Sandbox::new();
    mle(&sb).make_home(false).add();
    sb.sh("sed -i '/^account.*pam_sftpjail/d' /etc/pam.d/sshd");
    let login = sb.login("mle").password("pw");
    for out in [login.sftp("pwd\n").failed(), login.ssh(&["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
    }
    sb.wait_for_log("pam_sftpjail(sshd:session): refused user mle rhost=127.0.0.1: the home");
    sb.sh("test ! -e /jail");
}
