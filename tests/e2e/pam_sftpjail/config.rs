//! The configuration: what an unusable one means for whom, and what a sound one does.

mod broken;

use sandbox::{Namespace, Sandbox};

use super::log::with_priorities;
use crate::common::libpam::{IGNORED, alone, alone_with, code, driven};

const CONFIG: &str = "/etc/sftpjail/config.toml";

/// A machine with mle, who is a member, and joe, who is not; both have keys.
fn machine() -> Sandbox {
    machine_in(Namespace::Private)
}

pub(super) fn machine_in(namespace: Namespace) -> Sandbox {
    let sb = Sandbox::in_namespace(namespace);
    with_priorities(&sb);
    sb.user("mle").group("sftp").add();
    sb.user("joe").add();
    sb.sh("mkdir -p /etc/sftpjail");
    sb
}

/// Gives the module arguments in sshd's stack.
fn with_arguments(sb: &Sandbox, arguments: &str) {
    sb.script(
        "sed -i \"s|pam_sftpjail.so$|& $1|; s|pam_sftpjail.so open|& $1|\" /etc/pam.d/sshd",
        &[arguments],
        b"",
    )
    .ok();
}

/// Sees the home and nothing of the host.
#[track_caller]
pub(super) fn is_jailed(sb: &Sandbox, user: &str) {
    let out = sb.sftp(user, &format!("pwd\ncd /\nls -1\nput /etc/hostname /home/{user}/put\n")).ok();
    assert!(out.stdout.contains(&format!("Remote working directory: /home/{user}\n")), "{out}");
    assert!(out.stdout.contains("\nhome\n") && !out.stdout.contains("\nusr\n"), "{out}");
}

#[test]
fn none_means_the_default() {
    let sb = machine();
    is_jailed(&sb, "mle");
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&format!("{CONFIG} is missing; the built-in default is used")), "{out}");
    assert_eq!(sb.log_lines("authpriv.crit"), [""; 0]);
}

#[test]
fn one_with_comments_only_means_the_default() {
    let sb = machine();
    sb.write(CONFIG, "# as it is built in\n");
    is_jailed(&sb, "mle");
    let out = sb.sh("sftpjail check mle");
    assert!(out.stdout.contains(&format!("{CONFIG} is ok")), "{out}");
}

#[test]
fn the_argument_config_names_another_file() {
    let sb = machine();
    sb.write(CONFIG, "this is not read\n");
    sb.sh("mkdir '/etc/a place'");
    sb.write("/etc/a place/jails.toml", "[[profile]]\nname = \"theirs\"\ngroups = [\"sftp\"]\n");
    // The brackets are how pam.conf(5) takes an argument with a blank.
    with_arguments(&sb, "[config=/etc/a place/jails.toml]");
    is_jailed(&sb, "mle");
    let line = sb.wait_for_log("pam_sftpjail(sshd:session): session opened for user mle");
    assert!(line.contains(" profile=theirs "), "{line}");
    assert_eq!(sb.log_lines("authpriv.crit"), [""; 0]);
}

#[test]
fn the_argument_config_takes_no_relative_path() {
    let sb = machine();
    assert_eq!(code(&alone_with(&sb, "config=jails.toml", "mle", &["open"]), "open"), IGNORED);
    let line = sb.wait_for_log("jails.toml");
    assert!(line.starts_with("authpriv.crit "), "{line}");
    let said = ": jails.toml: the path of the configuration is relative; fix: give the absolute path";
    assert!(line.ends_with(said), "{line}");
}

#[test]
fn the_argument_debug_says_why_somebody_is_not_jailed() {
    let sb = machine();
    assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n");
    with_arguments(&sb, "debug");
    assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n");
    for phase in ["account", "session"] {
        let said = format!("pam_sftpjail(sshd:{phase}): user joe is not jailed: in no profile");
        let line = sb.wait_for_log(&said);
        assert!(line.starts_with("authpriv.debug ") && line.ends_with(&said), "{line}");
    }
    // Of the first login nothing is said; of the second, each check's outcome too.
    assert_eq!(sb.log_lines("is not jailed").len(), 2);
    assert_eq!(sb.log_lines("account: joe (uid ").len(), 2);
    is_jailed(&sb, "mle");
}

