//! An unusable configuration opens nothing and locks nobody out who was not told to be jailed.

use sandbox::Sandbox;

use super::{CONFIG, machine};
use crate::common::libpam::{IGNORED, alone, code};

/// Nobody gets into a jail, everybody else in as ever, and the log and `check` say `what` at which
/// file, with the `fix`.
#[track_caller]
fn unusable(sb: &Sandbox, what: &str, fix: &str) {
    let mounts = sb.mounts();
    for out in [sb.sftp("mle", "pwd\n").failed(), sb.ssh("mle", &["id"]).failed()] {
        assert_eq!(out.stdout, "", "{out}");
    }
    assert_eq!(sb.ssh("joe", &["id", "-un"]).ok().stdout, "joe\n");
    sb.sftp("joe", "cd /etc\n").ok();
    for user in ["root", "joe", "mle"] {
        let out = alone(sb, user, &["account", "open"]);
        assert_eq!((code(&out, "account"), code(&out, "open")), (IGNORED.into(), IGNORED.into()));
    }
    sb.sh("test ! -e /jail");
    assert_eq!(sb.mounts(), mounts);

    for phase in ["account", "session"] {
        let line = sb.wait_for_log(&format!("pam_sftpjail(sshd:{phase}): "));
        assert!(line.starts_with("authpriv.crit "), "{line}");
        let said = "until this is fixed, no jails are built, and sshd refuses every user that it chroots";
        assert!(line.contains(&format!("{phase}): {said}: {CONFIG}: {what}; fix: {fix}")), "{line}");
    }
    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    let until = "Until this is fixed, no jail is built, and sshd refuses the users that it chroots";
    let shown = format!("✗ configuration  {CONFIG}: {what}. {until}\n                 → {fix}");
    assert!(check.stdout.contains(&shown), "{check}");
    let alone = sb.try_sh("sftpjail config check");
    let code = if what.starts_with("cannot be read") { 2 } else { 1 };
    assert_eq!((alone.code, alone.stdout.as_str()), (Some(code), ""), "{alone}");
    assert!(alone.stderr.starts_with(&format!("{CONFIG}: {what}\n→ {fix}")), "{alone}");
}

/// The same for a file with this text.
#[track_caller]
fn unusable_text(text: impl AsRef<[u8]>, what: &str, fix: &str) {
    let sb = machine();
    sb.write(CONFIG, text);
    unusable(&sb, what, fix);
}

/// The same for what a script makes at `$1`.
#[track_caller]
fn unusable_file(script: &str, what: &str, fix: &str) {
    let sb = machine();
    sb.script(script, &[CONFIG], b"").ok();
    unusable(&sb, what, fix);
}

/// The same for a profile with a line too much; it is the fourth.
#[track_caller]
fn unusable_profile(line: &str, what: &str, fix: &str) {
    unusable_text(format!("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n{line}\n"), what, fix);
}

#[test]
fn no_toml() {
    unusable_text(
        "# jails\n\njail_root = /jail\n",
        "line 3: the value of jail_root is not written as TOML wants it",
        "write jail_root = \"/jail\"",
    );
}

#[test]
fn a_file_that_a_full_disk_has_left_without_a_byte() {
    let fix = "write it again, or remove it where the built-in default is meant";
    unusable_text("", "is empty, as a full disk leaves a file behind", fix);
}

#[test]
fn an_unknown_key() {
    unusable_text(
        "# jails\njail_rot = \"/srv/jail\"\n",
        "line 2: there is no key jail_rot",
        "write jail_root",
    );
}

#[test]
fn an_unknown_key_of_a_profile() {
    unusable_profile("max_session = 4", "line 4: there is no key max_session", "write max_sessions");
}

#[test]
fn a_key_with_terminal_controls() {
    unusable_text(
        "\"\\u001b[2J\\n\" = 1\n",
        "line 1: there is no key ?[2J?",
        "the keys of the file are jail_root,",
    );
}

#[test]
fn a_wrong_type() {
    unusable_profile("umask = 22", "line 4: umask is a number", "write umask = \"022\"");
}

#[test]
fn a_wrong_value() {
    unusable_text(
        "namespace = \"public\"\n",
        "line 1: namespace public is none of private, host",
        "write namespace = \"private\" or namespace = \"host\"",
    );
}

#[test]
fn a_profile_without_groups() {
    unusable_text(
        "\n[[profile]]\nname = \"p\"\n",
        "line 2: a profile has no groups",
        "add a line such as groups = [\"sftp\"]",
    );
}

#[test]
fn no_utf8() {
    unusable_text(b"jail_root = \"/caf\xe9\"\n", "is not UTF-8", "save it as UTF-8");
}

/// The fix for a file that others could write. `sftpjail` itself gives the commands.
const LOOK: &str = "look at what is in it, because others could change it";

#[test]
fn a_file_that_is_not_roots() {
    unusable_file("touch $1; chown joe $1", "is not owned by root", LOOK);
}

#[test]
fn a_file_that_its_group_can_write() {
    unusable_file("touch $1; chmod 664 $1", "can be written by others than root", LOOK);
}

#[test]
fn a_file_that_everybody_can_write_and_the_commands_that_fix_it() {
    let sb = machine();
    sb.sh(&format!("echo '# the default' >{CONFIG}; chown joe {CONFIG}; chmod 646 {CONFIG}"));
    unusable(&sb, "is not owned by root", LOOK);
    let out = sb.try_sh("sftpjail config check");
    let (_, command) = out.stderr.trim_end().split_once(", then: ").unwrap_or_else(|| panic!("{out}"));
    assert_eq!(command, format!("chown root {CONFIG} && chmod go-w {CONFIG}"));
    sb.sh(command);
    assert_eq!(sb.sh("sftpjail config check 2>&1").stdout, "");
}

#[test]
fn a_directory() {
    unusable_file("mkdir $1", "is not a regular file", "name a regular file, or replace this with one");
}

#[test]
fn a_fifo_hangs_nobody() {
    unusable_file("mkfifo $1", "is not a regular file", "name a regular file, or replace this with one");
}

#[test]
fn a_file_larger_than_a_mebibyte() {
    let said = "is larger than 1 MiB, so it is something else";
    unusable_file("yes '#' | head -c 1048577 >$1", said, "name another file, or replace this one");
}

#[test]
fn an_owner_of_a_home_without_a_home() {
    unusable_profile(
        "home = \"none\"\nhome_owner = \"web\"",
        "line 5: profile p: home_owner is for the home, but home = \"none\"",
        "remove home_owner",
    );
}

#[test]
fn a_volume() {
    unusable_profile(
        "[[profile.volume]]\nsource = \"/srv/%n\"\ntarget = \"/up\"",
        "line 5: profile p: source \"/srv/%n\" contains %n",
        "use the variables %u, %U, %g, %h and %% only",
    );
}

#[test]
fn a_relative_jail_root() {
    unusable_text(
        "jail_root = \"jail\"\n",
        "line 1: jail_root jail is relative",
        "give the absolute path of a directory",
    );
}

#[test]
fn a_symlink_to_itself() {
    let fix = "make sure that root can read it";
    unusable_file("ln -s $1 $1", "cannot be read: Too many symbolic links encountered", fix);
}

#[test]
fn a_symlink_that_leads_nowhere() {
    let fix = "write the file, or correct its path";
    unusable_file("ln -s nowhere.toml $1", "cannot be read: No such file or directory", fix);
}
