//! An unusable configuration opens nothing and locks nobody out who was not told to be jailed.

use sandbox::Sandbox;

use super::{CONFIG, machine};
use crate::common::libpam::{IGNORED, alone, code};

/// Nobody gets into a jail, everybody else in as ever, and the log and `check` say `what` at which
/// file.
#[track_caller]
fn unusable(sb: &Sandbox, what: &str) {
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
        assert!(line.ends_with(&format!("{phase}): {said}: {CONFIG}: {what}")), "{line}");
    }
    let check = sb.try_sh("sftpjail check mle");
    assert_eq!(check.code, Some(1), "{check}");
    assert!(check.stdout.contains(&format!("✗ configuration  {CONFIG}: {what}\n")), "{check}");
}

/// The same for a file with this text.
#[track_caller]
fn unusable_text(text: impl AsRef<[u8]>, what: &str) {
    let sb = machine();
    sb.write(CONFIG, text);
    unusable(&sb, what);
}

/// The same for what a script makes at `$1`.
#[track_caller]
fn unusable_file(script: &str, what: &str) {
    let sb = machine();
    sb.script(script, &[CONFIG], b"").ok();
    unusable(&sb, what);
}

/// The same for a profile with a line too much; it is the fourth.
#[track_caller]
fn unusable_profile(line: &str, what: &str) {
    unusable_text(format!("[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n{line}\n"), what);
}

/// The keys of a profile.
const KEYS: &str =
    "`name`, `groups`, `home`, `umask`, `max_sessions`, `guard`, `log`, `names`, `localtime`, `volume`";

#[test]
fn no_toml() {
    unusable_text(
        "# jails\n\njail_root = /jail\n",
        "line 3: string values must be quoted, expected literal string",
    );
}

#[test]
fn a_string_without_an_end() {
    unusable_text(
        "services = [\"sshd\"]\njail_root = \"/jail\n",
        "line 2: invalid basic string, expected `\"`",
    );
}

#[test]
fn an_unknown_key() {
    unusable_text(
        "# jails\njail_rot = \"/srv/jail\"\n",
        "line 2: unknown field `jail_rot`, expected one of `jail_root`, `namespace`, `services`, `exempt_groups`, `profile`",
    );
}

#[test]
fn an_unknown_key_of_a_profile() {
    unusable_profile(
        "read_only = true",
        &format!("line 4: unknown field `read_only`, expected one of {KEYS}"),
    );
}

#[test]
fn a_key_with_terminal_controls() {
    unusable_text(
        "\"\\u001b[2J\\n\" = 1\n",
        "line 1: unknown field `?[2J?`, expected one of `jail_root`, `namespace`, `services`, `exempt_groups`, `profile`",
    );
}

#[test]
fn a_wrong_type() {
    unusable_text("services = \"sshd\"\n", "line 1: invalid type: string \"sshd\", expected a sequence");
}

#[test]
fn a_wrong_value() {
    unusable_text(
        "namespace = \"public\"\n",
        "line 1: unknown variant `public`, expected `private` or `host`",
    );
}

#[test]
fn a_profile_without_groups() {
    unusable_text("\n[[profile]]\nname = \"p\"\n", "line 2: missing field `groups`");
}

#[test]
fn no_utf8() {
    unusable_text(b"jail_root = \"/caf\xe9\"\n", "is not UTF-8; save it as UTF-8");
}

#[test]
fn a_file_that_is_not_roots() {
    unusable_file("touch $1; chown joe $1", "is not owned by root; run chown root on it");
}

#[test]
fn a_file_that_its_group_can_write() {
    unusable_file("touch $1; chmod 664 $1", "can be written by others than root; run chmod go-w on it");
}

#[test]
fn a_file_that_everybody_can_write() {
    unusable_file("touch $1; chmod 646 $1", "can be written by others than root; run chmod go-w on it");
}

#[test]
fn a_directory() {
    unusable_file("mkdir $1", "is not a regular file; replace it with one");
}

#[test]
fn a_fifo_hangs_nobody() {
    unusable_file("mkfifo $1", "is not a regular file; replace it with one");
}

#[test]
fn a_symlink_to_itself() {
    unusable_file("ln -s $1 $1", "cannot be read: Too many symbolic links encountered");
}

#[test]
fn a_file_larger_than_a_mebibyte() {
    unusable_file("yes '#' | head -c 1048577 >$1", "is larger than 1 MiB, so it cannot be a configuration");
}

#[test]
fn a_namespace() {
    unusable_text(
        "namespace = \"container\"\n",
        "line 1: unknown variant `container`, expected `private` or `host`",
    );
}

#[test]
fn neither_a_home_nor_a_volume() {
    unusable_profile(
        "home = \"none\"",
        "profile p: home = \"none\" without a volume leaves the jail empty; add a [[profile.volume]]",
    );
}

#[test]
fn a_umask() {
    let said = "profile p: umask rwx is not an octal number up to 777; write for example \"027\"";
    unusable_profile("umask = \"rwx\"", said);
}

#[test]
fn a_limit_of_sessions() {
    unusable_profile(
        "max_sessions = 0",
        "profile p: max_sessions = 0 refuses everybody; lock the accounts instead",
    );
}

#[test]
fn a_volume() {
    unusable_profile(
        "[[profile.volume]]\nsource = \"/srv/%n\"\ntarget = \"/up\"",
        "profile p: source \"/srv/%n\" contains %n; the variables are %u, %U, %g, %h and %%",
    );
}

#[test]
fn no_groups() {
    unusable_text(
        "[[profile]]\nname = \"p\"\ngroups = []\n",
        "profile p: groups is empty; name at least one",
    );
}

#[test]
fn no_services() {
    unusable_text("services = []\n", "services is empty; name at least one");
}

#[test]
fn no_profiles() {
    unusable_text("profile = []\n", "profile is empty; remove it or describe one");
}

#[test]
fn two_profiles_of_one_name() {
    let profile = "[[profile]]\nname = \"p\"\ngroups = [\"sftp\"]\n";
    unusable_text(profile.repeat(2), "there are two profiles named p; rename one");
}

#[test]
fn a_relative_jail_root() {
    unusable_text(
        "jail_root = \"jail\"\n",
        "jail_root jail is relative; give the absolute path of a directory",
    );
}

#[test]
fn an_empty_jail_root() {
    unusable_text(
        "jail_root = \"\"\n",
        "jail_root \"\" is an empty path; give the absolute path of a directory",
    );
}

#[test]
fn a_symlink_that_leads_nowhere() {
    unusable_file("ln -s nowhere.toml $1", "cannot be read: No such file or directory");
}