#[test]
fn an_unknown_argument_refuses_members_and_nobody_else() {
    let sb = machine();
    with_arguments(&sb, "confg=/etc/jails.toml");
    let out = sb.sftp("mle", "pwd\n").failed();
    assert_eq!(out.stdout, "", "{out}");
    assert!(out.stderr.starts_with("SFTP is not possible because of a problem on this server. "), "{out}");
    let reason = "unknown module argument \"confg=/etc/jails.toml\"; fix: correct the pam_sftpjail.so line \
                  in /etc/pam.d; its arguments are config=PATH, debug, open and close";
    let line = sb.wait_for_log("refused user mle");
    assert!(line.ends_with(&format!("rhost=127.0.0.1: {reason}")), "{line}");
    sb.sh("test ! -e /jail");

    assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n");
    for user in ["joe", "root"] {
        let out = alone_with(&sb, "confg=/etc/jails.toml", user, &["account", "open"]);
        assert_eq!((code(&out, "account"), code(&out, "open")), (IGNORED.into(), IGNORED.into()));
    }
    // Nobody was refused for it, yet an admin must hear of it.
    let line = sb.wait_for_log(&format!("pam_sftpjail(sshd:account): {reason}"));
    assert!(line.starts_with("authpriv.err "), "{line}");
}

#[test]
fn other_services_are_not_ours() {
    let sb = machine();
    // A home that sshd's members would be refused for.
    sb.sh("chown joe /home/mle");
    assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), "14");
    sb.sh("mv /etc/alone/sshd /etc/alone/login");
    let login = ["--confdir", "/etc/alone", "--service", "login", "mle", "account", "open"];
    let out = driven(&sb, &login);
    assert_eq!((code(&out, "account"), code(&out, "open")), (IGNORED.into(), IGNORED.into()));
    assert_eq!(sb.log_lines("pam_sftpjail(login"), [""; 0]);

    sb.write(CONFIG, "services = [\"ftp\", \"login\"]\n");
    let out = driven(&sb, &login[..6]);
    assert_eq!(code(&out, "account"), "6", "once it is listed, it is");
    sb.wait_for_log("pam_sftpjail(login:account): refused user mle");
    assert_eq!(code(&alone(&sb, "mle", &["open"]), "open"), IGNORED, "and sshd no longer");
}

#[test]
fn uid_0_is_never_jailed_whatever_its_name_and_groups() {
    let sb = machine();
    sb.sh("useradd --non-unique --uid 0 --groups sftp --no-create-home --home-dir /root toor; gpasswd -a root sftp");
    for user in ["toor", "root"] {
        let out = alone(&sb, user, &["account", "open"]);
        assert_eq!((code(&out, "account"), code(&out, "open")), (IGNORED.into(), IGNORED.into()));
        // sshd goes by the group, and locks them out.
        let check = sb.try_sh(&format!("sftpjail check {user}"));
        assert_eq!(check.code, Some(1), "{check}");
        assert!(check.stdout.contains("uid 0 is never jailed\n"), "{check}");
        assert!(
            check.stdout.contains(&format!("but {user} is in no profile, so no jail is built")),
            "{check}"
        );
    }
    sb.sh("sed -i 's/^Match Group sftp/& User *,!root,!toor/' /etc/ssh/sshd_config");
    for user in ["toor", "root"] {
        let check = sb.try_sh(&format!("sftpjail check {user}"));
        assert_eq!(check.code, Some(3), "{check}");
    }
    assert_eq!(sb.log_lines("pam_sftpjail"), [""; 0]);
}

#[test]
fn a_profile_for_a_group_that_does_not_exist_is_pointed_out_and_locks_nobody_out() {
    let sb = machine();
    sb.write(CONFIG, "[[profile]]\nname = \"p\"\ngroups = [\"stfp\", \"sftp\"]\n");
    assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n");
    let said = "a profile names the group stfp, which does not exist; fix: run `sftpjail setup`, which adds the group, or correct its name stfp in the configuration";
    let line = sb.wait_for_log("stfp");
    assert!(line.starts_with("authpriv.err ") && line.ends_with(said), "{line}");
    is_jailed(&sb, "mle");
    for (user, code) in [("mle", 0), ("joe", 3)] {
        let check = sb.try_sh(&format!("sftpjail check {user}"));
        assert_eq!(check.code, Some(code), "{check}");
        assert!(check.stdout.contains("! profile        a profile names the group stfp"), "{check}");
    }
}
